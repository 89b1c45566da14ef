"""Containers: steps with scopes of their own. What all of them share: an inner scope opens, the container is left."""

from typing import Any

from auraos.core.catalogue import Behaviour
from auraos.core.run.commands import CancelChild
from auraos.core.run.ending import begin_undo, drop, fail_frame
from auraos.core.run.facts import StepError, UndoEntry
from auraos.core.run.program import ScopeProgram
from auraos.core.run.state import Activation, Frame
from auraos.core.run.tokens import count_success, error_value, fail, retire, start_frame
from auraos.core.run.tries import plan_again
from auraos.core.run.turn import Turn


def open_inner(
    turn: Turn, activation: Activation, scope: ScopeProgram | None, suffix: str, names: dict[str, Any]
) -> Frame:
    """Open an inner scope: it sees what the scope around it had put out so far, and the loop's names."""
    assert scope is not None
    outer = activation.frame
    values = {
        **outer.values,
        "steps": dict(outer.outputs),
        "errors": dict(outer.errors),
        **names,
    }
    frame = Frame(scope, f"{activation.path}{suffix}/", activation, values)
    frame.loop_names = {**outer.loop_names, **names} if suffix else outer.loop_names
    activation.frames[frame.name] = frame
    start_frame(turn, frame)
    return frame


def remove_inner(owner: Activation, frame: Frame) -> None:
    frame.phase = "over"
    owner.frames.pop(frame.name, None)
    if owner.step.behaviour is Behaviour.TRY and frame.section == "body":
        owner.last = {"steps": frame.outputs, "errors": frame.errors}


def leave(turn: Turn, activation: Activation) -> None:
    """End a container once no scope of it is open: `finally` first, then undo where it failed, then its outcome."""
    if activation.frames or activation.child or activation.status in ("undoing", "ended"):
        return
    step = activation.step
    if step.finally_ is not None and not activation.finally_begun:
        activation.finally_begun = True
        open_inner(turn, activation, step.finally_, "", failures_seen(activation))
        return
    if activation.cancelled:
        hand_over_undo(activation)
        drop(turn, activation)
    elif activation.error is not None:
        activation.status = "undoing"
        undo, activation.undo = activation.undo, []
        begin_undo(turn, activation, undo)
    else:
        assert activation.pending is not None
        if not step.accepts:
            hand_over_undo(activation)
        count_success(turn, activation, *activation.pending)


def give_up(turn: Turn, activation: Activation, error: StepError) -> None:
    """Fail a whole container (or a called run), for its time is over."""
    if activation.error is not None or activation.cancelled:
        return
    activation.error = error
    turn.state.agenda.pop(activation.path, None)
    if activation.child:
        turn.commands.append(CancelChild(activation.child, undo=True))
        return
    for frame in list(activation.frames.values()):
        fail_frame(turn, frame, error, how="cancelled")
    leave(turn, activation)


def container_undone(turn: Turn, activation: Activation) -> None:
    """What a failed container had done is undone; now it fails, unless a fallback stands in."""
    assert activation.error is not None
    activation.undone = True
    if plan_again(turn, activation):
        return
    if activation.step.fallback is not None and not activation.cancelled:
        activation.status = "deciding"
        turn.state.agenda[activation.path] = ("outcome", activation, None)
        return
    retire(turn, activation)
    fail(turn, activation.frame, activation.step, activation.path, activation.error)


def failures_seen(activation: Activation) -> dict[str, Any]:
    """Return the names that `catch` and `finally` see besides: what the body put out and how it failed."""
    if activation.last is None:
        return {}
    outputs, errors = activation.last["steps"], activation.last["errors"]
    own = {activation.step.id: error_value(activation.error)} if activation.error is not None else {}
    return {"steps": dict(outputs), "errors": {**errors, **own}}


def hand_over_undo(activation: Activation) -> None:
    """Give what is to be undone to the scope around, as one unit."""
    if activation.undo:
        activation.frame.undo.append(UndoEntry(path=activation.path, entries=tuple(activation.undo)))
        activation.undo = []
