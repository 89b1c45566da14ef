"""Waits: for a time, a signal, an event, a person, a called run. What they wait for is evaluated once, when they begin."""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour
from auraos.core.run.commands import AskPerson, StartTimer, Subscribe
from auraos.core.run.containers import give_up, leave
from auraos.core.run.ending import stop_waiting
from auraos.core.run.evaluation import error_of, evaluate_or_error, refuse_deep
from auraos.core.run.facts import (
    Answered,
    EventReceived,
    EventTaken,
    SignalReceived,
    StepError,
    StepSettled,
    TimerFired,
    WaitStarted,
)
from auraos.core.run.program import CONTAINERS, EPOCH
from auraos.core.run.state import MAILBOX_BOUND, Activation
from auraos.core.run.tokens import OUT, count_success, fail, queue, retire, settle
from auraos.core.run.tries import limit_timer, numbered, plan_again
from auraos.core.run.turn import Turn
from auraos.core.values import Value, ValueRefusedError, parse_datetime, parse_duration, to_plain, type_name

MICRO = timedelta(microseconds=1)
SHORTEST_REMINDER = 1_000_000
"""Microseconds: a person is not asked more often."""


def decide_wait(turn: Turn, activation: Activation) -> None:
    """Evaluate what a step waits for, and record it."""
    settings, error = evaluate_or_error(
        turn, activation.frame, activation.path, lambda names: _eager(activation, names)
    )
    if error is None:
        try:
            refuse_deep(settings)
            fact = _go_on(turn, activation, _wait_fact(turn, activation, settings))
        except (ValueRefusedError, KeyError) as refused:
            missing = type(refused) is KeyError
            error = error_of(
                activation.step,
                activation.path,
                class_="data",
                code="settings-refused",
                message=f"`{refused.args[0]}` is missing." if missing else str(refused),
                at=turn.at,
            )
        else:
            turn.decide(fact)
            return
    settle_error(turn, activation, error)


def wait_started(turn: Turn, activation: Activation, fact: WaitStarted) -> None:
    """Begin to wait, unless what is waited for is there already."""
    activation.status = "waiting"
    activation.since = turn.at
    activation.wait_kind, activation.wait_name, activation.wait_key = fact.kind, fact.name, fact.key
    activation.wait_due, activation.wait_details = fact.due, fact.details
    if fact.due is not None:
        turn.commands.append(StartTimer(activation.path, numbered("due", activation), fact.due))
    match fact.kind:
        case "signal":
            waiting = turn.state.mailbox.get((fact.name, fact.key))
            if waiting:
                signal = waiting.popleft()
                turn.state.mailbox_size -= 1
                if not waiting:
                    del turn.state.mailbox[fact.name, fact.key]
                _take_signal(turn, activation, signal)
        case "event":
            turn.commands.append(Subscribe(activation.path, fact.name, fact.since))
        case "approval":
            turn.commands.append(AskPerson(activation.path, "approval", fact.details))
            if fact.remind is not None:
                activation.remind = fact.remind
                turn.commands.append(StartTimer(activation.path, "remind", turn.at + fact.remind))


def timer_fired(turn: Turn, fact: TimerFired) -> None:
    """A timer came due: a wait is over, a retry begins, a reminder goes out, or a time limit is reached."""
    activation = turn.state.activations.get(fact.path)
    if activation is None:
        return
    match fact.timer:
        case "retry" if activation.status == "retrying":
            activation.wait_due = None
            if activation.step.behaviour is not Behaviour.EXECUTE:
                turn.todo.append(("again", activation, None))
                return
            activation.status = "queued"
            queue(turn, activation)
        case name if name == numbered("due", activation) and activation.status == "waiting":
            _time_is_up(turn, activation)
        case "remind" if activation.status == "waiting" and activation.remind is not None:
            turn.commands.append(AskPerson(fact.path, "approval", activation.wait_details, again=True))
            turn.commands.append(StartTimer(fact.path, "remind", turn.at + activation.remind))
        case name if name == limit_timer(activation):
            _limit_reached(turn, activation)


def signal_received(turn: Turn, fact: SignalReceived) -> None:
    """Give a signal to the wait that has waited longest, or keep it in the mailbox."""
    state = turn.state
    if fact.id:
        if fact.id in state.signal_ids:
            return
        state.signal_ids.add(fact.id)
    for activation in state.activations.values():
        waits_for = (activation.wait_kind, activation.wait_name, activation.wait_key)
        if activation.status == "waiting" and waits_for == ("signal", fact.name, fact.key):
            _take_signal(turn, activation, fact)
            return
    if state.mailbox_size < MAILBOX_BOUND:
        state.mailbox.setdefault((fact.name, fact.key), deque()).append(fact)
        state.mailbox_size += 1


