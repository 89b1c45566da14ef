"""Acceptance: a success is held against what the step expects, its undo is prepared, a doubt about it is settled."""

from auraos.core.run.attempts import decide_failure, settle_final
from auraos.core.run.doubts import ask
from auraos.core.run.evaluation import compare, evaluate_or_error
from auraos.core.run.facts import StepError, StepSettled, UndoEntry
from auraos.core.run.identity import idempotency_key
from auraos.core.run.program import CONTAINERS
from auraos.core.run.retries import is_ending
from auraos.core.run.state import Activation
from auraos.core.run.tokens import OUT
from auraos.core.run.turn import Turn
from auraos.core.values import Value


def decide_acceptance(turn: Turn, activation: Activation, *, stands: bool = True) -> None:
    """Hold a success against what the step expects, and prepare its undo while its inputs are at hand."""
    assert activation.pending is not None
    output, ports = activation.pending
    step = activation.step
    error = None
    if step.expect is not None:
        error = compare(step, output, activation.path, turn.at)
    undo = None
    if step.undo is not None and (error is None or not activation.effect.may_repeat):
        undo, own = prepare_undo(turn, activation, output)
        error = error or own
    falls_back = step.fallback is not None and step.behaviour not in CONTAINERS and undo is None
    if error is not None and falls_back and not is_ending(activation):
        settle_final(turn, activation, error)
        return
    turn.decide(
        StepSettled(
            at=turn.at,
            path=activation.path,
            output=None if stands or error else output,
            ports=OUT if stands or error else ports,
            error=error,
            undo=undo,
            accepted=stands and error is None,
        )
    )


def prepare_undo(turn: Turn, activation: Activation, output: Value) -> tuple[UndoEntry, StepError | None]:
    """Evaluate how to take this success back, while everything it names is at hand.

    An undo that cannot be evaluated is an error of the step, and stays on the list: a person is asked when its turn comes.
    """
    step, frame = activation.step, activation.frame
    assert step.undo is not None
    own = frame.outputs
    own[step.id] = output
    settings, error = evaluate_or_error(turn, frame, activation.path, step.undo.settings.evaluate, kept=True)
    own.pop(step.id, None)
    path, generation = activation.path, activation.generation
    entry = UndoEntry(
        path=path,
        type=step.undo.type.name,
        version=step.undo.type.version,
        settings={} if error is not None else settings,
        effect=str(step.undo.effect),
        key=idempotency_key(turn.state.origin, f"{path}!undo", generation),
        generation=generation,
        retry=step.undo.step.retry,
        timeout=step.undo.step.timeout,
        error=error,
    )
    return entry, error


def decide_verified(turn: Turn, activation: Activation) -> None:
    """Read off the verification whether the attempt took effect."""
    done, error = None, None
    if activation.step.done is not None:
        frame = activation.frame
        frame.values["output"] = activation.last
        done, error = evaluate_or_error(turn, frame, activation.path, activation.step.done.evaluate)
        frame.values.pop("output", None)
    if error is not None or not isinstance(done, bool):
        problem = error or StepError(
            class_="data",
            code="verify-not-boolean",
            message="`done` gave neither true nor false.",
            path=activation.path,
        )
        ask(turn, activation, problem)
    elif done:
        activation.pending = (activation.last, OUT)
        decide_acceptance(turn, activation, stands=False)
    else:
        error = StepError(
            class_="transient",
            code="verified-not-done",
            message="The attempt had no effect, as its verification found.",
            step=activation.step.id,
            path=activation.path,
            attempt=activation.attempt,
            at=turn.at,
            cause=activation.error,
        )
        decide_failure(turn, activation, error)
