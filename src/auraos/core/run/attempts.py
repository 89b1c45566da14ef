"""Attempts: the grant, the three outcomes, retries, and the end of a step.

An attempt ends succeeded, failed (certainly without effect) or unknown. What may be repeated is retried; an unknown write
never is: it raises a doubt.
"""

from auraos.core.catalogue import Behaviour
from auraos.core.run.commands import Cached, ExecuteStep, StartTimer
from auraos.core.run.doubts import ask, end_doubt, must_be_known, raise_doubt, settle_first, verified
from auraos.core.run.ending import undo_settled
from auraos.core.run.evaluation import evaluate_or_error
from auraos.core.run.facts import (
    RetryPlanned,
    StepError,
    StepFailed,
    StepGranted,
    StepSettled,
    StepSucceeded,
    StepUnknown,
)
from auraos.core.run.program import CONTAINERS
from auraos.core.run.retries import (
    delay,
    is_ending,
    make_cache_key,
    make_key,
    may_repeat,
    may_retry,
    time_left,
)
from auraos.core.run.state import Activation
from auraos.core.run.tokens import count_success, fail, queue, retire, settle
from auraos.core.run.tries import note_success, pause
from auraos.core.run.turn import Turn
from auraos.core.values import Value

MOST_LOST = 3
"""How often an attempt may be lost with its process before it counts as failed."""


def grant(turn: Turn, activation: Activation) -> None:
    """Give the activation's next attempt its slot; the first time its parameters are evaluated, once and for all."""
    if activation.status != "queued":
        return
    parameters: Value = None
    key, cache_key = activation.key, ""
    is_first = activation.purpose == "step" and activation.attempt == activation.before
    if is_first and activation.parameters is None:
        parameters, error = evaluate_or_error(
            turn, activation.frame, activation.path, activation.step.settings.evaluate, kept=True
        )
        if error is None:
            key, error = make_key(turn, activation)
        if error is not None:
            activation.error, activation.unknown = error, False
            settle_final(turn, activation, error)
            return
        done = turn.state.inherited.get(activation.path)
        if done is not None and done.finished and done.key == key:
            turn.decide(
                StepSettled(
                    at=turn.at, path=activation.path, output=done.output, ports=done.ports, undo=done.undo
                )
            )
            return
    if activation.step.cache is not None and activation.purpose == "step":
        known = activation.parameters if parameters is None else parameters
        cache_key, error = make_cache_key(turn, activation, known)
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
            cache_key=cache_key,
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
    cache = None
    if fact.cache_key and step.cache is not None:
        cache = Cached(fact.cache_key, step.cache.ttl.total_seconds())
    turn.commands.append(
        ExecuteStep(
            activation.path,
            fact.attempt,
            step.type.name,
            step.type.version,
            fact.key,
            fact.effect,
            activation.parameters,
            time_left(turn, activation),
            turn.at,
            fact.purpose,
            cache,
        )
    )


def succeeded(turn: Turn, activation: Activation, fact: StepSucceeded) -> None:
    """An attempt succeeded; that also ends a doubt about it, and a retry that was planned meanwhile."""
    if fact.attempt != activation.attempt or activation.status == "ended":
        return
    if activation.status == "deciding":
        planned = turn.state.agenda.get(activation.path)
        if planned is None or planned[0] not in ("outcome", "lost", "verified"):
            return
        del turn.state.agenda[activation.path]
    end_doubt(turn, activation)
    match activation.purpose:
        case "undo":
            undo_settled(turn, activation, None)
        case "verify":
            verified(turn, activation, fact.output)
        case _:
            count_success(turn, activation, fact.output, fact.ports)


def failed(turn: Turn, activation: Activation, fact: StepFailed | StepUnknown) -> None:
    """An attempt failed, or nobody knows; what follows is decided next."""
    if fact.attempt != activation.attempt or activation.status not in ("granted", "doubt", "asked"):
        return
    if type(fact) is StepUnknown and activation.status != "granted":
        return
    end_doubt(turn, activation)
    activation.error = fact.error
    activation.unknown = type(fact) is StepUnknown
    activation.doubtful = activation.doubtful or activation.unknown
    lost = type(fact) is StepUnknown and fact.lost and activation.lost < MOST_LOST
    activation.lost += lost
    activation.status = "deciding"
    turn.state.agenda[activation.path] = ("lost" if lost else "outcome", activation, None)


def decide_outcome(turn: Turn, activation: Activation, *, lost: bool) -> None:
    """Decide what follows a failure: another attempt, a doubt, a fallback, or the end of the step."""
    error = activation.error
    assert error is not None
    if activation.undone and must_be_known(activation):  # its time is over, so no attempt can find out
        ask(turn, activation, error)
        return
    if activation.undone or activation.step.behaviour in CONTAINERS or activation.child:
        settle_final(turn, activation, error)
        return
    if activation.unknown and not activation.effect.may_repeat and raise_doubt(turn, activation, error):
        return
    if lost and not is_ending(activation) and may_repeat(activation):
        turn.decide(
            RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=turn.at)
        )
    elif must_be_known(activation) and not may_retry(turn, activation, error, unknown=activation.unknown):
        settle_first(turn, activation, error)
    else:
        decide_failure(turn, activation, error, unknown=activation.unknown)


def decide_failure(turn: Turn, activation: Activation, error: StepError, *, unknown: bool = False) -> None:
    """Decide what follows a failure that raises no doubt: another attempt, a fallback, or the end of the step."""
    if may_retry(turn, activation, error, unknown=unknown):
        due = turn.at + delay(turn, activation, error)
        turn.decide(RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=due))
    else:
        settle_final(turn, activation, error)


def settle_final(turn: Turn, activation: Activation, error: StepError) -> None:
    """Nothing more is tried: a fallback stands in, or the failure stands; undos and verifications go to a person."""
    path = activation.path
    if activation.purpose == "undo":
        ask(turn, activation, error)
        return
    if activation.purpose == "verify":
        main = turn.state.activations[path.removesuffix("!verify")]
        cause = main.error or error
        turn.decide(StepSettled(at=turn.at, path=path, error=error))
        ask(turn, main, cause)
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
    if activation.verified:  # what it found leaves no doubt
        activation.verified = activation.unknown = activation.doubtful = False
    if activation.step.behaviour is not Behaviour.EXECUTE:
        pause(turn, activation, fact)
        return
    if fact.due <= fact.at:
        queue(turn, activation)
        return
    activation.status = "retrying"
    activation.since = turn.at
    activation.wait_due = fact.due
    turn.commands.append(StartTimer(activation.path, "retry", fact.due))


def step_settled(turn: Turn, activation: Activation, fact: StepSettled) -> None:
    """A step came to its end by decision."""
    frame, step = activation.frame, activation.step
    if activation.purpose == "verify":
        retire(turn, activation)
        return
    end_doubt(turn, activation)
    output, ports = fact.output, fact.ports
    if fact.accepted and activation.pending is not None:
        output, ports = activation.pending
    if fact.undo is not None:
        frame.undo.append(fact.undo)
    retire(turn, activation)
    if fact.error is not None and not fact.by_fallback:
        fail(turn, frame, step, activation.path, fact.error)
    else:
        if frame.scope.repeats and not fact.by_fallback:
            note_success(turn, activation, output, ports, fact.undo)
        settle(turn, frame, step, activation.path, output, ports)
