"""Attempts: the grant, the three outcomes, retries, doubts, and what is checked before a success counts.

An attempt ends succeeded, failed (certainly without effect) or unknown. What may be repeated is retried; an unknown write
never is: it is verified, or a person is asked, as its `uncertain` says.
"""

import hashlib
from datetime import timedelta

from auraos.core.catalogue import Effect
from auraos.core.run.commands import AskPerson, CancelStep, ExecuteStep, StartTimer, StopTimer, Withdraw
from auraos.core.run.ending import ask_about_undo, leaves_doubt, undo_settled
from auraos.core.run.evaluation import evaluate_or_error
from auraos.core.run.facts import (
    DoubtRaised,
    RetryPlanned,
    StepError,
    StepFailed,
    StepGranted,
    StepResolved,
    StepSettled,
    StepSucceeded,
    StepUnknown,
)
from auraos.core.run.identity import idempotency_key
from auraos.core.run.program import CONTAINERS
from auraos.core.run.state import Activation
from auraos.core.run.tokens import OUT, count_success, fail, queue, retire, settle
from auraos.core.run.turn import Turn
from auraos.core.values import Value

LONGEST_RETRY_AFTER = 366 * 86_400.0
"""Seconds. Whoever asks for more is not believed."""
MOST_LOST = 3
"""How often an attempt may be lost with its process before it counts as failed."""


MOST_TO_KNOW = 5
"""How often something that may be repeated is tried in all, in a failing scope, before a person is asked about it."""


def grant(turn: Turn, activation: Activation) -> None:
    """Give the activation's next attempt its slot; the first time its parameters are evaluated, once and for all."""
    if activation.status != "queued":
        return
    parameters: Value = None
    key = activation.key
    if activation.purpose == "step" and not activation.attempt and activation.parameters is None:
        parameters, error = evaluate_or_error(
            turn, activation.frame, activation.path, activation.step.settings.evaluate, kept=True
        )
        if error is None:
            key, error = _make_key(turn, activation)
        if error is not None:
            activation.error, activation.unknown = error, False
            settle_final(turn, activation, error)
            return
    turn.decide(
        StepGranted(
            at=turn.at,
            path=activation.path,
            attempt=activation.attempt + 1,
            key=key,
            effect=str(activation.effect),
            generation=activation.generation,
            parameters=parameters,
            purpose=activation.purpose,
            type=activation.step.type.name,
        )
    )


def granted(turn: Turn, activation: Activation, fact: StepGranted) -> None:
    """The attempt has its slot: let it be carried out."""
    step = activation.step
    activation.status = "granted"
    activation.attempt = fact.attempt
    activation.granted_at = activation.since = turn.at
    activation.key = fact.key
    if fact.parameters is not None:
        activation.parameters = fact.parameters
    turn.commands.append(
        ExecuteStep(
            activation.path,
            fact.attempt,
            step.type.name,
            step.type.version,
            fact.key,
            fact.effect,
            activation.parameters,
            _time_left(turn, activation),
            turn.at,
            fact.purpose,
        )
    )


def _time_left(turn: Turn, activation: Activation) -> float | None:
    """Return how long this attempt may take, in seconds: its timeout, or what is left of the step's deadline."""
    limits = [activation.step.timeout, None if activation.deadline is None else activation.deadline - turn.at]
    shortest = min((limit for limit in limits if limit is not None), default=None)
    return None if shortest is None else max(shortest, 0) / 1_000_000


def succeeded(turn: Turn, activation: Activation, fact: StepSucceeded) -> None:
    """An attempt succeeded; that also ends a doubt about it, and a retry that was planned meanwhile."""
    if fact.attempt != activation.attempt or activation.status == "ended":
        return
    if activation.status == "deciding":
        planned = turn.state.agenda.get(activation.path)
        if planned is None or planned[0] not in ("outcome", "lost", "verified"):
            return
        del turn.state.agenda[activation.path]
    _end_doubt(turn, activation)
    match activation.purpose:
        case "undo":
            undo_settled(turn, activation, None)
        case "verify":
            _verified(turn, activation, fact.output)
        case _:
            count_success(turn, activation, fact.output, fact.ports)


def failed(turn: Turn, activation: Activation, fact: StepFailed | StepUnknown) -> None:
    """An attempt failed, or nobody knows; what follows is decided next."""
    if fact.attempt != activation.attempt or activation.status not in ("granted", "doubt", "asked"):
        return
    if type(fact) is StepUnknown and activation.status != "granted":
        return
    _end_doubt(turn, activation)
    activation.error = fact.error
    activation.unknown = type(fact) is StepUnknown
    lost = type(fact) is StepUnknown and fact.lost and activation.lost < MOST_LOST
    activation.lost += lost
    activation.status = "deciding"
    turn.state.agenda[activation.path] = ("lost" if lost else "outcome", activation, None)


