"""What people ask of a run: its state, why it is not further, and what became of each step. Read off state and journal."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Literal

import msgspec

from auraos.core.run import facts
from auraos.core.run.commands import AskPerson, AwaitAdmission, Command, Continue, StartTimer, Subscribe
from auraos.core.run.facts import AnyFact, StepError
from auraos.core.run.gates import describe
from auraos.core.run.loops import child_command
from auraos.core.run.machine import refold
from auraos.core.run.program import EPOCH, Program
from auraos.core.run.retries import attempts_made
from auraos.core.run.state import FIRED, UNDECIDED, Activation, RunState
from auraos.core.run.tokens import queue_command
from auraos.core.run.tries import limit_timer, numbered
from auraos.core.run.turn import Outcome
from auraos.core.values import Value, format_datetime


class Why(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one activation (or the whole run, path empty) is where it is: in words, and as data."""

    path: str
    state: str
    words: str
    until: int | None = None
    data: dict[str, Any] = {}


class StepView(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of one activation."""

    path: str
    type: str = ""
    how: str = ""
    """Empty while it is under way; else how it came to its end."""
    attempts: int = 0
    began_at: int | None = None
    ended_at: int | None = None
    output: Value = None
    ports: tuple[str, ...] = ()
    error: StepError | None = None
    by_fallback: bool = False
    """Whether its output is its fallback, which stands in for this error."""
    cached: bool = False
    """Whether its output comes from the cache: nothing was carried out."""


class RunView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run as people see it."""

    status: str
    why: list[Why]
    steps: list[StepView]
    unread: list[str]
    """Signals that no wait has taken."""
    output: Value = None
    error: StepError | None = None
    moved_to: str = ""
    """The run that goes on in its place."""


def view(program: Program, journal: Iterable[AnyFact]) -> RunView:
    """Return the run that this journal tells of, or as much of it as the journal tells."""
    state = RunState(program)
    steps: dict[str, StepView] = {}

    def note(fact: AnyFact, outcomes: list[Outcome]) -> None:
        for path, how, output, ports, error in outcomes:
            own = _view_of(steps, program, path)
            own.how, own.output, own.ports, own.error = how, output, ports, error
            if isinstance(fact, facts.StepSettled) and fact.path == path and fact.by_fallback:
                own.error, own.by_fallback = fact.error, True
            own.ended_at = fact.at
            if own.began_at is None and how != "skipped":
                own.began_at = fact.at

    for fact in journal:
        _note_beginning(fact, steps, program)
        refold(state, fact, note)
    unread = [name + (f" ({key})" if key else "") for name, key in state.mailbox]
    return RunView(
        status=state.status,
        why=explain(state),
        steps=list(steps.values()),
        unread=unread,
        output=state.output,
        error=state.error,
        moved_to="" if state.moved is None else state.moved.run,
    )


def explain(state: RunState) -> list[Why]:
    """Return why the run is not further: for each activation that is under way or waits, the reason in words and data."""
    if state.moved is not None:
        words = f"The run goes on as run {state.moved.run}, by another version of its workflow."
        return [Why(path="", state="moved", words=words, data={"run": state.moved.run})]
    if state.is_final:
        words = f"The run is over: {state.status}." + (
            f" {state.error.message}" if state.error is not None else ""
        )
        return [Why(path="", state=state.status, words=words)]
    reasons: list[Why] = []
    if state.phase == "paused":
        reason = f": {state.pause_reason}" if state.pause_reason else "."
        reasons.append(Why(path="", state="paused", words=f"Somebody paused the run{reason}"))
    if state.phase == "quarantined":
        words = f"The run is set apart: {state.quarantine} Release or cancel it."
        reasons.append(Why(path="", state="quarantined", words=words))
    if state.phase == "queued" and state.gates:
        named = {"gates": [gate.setting for gate in state.gates]}
        reasons.append(Why(path="", state="queued", words=describe(state.gates), data=named))
    under_way = [_explain(activation) for activation in state.activations.values() if not activation.frames]
    reasons.extend(under_way)
    if under_way:
        reasons.extend(_explain_joins(state))
    if not reasons:
        reasons.append(Why(path="", state=state.status, words="It has more to do and goes on at once."))
    return reasons


def outstanding(state: RunState) -> list[Command]:
    """Return the wishes that stand open in this state, for a runtime that begins with a folded journal."""
    commands: list[Command] = []
    if state.is_final or state.root is None:
        return commands
    if not state.is_admitted:
        commands.append(AwaitAdmission())
    if state.program.timeout is not None and state.begun_at and not state.root.failing:
        commands.append(StartTimer("", "timeout", state.begun_at + state.program.timeout))
    for activation in state.activations.values():
        commands.extend(_wishes_of(state, activation))
    if state.agenda and state.phase == "running":
        commands.append(Continue())
    return commands


def _wishes_of(state: RunState, activation: Activation) -> Iterable[Command]:
    path = activation.path
    if activation.deadline is not None:
        yield StartTimer(path, limit_timer(activation), activation.deadline)
    match activation.status:
        case "queued" if state.phase == "running":
            yield queue_command(activation)
        case "retrying" if activation.wait_due is not None:
            yield StartTimer(path, "retry", activation.wait_due)
        case "calling":
            yield child_command(state, activation)
        case "asked":
            about: Literal["undo", "uncertain"] = "undo" if activation.purpose == "undo" else "uncertain"
            yield AskPerson(path, about, activation.parameters, activation.error, attempt=activation.attempt)
        case "waiting":
            if activation.wait_due is not None:
                yield StartTimer(path, numbered("due", activation), activation.wait_due)
            if activation.wait_kind == "event":
                yield Subscribe(path, activation.wait_name, activation.since)
            if activation.wait_kind == "approval":
                yield AskPerson(path, "approval", activation.wait_details)
                if activation.remind is not None:
                    yield StartTimer(path, "remind", activation.since + activation.remind)


def _explain(activation: Activation) -> Why:
    words = _WORDS[activation.status](activation) if activation.status in _WORDS else "It is about to go on."
    data: dict[str, Any] = {"type": activation.step.type.name, "attempt": activation.attempt}
    if activation.child:
        data["run"] = activation.child
    if activation.wait_kind:
        data |= {"kind": activation.wait_kind, "name": activation.wait_name, "key": activation.wait_key}
    if activation.purpose != "step":
        data["purpose"] = activation.purpose
    return Why(
        path=activation.path,
        state=activation.status,
        words=words.strip(),
        until=activation.wait_due,
        data=data,
    )


def _explain_joins(state: RunState) -> Iterable[Why]:
    """Yield for each step that collects, and to which something came already, which of its links are undecided."""
    frames = [] if state.root is None else [state.root]
    frames += [frame for activation in state.activations.values() for frame in activation.frames.values()]
    for frame in frames:
        for step in frame.scope.collects.values():
            undecided = [
                source.id if port == "out" else f"{source.id}.{port}"
                for source, port in step.arrivals
                if frame.statuses[source.index] in (UNDECIDED, FIRED)
            ]
            links = len(step.arrivals)
            verb = "is" if len(undecided) == 1 else "are"
            if frame.failing or frame.statuses[step.index] != UNDECIDED or len(undecided) == links:
                continue
            yield Why(
                path=frame.prefix + step.id,
                state="collecting",
                words=f"It collects; {len(undecided)} of its {links} links {verb} undecided: {', '.join(undecided)}.",
                data={"type": step.type.name, "undecided": undecided, "links": links},
            )


def _explain_queue(activation: Activation) -> str:
    wanted = [
        f"{units} of pool {name}" if units else f"a slot of pool {name}"
        for name, _, units in (part.partition(":") for part in activation.step.line.split())
    ]
    return f"It waits for {' and '.join(wanted)}." if wanted else "It waits for a free slot."


def _explain_attempt(activation: Activation) -> str:
    if activation.cancelled:
        return f"It was cancelled; attempt {activation.attempt} is awaited, for it may have its effect."
    return f"Attempt {activation.attempt} is under way since {_moment(activation.granted_at)}."


def _explain_retry(activation: Activation) -> str:
    tried, most = attempts_made(activation), activation.step.retry.attempts
    return f"Attempt {tried} of {most} failed ({_message(activation)}). The next try is at {_moment(activation.wait_due)}."


def _explain_question(activation: Activation) -> str:
    what = "The undo keeps failing" if activation.purpose == "undo" else "Nobody knows whether it took effect"
    return f"{what}; a person is to say. {_message(activation)}"


def _explain_call(activation: Activation) -> str:
    workflow = f" of workflow {activation.wait_name}" if activation.wait_name else ""
    return f"It waits for run {activation.child}{workflow}."


def _message(activation: Activation) -> str:
    return activation.error.message if activation.error is not None else ""


def _explain_wait(activation: Activation) -> str:
    until = f" until {_moment(activation.wait_due)}" if activation.wait_due is not None else ""
    match activation.wait_kind:
        case "timer":
            return f"It waits{until}."
        case "signal":
            key = f" with key {activation.wait_key!r}" if activation.wait_key else ""
            return f"It waits for the signal {activation.wait_name!r}{key}{until}."
        case "event":
            return f"It waits for an event of type {activation.wait_name!r}{until}."
    details = activation.wait_details if isinstance(activation.wait_details, dict) else {}
    whom = details.get("group") or ", ".join(details.get("approvers") or []) or "somebody"
    return f"It waits for {whom} to approve{until}: {details.get('title', '')}"


_WORDS: dict[str, Callable[[Activation], str]] = {
    "queued": _explain_queue,
    "granted": _explain_attempt,
    "retrying": _explain_retry,
    "asked": _explain_question,
    "doubt": lambda _: "Nobody knows whether it took effect; that is being verified.",
    "computing": lambda _: "It is being computed.",
    "calling": _explain_call,
    "waiting": _explain_wait,
    "undoing": lambda _: "What it had done is being undone.",
}


def _note_beginning(fact: AnyFact, steps: dict[str, StepView], program: Program) -> None:
    match fact:
        case facts.StepGranted():
            own = _view_of(steps, program, fact.path)
            own.attempts = fact.attempt
            own.how, own.ended_at = "", None  # in another try of a scope it had come to an end before
            own.cached = False
            own.began_at = own.began_at or fact.at
            own.type = fact.type or own.type
        case facts.WaitStarted() | facts.LoopEntered():
            own = _view_of(steps, program, fact.path)
            own.began_at = own.began_at or fact.at
        case facts.StepSucceeded(cached=True):
            _view_of(steps, program, fact.path).cached = True
        case facts.StepFailed() | facts.StepUnknown():
            _view_of(steps, program, fact.path).error = fact.error
        case _:
            pass


def _view_of(steps: dict[str, StepView], program: Program, path: str) -> StepView:
    own = steps.get(path)
    if own is None:
        step = program.find(path)
        own = steps[path] = StepView(path=path, type="" if step is None else step.type.name)
    return own


def _moment(at: int | None) -> str:
    if at is None:
        return "some time"
    moment = EPOCH + timedelta(microseconds=at)
    return format_datetime(moment.replace(microsecond=0))
