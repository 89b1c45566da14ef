"""What the end of an inner scope means for its container, by kind: loops, `try` (body, catch, finally) and `race`."""

from auraos.core.catalogue import Behaviour
from auraos.core.run.containers import failures_seen, leave, open_inner, remove_inner
from auraos.core.run.ending import cancelled_error, fail_frame
from auraos.core.run.facts import StepError, UndoEntry
from auraos.core.run.loops import collected, decide_round, item_failed, next_item, open_page, open_round
from auraos.core.run.state import Activation, Frame
from auraos.core.run.tokens import OUT
from auraos.core.run.turn import Turn


def open_container(turn: Turn, activation: Activation) -> None:
    """Open the first scopes of a container."""
    step = activation.step
    match step.behaviour:
        case Behaviour.TRY:
            open_inner(turn, activation, step.body, "", {})
        case Behaviour.RACE:
            for branch in step.branches.values():
                open_inner(turn, activation, branch, "", {})
        case Behaviour.WHILE:
            page = turn.state.page
            if page is not None and step.scope.section == "page":
                activation.rounds, activation.last = page.rounds, page.last
                activation.next_item = page.rounds
            open_round(turn, activation)
        case Behaviour.FOREACH:
            open_page(turn, activation)


def close_inner(turn: Turn, frame: Frame) -> None:
    """An inner scope came to its end well."""
    owner = frame.owner
    assert owner is not None
    remove_inner(owner, frame)
    output = frame.outputs.get(frame.scope.end) if frame.scope.end else None
    if frame.undo and frame.section != "finally":
        owner.undo.append(UndoEntry(path=frame.prefix.rstrip("/"), entries=tuple(frame.undo)))
    if frame.section == "finally" or owner.cancelled:
        leave(turn, owner)
        return
    match owner.step.behaviour:
        case Behaviour.FOREACH:
            owner.results[frame.item_index] = collected(owner, frame)
            owner.finished.append(frame.item_index)
            next_item(turn, owner)
        case Behaviour.WHILE:
            name = owner.step.step.settings.get("output") or frame.scope.end
            owner.last = frame.outputs.get(name) if name else None
            decide_round(turn, owner)
        case Behaviour.TRY:
            owner.pending = (output, OUT)
            leave(turn, owner)
        case Behaviour.RACE:
            if owner.winner:
                leave(turn, owner)
                return
            owner.winner = frame.section
            owner.pending = ({"winner": frame.section, "output": output}, ("out", frame.section))
            for loser in list(owner.frames.values()):
                fail_frame(turn, loser, cancelled_error(owner.path), how="cancelled")
            leave(turn, owner)


def inner_failed(turn: Turn, frame: Frame) -> None:
    """An inner scope failed or was cancelled, and is undone."""
    owner = frame.owner
    assert owner is not None
    remove_inner(owner, frame)
    error = frame.failure or cancelled_error(owner.path)
    if owner.cancelled:
        leave(turn, owner)
        return
    match owner.step.behaviour:
        case Behaviour.FOREACH:
            item_failed(turn, owner, frame, error)
        case Behaviour.TRY:
            _try_failed(turn, owner, frame, error)
        case Behaviour.RACE:
            _branch_failed(turn, owner, error)
        case _:
            owner.error = owner.error or error
            leave(turn, owner)


def _branch_failed(turn: Turn, activation: Activation, error: StepError) -> None:
    """A branch of a race failed: so does the race, unless it goes on with the branches that are left."""
    if not activation.winner and activation.error is None:
        activation.failures.append(error)
        goes_on = activation.step.step.settings.get("on_error") == "continue" and activation.frames
        if not goes_on:
            activation.error = activation.failures[0]
            for other in list(activation.frames.values()):
                fail_frame(turn, other, cancelled_error(activation.path), how="cancelled")
    leave(turn, activation)


def _try_failed(turn: Turn, activation: Activation, frame: Frame, error: StepError) -> None:
    """The body failed: `catch` has its turn, once. `catch` or `finally` failed: so does the step, with what they said."""
    if frame.section == "body":
        activation.error = activation.error or error
        if activation.step.catch is not None and frame.failing == "failed":
            names = failures_seen(activation)
            activation.error = None
            open_inner(turn, activation, activation.step.catch, "", names)
            return
    else:
        activation.error = error
    leave(turn, activation)