def event_received(turn: Turn, fact: EventReceived) -> None:
    """Plan the decision which wait takes an event; one that was seen before is not looked at again."""
    if fact.id in turn.state.event_ids:
        return
    turn.state.event_ids.add(fact.id)
    turn.state.agenda[f"event {fact.id}"] = ("match", fact, None)


def decide_match(turn: Turn, fact: EventReceived) -> None:
    """Find the wait that wants this event; the decision names the event, which stays planned until it is recorded."""
    turn.state.agenda[f"event {fact.id}"] = ("match", fact, None)
    for activation in list(turn.state.activations.values()):
        if (
            activation.wait_kind != "event"
            or activation.status != "waiting"
            or activation.wait_name != fact.type
        ):
            continue
        if _wants(turn, activation, fact.event):
            turn.decide(EventTaken(at=turn.at, path=activation.path, id=fact.id))
            return
    turn.decide(EventTaken(at=turn.at, path="", id=fact.id))


def event_taken(turn: Turn, fact: EventTaken) -> None:
    """A wait took an event."""
    _, received, _ = turn.state.agenda.pop(f"event {fact.id}", (None, None, None))
    activation = turn.state.activations.get(fact.path)
    if activation is not None and received is not None and activation.status == "waiting":
        _end_wait(turn, activation, received.event, OUT)


def answered(turn: Turn, fact: Answered) -> None:
    """A person answered; only the first answer counts."""
    activation = turn.state.activations.get(fact.path)
    if activation is None or activation.status != "waiting" or activation.wait_kind != "approval":
        return
    turn.state.answers[fact.path] = fact
    output = {
        "decision": fact.decision,
        "by": fact.by,
        "comment": fact.comment,
        "data": fact.data,
        "at": EPOCH + timedelta(microseconds=fact.at),
    }
    _end_wait(turn, activation, output, (fact.decision,))


def settle_error(turn: Turn, activation: Activation, error: StepError) -> None:
    """Decide the end of a step whose settings could not be evaluated: by its fallback, or as failed."""
    fallback = activation.step.fallback
    if fallback is not None:
        output, own = evaluate_or_error(turn, activation.frame, activation.path, fallback.evaluate, kept=True)
        if own is None:
            turn.decide(
                StepSettled(at=turn.at, path=activation.path, output=output, error=error, by_fallback=True)
            )
            return
    turn.decide(StepSettled(at=turn.at, path=activation.path, error=error))


def _eager(activation: Activation, names: dict[str, Any]) -> dict[str, Any]:
    settings = activation.step.settings.evaluate(names)
    return {name: value for name, value in settings.items() if not callable(value)}


def _go_on(turn: Turn, activation: Activation, fact: WaitStarted) -> WaitStarted:
    """Return a wait as the run had begun it in whose place this one goes on: it ends when that one would have ended."""
    taken = turn.state.inherited.get(activation.path) if turn.state.inherited else None
    begun = None if taken is None or activation.attempt else taken.under_way
    if begun is None or not begun.since:
        return fact
    due = fact.due
    if due is not None:
        due = begun.since + due - fact.at if begun.due is None else begun.due
    since = min(fact.since, begun.since) if fact.since is not None else None
    return msgspec.structs.replace(fact, due=due, since=since)


def _wait_fact(turn: Turn, activation: Activation, settings: dict[str, Any]) -> WaitStarted:
    path, at = activation.path, turn.at
    expires = settings.get("expires")
    due = None if expires is None else at + _micros(expires)
    match activation.step.behaviour:
        case Behaviour.TIMER:
            moment = settings.get("at")
            due = at + _micros(settings["duration"]) if moment is None else _moment(moment)
            return WaitStarted(at=at, path=path, kind="timer", due=due)
        case Behaviour.SIGNAL:
            return WaitStarted(
                at=at,
                path=path,
                kind="signal",
                due=due,
                name=_text(settings["name"]),
                key=_text(settings.get("key")),
            )
        case Behaviour.EVENT:
            since = settings.get("since")
            return WaitStarted(
                at=at,
                path=path,
                kind="event",
                due=due,
                name=_text(settings["type"]),
                key=_text(settings.get("key")),
                since=at if since is None else _moment(since),
            )
    remind = settings.get("remind")
    return WaitStarted(
        at=at,
        path=path,
        kind="approval",
        due=due,
        remind=None if remind is None else max(SHORTEST_REMINDER, _micros(remind)),
        details={
            name: to_plain(value) for name, value in settings.items() if name not in ("expires", "remind")
        },
    )


