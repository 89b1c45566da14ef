"""Tokens: how steps fire, are skipped and settle, and how each of these passes live and dead tokens on along the links.

Nothing here evaluates anything: given the same facts the same steps fire, in the same order, in every replay.
"""

from datetime import timedelta
from typing import Any

from auraos.core.catalogue import Behaviour
from auraos.core.run.commands import QueueStep, StartTimer, StopTimer
from auraos.core.run.facts import Inherited, StepError
from auraos.core.run.parts import UnderWay
from auraos.core.run.program import CONTAINERS, EPOCH, JOIN_COLLECT, WAITS, StepProgram
from auraos.core.run.state import DONE, FAILED, FIRED, SKIPPED, UNDECIDED, Activation, Frame
from auraos.core.run.tries import forget, limit_timer, note_end, note_success, set_limit, stop_limit
from auraos.core.run.turn import Turn
from auraos.core.values import Value

OUT = ("out",)
ERROR = ("error",)
MOST_ACTIVATIONS = 1_000_000


def start_frame(turn: Turn, frame: Frame) -> None:
    """Let every step without a link to it fire; a scope without steps is over at once."""
    for step in frame.scope.roots:
        fire(turn, frame, step)
    if not frame.left:
        turn.todo.append(("close", frame, None))


def fire(turn: Turn, frame: Frame, step: StepProgram) -> None:
    """Begin a step: settle it at once where its outcome is inherited, else put it where its kind is carried out."""
    state = turn.state
    frame.statuses[step.index] = FIRED
    frame.running += 1
    state.fired += 1
    if state.fired == MOST_ACTIVATIONS + 1:
        turn.todo.append(("fail", state.root, _too_many(turn)))
    path = frame.prefix + step.id
    if state.inherited and _inherit(turn, frame, step, path):
        return
    if step.disabled:
        turn.todo.append(("settle", frame, (step, path, None, OUT, "disabled")))
    elif step.inline:
        state.agenda[path] = ("evaluate", frame, step)
    else:
        _activate_step(turn, Activation(path, frame, step, "deciding", turn.at))


def _activate_step(turn: Turn, activation: Activation) -> None:
    """Begin a step that takes time: queue it, open it, or plan the decision what exactly it is to do."""
    step, state = activation.step, turn.state
    activate(turn, activation)
    if activation.frame.scope.repeats:
        activation.attempt = activation.before = state.tried.get(activation.path, 0)
    opened = state.inherited.get(activation.path) if state.inherited else None
    if step.deadline is not None or step.timeout is not None:
        _start_clock(turn, activation, None if opened is None else opened.under_way)
    if opened is not None:
        activation.generation = opened.generation
    if step.behaviour is Behaviour.EXECUTE:
        if opened is not None and opened.unknown:
            _take_doubt(turn, activation, opened)
        else:
            queue(turn, activation)
    elif step.behaviour in WAITS:
        state.agenda[activation.path] = ("wait", activation, None)
    elif step.behaviour is Behaviour.CALL:
        state.agenda[activation.path] = ("call", activation, None)
    elif step.behaviour is Behaviour.FOREACH and step.scope.section != "page":
        state.agenda[activation.path] = ("enter", activation, None)
    else:
        activation.status = "open"
        turn.todo.append(("open", activation, None))


def _take_doubt(turn: Turn, activation: Activation, opened: Inherited) -> None:
    """Go on with an effect that an earlier run left open: under its key, with its parameters, never blindly."""
    activation.generation, activation.key = opened.generation, opened.key
    activation.parameters, activation.doubtful = opened.parameters, True
    if activation.effect.may_repeat:
        queue(turn, activation)
        return
    activation.unknown = True
    activation.error = StepError(
        class_="unknown",
        code="left-open",
        message="The run before this one ended without knowing whether it took effect.",
        step=activation.step.id,
        path=activation.path,
        at=turn.at,
    )
    activation.status = "deciding"
    turn.state.agenda[activation.path] = ("outcome", activation, None)


def _start_clock(turn: Turn, activation: Activation, begun: UnderWay | None) -> None:
    """Start the clock of a step: of its `deadline`, and of the `timeout` of what is no attempt. What another run had begun
    ends when it would have ended there.
    """
    deadline = activation.step.deadline
    ends_by = None if deadline is None else turn.at + deadline
    if begun is not None and not activation.attempt:
        ends_by = begun.ends_by if ends_by is not None and begun.ends_by is not None else ends_by
    else:
        begun = None
    if activation.step.behaviour is not Behaviour.EXECUTE:
        activation.ends_by = ends_by
        set_limit(turn, activation, begun)
    elif ends_by is not None:
        activation.deadline = ends_by
        turn.commands.append(StartTimer(activation.path, limit_timer(activation), ends_by))


def activate(turn: Turn, activation: Activation) -> Activation:
    """Make an activation known to the run and to its frame."""
    turn.state.activations[activation.path] = activation
    activation.frame.active[activation.path] = activation
    return activation


def queue(turn: Turn, activation: Activation) -> None:
    """Wish for a slot for the activation's next attempt."""
    if activation.path not in turn.state.activations:
        activate(turn, activation)
    activation.status = "queued"
    activation.since = turn.at
    if turn.slots > 0 and not activation.step.line:
        turn.slots -= 1
        if turn.ready is None:
            turn.ready = []
        turn.ready.append(activation)
    else:
        turn.commands.append(queue_command(activation))


