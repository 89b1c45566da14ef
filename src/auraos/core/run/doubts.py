"""Doubts: what is done about an attempt of which nobody knows whether it had an effect.

It is verified by a step, or a person is asked; what may be repeated is repeated until its outcome is known.
"""

from auraos.core.run.commands import AskPerson, CancelStep, StopTimer, Withdraw
from auraos.core.run.ending import ask_about_undo, leaves_doubt, undo_settled
from auraos.core.run.evaluation import evaluate_or_error
from auraos.core.run.facts import DoubtRaised, RetryPlanned, StepError, StepResolved
from auraos.core.run.identity import idempotency_key
from auraos.core.run.retries import delay, is_ending
from auraos.core.run.state import Activation
from auraos.core.run.tokens import OUT, count_success, queue, retire
from auraos.core.run.turn import Turn
from auraos.core.values import Value

MOST_TO_KNOW = 5
"""How often something that may be repeated is tried in all, where it may have to be undone, before a person is asked."""


def raise_doubt(turn: Turn, activation: Activation, error: StepError) -> bool:
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


def verified(turn: Turn, verifying: Activation, output: Value) -> None:
    """The step that verifies found something out: what that says of the attempt is decided next."""
    main = turn.state.activations.get(verifying.path.removesuffix("!verify"))
    retire(turn, verifying)
    if main is None or main.status != "doubt":
        return
    main.last = output
    main.status = "deciding"
    main.verified = True
    turn.state.agenda[main.path] = ("verified", main, None)


def resolved(turn: Turn, activation: Activation, fact: StepResolved) -> None:
    """A person said what became of it."""
    if activation.status not in ("doubt", "asked") or fact.attempt not in (0, activation.attempt):
        return
    end_doubt(turn, activation)
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
        case "retry" if not is_ending(activation) or must_be_known(activation):
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


def must_be_known(activation: Activation) -> bool:
    """Return whether the step cannot end as long as nobody knows whether there is something to undo."""
    wanted = activation.frame.undo_wanted and activation.step.step.uncertain != "fail"
    return wanted and leaves_doubt(activation)


def settle_first(turn: Turn, activation: Activation, error: StepError) -> None:
    """Repeat what may be repeated until its outcome is known, for it may have to be undone; then ask a person."""
    if activation.attempt - activation.before < MOST_TO_KNOW:
        due = turn.at + delay(turn, activation, error)
        turn.decide(RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=due))
    else:
        ask(turn, activation, error)


def ask(turn: Turn, activation: Activation, error: StepError) -> None:
    """Let a person say what became of an attempt."""
    turn.decide(
        DoubtRaised(at=turn.at, path=activation.path, attempt=activation.attempt, way="ask", error=error)
    )


def end_doubt(turn: Turn, activation: Activation) -> None:
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