def _wants(turn: Turn, activation: Activation, event: Value) -> bool:
    key = activation.wait_key
    if key and (not isinstance(event, dict) or _text(event.get("key", event.get("subject"))) != key):
        return False

    def matches(names: dict[str, Any]) -> Value:
        match = activation.step.settings.evaluate(names).get("match")
        return match(event=event) if callable(match) else match is None or match

    wanted, error = evaluate_or_error(turn, activation.frame, activation.path, matches)
    return error is None and wanted is True


def _take_signal(turn: Turn, activation: Activation, signal: SignalReceived) -> None:
    output = {"data": signal.data, "by": signal.by, "at": EPOCH + timedelta(microseconds=signal.at)}
    _end_wait(turn, activation, output, OUT)


def _end_wait(turn: Turn, activation: Activation, output: Value, ports: tuple[str, ...]) -> None:
    stop_waiting(turn, activation)
    count_success(turn, activation, output, ports)


def _time_is_up(turn: Turn, activation: Activation) -> None:
    step = activation.step
    activation.wait_due = None
    if activation.wait_kind == "timer":
        _end_wait(turn, activation, None, OUT)
        return
    message = f"Nothing came in time for the {activation.wait_kind} that was waited for."
    error = error_of(step, activation.path, class_="timeout", code="expired", message=message, at=turn.at)
    if step.is_linked("expired"):
        stop_waiting(turn, activation)
        activation.error = error
        if not plan_again(turn, activation):
            activation.error = None
            _expire(turn, activation)
    else:
        stop_waiting(turn, activation)
        activation.error = error
        plan_failure(turn, activation)


def _expire(turn: Turn, activation: Activation) -> None:
    retire(turn, activation)
    settle(turn, activation.frame, activation.step, activation.path, None, ("expired",))


def plan_failure(turn: Turn, activation: Activation) -> None:
    """Let a failed wait or call fail, or plan the decision where it is tried again or a fallback stands in."""
    assert activation.error is not None
    if plan_again(turn, activation):
        return
    if activation.step.fallback is not None and not activation.cancelled:
        activation.status = "deciding"
        activation.undone = True
        turn.state.agenda[activation.path] = ("outcome", activation, None)
        return
    retire(turn, activation)
    fail(turn, activation.frame, activation.step, activation.path, activation.error)


def _limit_reached(turn: Turn, activation: Activation) -> None:
    """The deadline of a step is over: what runs is stopped, what would be tried again is not."""
    activation.deadline = None
    message = "The step took longer than it may."
    error = error_of(
        activation.step, activation.path, class_="timeout", code="deadline", message=message, at=turn.at
    )
    match activation.status:
        case "queued" | "retrying":
            activation.error = error if activation.error is None else error_with(error, activation.error)
            activation.unknown = False
            activation.status = "deciding"
            activation.undone = True
            turn.state.agenda[activation.path] = ("outcome", activation, None)
        case "granted":
            activation.deadline = turn.at  # the attempt ends by its own time limit, and no other follows
        case "waiting":
            stop_waiting(turn, activation)
            activation.error = error
            plan_failure(turn, activation)
        case "calling" if activation.is_shared:
            activation.child, activation.error = "", error
            plan_failure(turn, activation)
        case "open" | "calling":
            give_up(turn, activation, error)
            leave(turn, activation)
        case "deciding" if activation.step.behaviour in CONTAINERS:
            give_up(turn, activation, error)
        case "deciding" if activation.step.behaviour is not Behaviour.EXECUTE:
            if activation.error is None:
                turn.state.agenda.pop(activation.path, None)
                activation.error = error
                plan_failure(turn, activation)
        case _:
            activation.deadline = turn.at


def error_with(error: StepError, cause: StepError) -> StepError:
    """Return an error with what led to it."""
    return StepError(
        class_=error.class_,
        code=error.code,
        message=error.message,
        step=error.step,
        path=error.path,
        at=error.at,
        cause=cause,
    )


def _micros(value: Any) -> int:
    span = parse_duration(value) if isinstance(value, str) else value
    if not isinstance(span, timedelta):
        raise ValueRefusedError(
            f"A duration is needed here, not {type_name(value)}.", hint="Write 30s, 5m, 72h or 5d."
        )
    return max(0, span // MICRO)


def _moment(value: Any) -> int:
    moment = parse_datetime(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise ValueRefusedError(f"A point in time is needed here, not {type_name(value)}.")
    try:
        return (moment.astimezone(UTC) - EPOCH) // MICRO
    except OverflowError:
        raise ValueRefusedError(f"{moment.isoformat()} lies beyond the calendar.") from None


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(to_plain(value))
