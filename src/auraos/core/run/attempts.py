"""Attempts: the grant, the three outcomes, retries, doubts, and what is checked before a success counts.

An attempt ends succeeded, failed (certainly without effect) or unknown. What may be repeated is retried; an unknown write
never is: it is verified, or a person is asked, as its `uncertain` says.
"""

from auraos.core.catalogue import Behaviour
from auraos.core.run.commands import (
    AskPerson,
    Cached,
    CancelStep,
    ExecuteStep,
    StartTimer,
    StopTimer,
    Withdraw,
)
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
from auraos.core.run.tokens import OUT, count_success, fail, queue, retire, settle
from auraos.core.run.tries import note_success, pause
from auraos.core.run.turn import Turn
from auraos.core.values import Value

MOST_LOST = 3
"""How often an attempt may be lost with its process before it counts as failed."""


MOST_TO_KNOW = 5
"""How often something that may be repeated is tried in all, where it may have to be undone, before a person is asked."""


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
    activation.doubtful = activation.doubtful or activation.unknown
    lost = type(fact) is StepUnknown and fact.lost and activation.lost < MOST_LOST
    activation.lost += lost
    activation.status = "deciding"
    turn.state.agenda[activation.path] = ("lost" if lost else "outcome", activation, None)


def decide_outcome(turn: Turn, activation: Activation, *, lost: bool) -> None:
    """Decide what follows a failure: another attempt, a doubt, a fallback, or the end of the step."""
    error = activation.error
    assert error is not None
    if activation.undone and _must_be_known(activation):  # its time is over, so no attempt can find out
        _ask(turn, activation, error)
        return
    if activation.undone or activation.step.behaviour in CONTAINERS or activation.child:
        settle_final(turn, activation, error)
        return
    if activation.unknown and not activation.effect.may_repeat and _raise_doubt(turn, activation, error):
        return
    if lost and not is_ending(activation) and may_repeat(activation):
        turn.decide(
            RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=turn.at)
        )
    elif _must_be_known(activation) and not may_retry(turn, activation, error, unknown=activation.unknown):
        _settle_doubt_first(turn, activation, error)
    else:
        decide_failure(turn, activation, error, unknown=activation.unknown)


def _must_be_known(activation: Activation) -> bool:
    """Return whether the step cannot end as long as nobody knows whether there is something to undo."""
    wanted = activation.frame.undo_wanted and activation.step.step.uncertain != "fail"
    return wanted and leaves_doubt(activation)


def _settle_doubt_first(turn: Turn, activation: Activation, error: StepError) -> None:
    """Repeat what may be repeated until its outcome is known, for it may have to be undone; then ask a person."""
    if activation.attempt - activation.before < MOST_TO_KNOW:
        due = turn.at + delay(turn, activation, error)
        turn.decide(RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=due))
    else:
        _ask(turn, activation, error)


def _ask(turn: Turn, activation: Activation, error: StepError) -> None:
    turn.decide(
        DoubtRaised(at=turn.at, path=activation.path, attempt=activation.attempt, way="ask", error=error)
    )


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
        if frame.scope.repeats and not fact.by_fallback:
            note_success(turn, activation, output, ports, fact.undo)
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
        cause=_first_cause(activation),
    )
    match fact.outcome:
        case "retry" if activation.entry is not None and activation.entry.error is not None:
            ask_about_undo(turn, activation, activation.entry.error)
        case "retry" if not is_ending(activation) or _must_be_known(activation):
            queue(turn, activation)
        case "succeeded" if activation.purpose == "undo":
            undo_settled(turn, activation, None)
        case "failed" if activation.purpose == "undo":
            undo_settled(turn, activation, error)
        case "succeeded":
            count_success(turn, activation, fact.output, OUT)
        case "failed" | "retry":
            activation.doubtful = activation.doubtful and fact.outcome == "retry"
            activation.error, activation.unknown, activation.status = error, False, "deciding"
            turn.state.agenda[activation.path] = ("outcome", activation, None)


def _first_cause(activation: Activation) -> StepError | None:
    """Return what raised the doubt; what people said about it meanwhile is left out."""
    error = activation.error
    return error.cause if error is not None and error.code == "resolved-as-failed" else error


def _verified(turn: Turn, verifying: Activation, output: Value) -> None:
    main = turn.state.activations.get(verifying.path.removesuffix("!verify"))
    retire(turn, verifying)
    if main is None or main.status != "doubt":
        return
    main.last = output
    main.status = "deciding"
    main.verified = True
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