def decide_outcome(turn: Turn, activation: Activation, *, lost: bool) -> None:
    """Decide what follows a failure: another attempt, a doubt, a fallback, or the end of the step."""
    error = activation.error
    assert error is not None
    if activation.undone or activation.step.behaviour in CONTAINERS or activation.child:
        settle_final(turn, activation, error)
        return
    if activation.unknown and not activation.effect.may_repeat and _raise_doubt(turn, activation, error):
        return
    if is_ending(activation) and leaves_doubt(activation) and activation.frame.undo_wanted:
        _settle_doubt_first(turn, activation, error)
    elif lost and not is_ending(activation) and _may_repeat(activation):
        turn.decide(
            RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=turn.at)
        )
    else:
        decide_failure(turn, activation, error, unknown=activation.unknown)


def _settle_doubt_first(turn: Turn, activation: Activation, error: StepError) -> None:
    """In a failing scope, repeat what may be repeated until its outcome is known, for it may have to be undone."""
    if activation.attempt < MOST_TO_KNOW:
        due = turn.at + _delay(turn, activation, error)
        turn.decide(RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=due))
    else:
        turn.decide(
            DoubtRaised(at=turn.at, path=activation.path, attempt=activation.attempt, way="ask", error=error)
        )


def decide_failure(turn: Turn, activation: Activation, error: StepError, *, unknown: bool = False) -> None:
    """Decide what follows a failure that raises no doubt: another attempt, a fallback, or the end of the step."""
    if _may_retry(turn, activation, error, unknown=unknown):
        due = turn.at + _delay(turn, activation, error)
        turn.decide(RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=due))
    else:
        settle_final(turn, activation, error)


def settle_final(turn: Turn, activation: Activation, error: StepError) -> None:
    """Nothing more is tried: a fallback stands in, or the failure stands; undos and verifications go to a person."""
    path = activation.path
    if activation.purpose == "undo":
        turn.decide(DoubtRaised(at=turn.at, path=path, attempt=activation.attempt, way="ask", error=error))
        return
    if activation.purpose == "verify":
        main = turn.state.activations[path.removesuffix("!verify")]
        cause = main.error or error
        turn.decide(StepSettled(at=turn.at, path=path, error=error))
        turn.decide(DoubtRaised(at=turn.at, path=main.path, attempt=main.attempt, way="ask", error=cause))
        return
    fallback = activation.step.fallback
    if fallback is not None and not is_ending(activation):
        output, own = evaluate_or_error(turn, activation.frame, path, fallback.evaluate, kept=True)
        if own is None:
            turn.decide(StepSettled(at=turn.at, path=path, output=output, error=error, by_fallback=True))
            return
        error = own
    turn.decide(StepSettled(at=turn.at, path=path, error=error))


def retry_planned(turn: Turn, activation: Activation, fact: RetryPlanned) -> None:
    """Wait for the time of the next attempt."""
    if fact.due <= fact.at:
        queue(turn, activation)
        return
    activation.status = "retrying"
    activation.since = turn.at
    activation.wait_due = fact.due
    turn.commands.append(StartTimer(activation.path, "retry", fact.due))


def doubt_raised(turn: Turn, activation: Activation, fact: DoubtRaised) -> None:
    """Find out what became of an attempt: by a step that verifies it, or by asking a person."""
    activation.error = fact.error
    if activation.purpose == "undo":
        ask_about_undo(turn, activation, fact.error)
        return
    activation.since = turn.at
    if fact.way == "ask":
        activation.status = "asked"
        turn.commands.append(
            AskPerson(
                activation.path,
                "uncertain",
                activation.parameters,
                fact.error,
                attempt=activation.attempt,
            )
        )
        return
    assert activation.step.verify is not None
    activation.status = "doubt"
    verifying = Activation(
        activation.path + "!verify", activation.frame, activation.step.verify, "queued", turn.at
    )
    verifying.purpose = "verify"
    verifying.parameters = fact.parameters
    verifying.key = idempotency_key(turn.state.origin, verifying.path, fact.attempt)
    queue(turn, verifying)


def step_settled(turn: Turn, activation: Activation, fact: StepSettled) -> None:
    """A step came to its end by decision."""
    frame, step = activation.frame, activation.step
    if activation.purpose == "verify":
        retire(turn, activation)
        return
    _end_doubt(turn, activation)
    output, ports = fact.output, fact.ports
    if fact.accepted and activation.pending is not None:
        output, ports = activation.pending
    if fact.undo is not None:
        frame.undo.append(fact.undo)
    retire(turn, activation)
    if fact.error is not None and not fact.by_fallback:
        fail(turn, frame, step, activation.path, fact.error)
    else:
        settle(turn, frame, step, activation.path, output, ports)