def queue_command(activation: Activation) -> QueueStep:
    """Return the wish for a slot, as it is made first and again after a restart."""
    step = activation.step
    return QueueStep(
        activation.path,
        step.type.name,
        step.line,
        step.priority,
        str(activation.effect),
    )


def count_success(turn: Turn, activation: Activation, output: Value, ports: tuple[str, ...]) -> None:
    """End an activation that brought its output; where more must hold of it first, plan that decision."""
    if activation.step.accepts:
        activation.pending = (output, ports)
        activation.status = "deciding"
        turn.state.agenda[activation.path] = ("accept", activation, None)
        return
    retire(turn, activation)
    if activation.frame.scope.repeats:
        note_success(turn, activation, output, ports)
    settle(turn, activation.frame, activation.step, activation.path, output, ports)


def settle(  # noqa: PLR0913, PLR0917 (the hottest call of all: each part of an outcome comes as it is)
    turn: Turn,
    frame: Frame,
    step: StepProgram,
    path: str,
    output: Value,
    ports: tuple[str, ...],
    how: str = "succeeded",
    error: StepError | None = None,
) -> None:
    """End a step with its output: its live ports send live tokens, all others dead ones."""
    frame.statuses[step.index] = DONE
    frame.outputs[step.id] = output
    frame.left -= 1
    frame.running -= 1
    turn.outcomes.append((path, how, output, ports, error))
    if frame.failing:
        turn.todo.append(("wind", frame, None))
        return
    if step.links:
        if step.collected:
            frame.live_ports[step.id] = ports
        _pass_on(turn, frame, step.patterns[ports])
    if not frame.left:
        turn.todo.append(("close", frame, None))


def fail(
    turn: Turn, frame: Frame, step: StepProgram, path: str, error: StepError, how: str = "failed"
) -> None:
    """End a step that failed: its linked `error` port catches the failure, else its scope fails with it."""
    if not frame.failing and step.is_linked("error"):
        frame.errors[step.id] = error_value(error)
        settle(turn, frame, step, path, None, ERROR, "caught", error)
        return
    frame.statuses[step.index] = FAILED
    frame.left -= 1
    frame.running -= 1
    turn.outcomes.append((path, how, None, (), error))
    if not frame.failing:
        frame.errors[step.id] = error_value(error)
        turn.todo.append(("fail", frame, error))
    else:
        turn.todo.append(("wind", frame, None))


def retire(turn: Turn, activation: Activation) -> None:
    """Forget an activation that came to its end, and its timers with it."""
    turn.state.activations.pop(activation.path, None)
    activation.frame.active.pop(activation.path, None)
    if activation.status == "retrying":
        turn.commands.append(StopTimer(activation.path, "retry"))
    stop_limit(turn, activation)
    if turn.state.program.tries_scopes:
        if activation.frame.scope.repeats or activation.purpose == "undo":
            note_end(turn, activation)
        elif activation.step.behaviour in CONTAINERS and activation.step.retry.attempts > 1:
            forget(turn.state, activation)
    activation.status = "ended"


def error_value(error: StepError) -> dict[str, Any]:
    """Return an error as a mapping that expressions can read: every field, what is not known as null."""
    return {
        "class": error.class_,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "step": error.step or None,
        "path": error.path or None,
        "attempt": error.attempt or None,
        "at": EPOCH + timedelta(microseconds=error.at) if error.at else None,
        "retry_after": error.retry_after,
        "cause": None if error.cause is None else error_value(error.cause),
        "data": error.data,
    }


def _too_many(turn: Turn) -> StepError:
    message = f"The run began more than {MOST_ACTIVATIONS:,} steps."
    return StepError(class_="permanent", code="too-many-activations", message=message, at=turn.at)


def _pass_on(turn: Turn, frame: Frame, pattern: tuple[tuple[int, bool], ...]) -> None:
    """Deliver tokens; a step that can no longer get enough live ones is skipped and sends dead ones on. One that collects
    awaits them all and is never skipped.
    """
    statuses, awaited, live, steps = frame.statuses, frame.awaited, frame.live, frame.scope.steps
    waiting = [pattern]
    for tokens in waiting:
        for target, is_live in tokens:
            awaited[target] -= 1
            if is_live:
                live[target] += 1
            if statuses[target] != UNDECIDED:
                continue
            step = steps[target]
            needed, left = step.join, awaited[target]
            if needed > 0:
                if live[target] >= needed:
                    fire(turn, frame, step)
                elif live[target] + left < needed:
                    waiting.append(_skip(turn, frame, step))
            elif not left:
                if live[target] or needed == JOIN_COLLECT:
                    fire(turn, frame, step)
                else:
                    waiting.append(_skip(turn, frame, step))


def _skip(turn: Turn, frame: Frame, step: StepProgram) -> tuple[tuple[int, bool], ...]:
    frame.statuses[step.index] = SKIPPED
    frame.left -= 1
    turn.outcomes.append((frame.prefix + step.id, "skipped", None, (), None))
    return step.patterns[()]


def _inherit(turn: Turn, frame: Frame, step: StepProgram, path: str) -> bool:
    inherited = turn.state.inherited.get(path)
    if inherited is None or not inherited.finished or (inherited.key and step.key is not None):
        return False  # with a key of its own, the key says whether it is the same work
    if inherited.undo is not None:
        frame.undo.append(inherited.undo)
    if inherited.error is not None:
        frame.errors[step.id] = error_value(inherited.error)
    turn.todo.append(
        ("settle", frame, (step, path, inherited.output, inherited.ports, "inherited", inherited.error))
    )
    return True