def resolved(turn: Turn, activation: Activation, fact: StepResolved) -> None:
    """A person said what became of it."""
    if activation.status not in ("doubt", "asked") or fact.attempt not in (0, activation.attempt):
        return
    _end_doubt(turn, activation)
    error = StepError(
        class_="permanent",
        code="resolved-as-failed",
        message=fact.message or f"{fact.by or 'A person'} said that it had no effect.",
        step=activation.step.id,
        path=activation.path,
        at=turn.at,
        cause=activation.error,
    )
    match fact.outcome:
        case "retry" if activation.entry is not None and activation.entry.error is not None:
            ask_about_undo(turn, activation, activation.entry.error)
        case "retry" if not is_ending(activation):
            queue(turn, activation)
        case "succeeded" if activation.purpose == "undo":
            undo_settled(turn, activation, None)
        case "failed" if activation.purpose == "undo":
            undo_settled(turn, activation, error)
        case "succeeded":
            count_success(turn, activation, fact.output, OUT)
        case "failed" | "retry":
            activation.error, activation.unknown, activation.status = error, False, "deciding"
            turn.state.agenda[activation.path] = ("outcome", activation, None)


def _verified(turn: Turn, verifying: Activation, output: Value) -> None:
    main = turn.state.activations.get(verifying.path.removesuffix("!verify"))
    retire(turn, verifying)
    if main is None or main.status != "doubt":
        return
    main.last = output
    main.status = "deciding"
    turn.state.agenda[main.path] = ("verified", main, None)


def _end_doubt(turn: Turn, activation: Activation) -> None:
    """Take back what was set going to find out about an attempt, or to repeat it."""
    match activation.status:
        case "asked":
            turn.commands.append(Withdraw(activation.path))
        case "doubt":
            verifying = turn.state.activations.get(activation.path + "!verify")
            if verifying is not None:
                turn.state.agenda.pop(verifying.path, None)
                if verifying.status == "granted":
                    turn.commands.append(CancelStep(verifying.path, verifying.attempt))
                retire(turn, verifying)
        case "retrying":
            turn.commands.append(StopTimer(activation.path, "retry"))
            activation.status = "queued"


def _raise_doubt(turn: Turn, activation: Activation, error: StepError) -> bool:
    """Raise the doubt that `uncertain` asks for; return False where it says to retry or to fail."""
    step = activation.step
    way = step.step.uncertain or ("verify" if step.verify is not None else "ask")
    if activation.purpose == "verify":
        return False
    if activation.purpose == "undo":
        way = "ask"
    if way in ("retry", "fail"):
        return False
    parameters: Value = None
    if way == "verify" and step.verify is not None:
        parameters, own = evaluate_or_error(
            turn, activation.frame, activation.path, step.verify.settings.evaluate, kept=True
        )
        if own is not None:
            error, way = own, "ask"
    turn.decide(
        DoubtRaised(
            at=turn.at,
            path=activation.path,
            attempt=activation.attempt,
            way="verify" if way == "verify" and step.verify is not None else "ask",
            error=error,
            parameters=parameters,
        )
    )
    return True


def is_ending(activation: Activation) -> bool:
    return activation.purpose == "step" and (activation.cancelled or bool(activation.frame.failing))


def _may_repeat(activation: Activation) -> bool:
    return activation.effect.may_repeat or activation.step.step.uncertain == "retry"


def _may_retry(turn: Turn, activation: Activation, error: StepError, *, unknown: bool) -> bool:
    retry = activation.step.retry
    if is_ending(activation) or activation.attempt - activation.lost >= retry.attempts:
        return False
    if activation.deadline is not None and turn.at >= activation.deadline:
        return False
    named = {error.class_, error.code}
    timed_out = error.class_ == "timeout" and activation.effect in (Effect.READ, Effect.IDEMPOTENT)
    if unknown or timed_out:
        named |= {"transient", "unknown"}
    return not named.isdisjoint(retry.on) and (not unknown or _may_repeat(activation))


def _delay(turn: Turn, activation: Activation, error: StepError) -> int:
    """Return the microseconds until the next attempt; the jitter follows from run, path and attempt."""
    retry = activation.step.retry
    tried = activation.attempt - activation.lost
    micro = timedelta(microseconds=1)
    longest = retry.max // micro
    delay = min(float(longest), (retry.first // micro) * retry.factor ** max(0, tried - 1))
    seed = hashlib.sha256(f"{turn.state.run}/{activation.path}/{activation.attempt}".encode()).digest()
    chance = int.from_bytes(seed[:4], "big") / 0xFFFFFFFF
    delay *= 1 + retry.jitter * (2 * chance - 1)
    asked = error.retry_after or 0.0
    asked = min(asked, LONGEST_RETRY_AFTER) if asked > 0 else 0.0
    return max(int(delay), int(asked * 1_000_000))


def _make_key(turn: Turn, activation: Activation) -> tuple[str, StepError | None]:
    state, step = turn.state, activation.step
    if step.key is None:
        return idempotency_key(state.origin, activation.path, activation.generation), None
    value, error = evaluate_or_error(turn, activation.frame, activation.path, step.key.evaluate)
    if error is not None:
        return "", error
    name = state.program.workflow.name
    return idempotency_key(state.workspace, name, step.path, repr(value), activation.generation), None
