"""How a scope ends before its time: nothing new starts, what runs is cancelled or awaited, then its successes are undone.

fail_frame → (every activation cancelled or awaited) → wind → undo, latest success first → ("failed", frame)
"""

from auraos.core.catalogue import Effect
from auraos.core.run.commands import (
    AskPerson,
    CancelChild,
    CancelStep,
    StopTimer,
    Unsubscribe,
    Withdraw,
)
from auraos.core.run.facts import StepError, UndoEntry
from auraos.core.run.program import undo_program
from auraos.core.run.state import FAILED, Activation, Frame
from auraos.core.run.tokens import activate, queue, retire
from auraos.core.run.tries import note_undone, numbered
from auraos.core.run.turn import Turn
from auraos.core.values import Value


def fail_frame(turn: Turn, frame: Frame, error: StepError, *, how: str = "failed", undo: bool = True) -> None:
    """Let nothing new start in a scope and end what is under way in it; the first cause stays its failure."""
    if frame.failing or frame.phase != "open":
        return
    frame.failing, frame.phase = how, "winding"
    frame.failure = error
    frame.undo_wanted = undo
    _drop_planned(turn, frame)
    for activation in list(frame.active.values()):
        cancel(turn, activation, undo=undo)
    turn.todo.append(("wind", frame, None))


def stop_run(turn: Turn, path: str, output: Value) -> None:
    """End the whole run well, with the output of the step that said so."""
    assert turn.state.root is not None
    turn.state.stop_output = output
    reason = StepError(
        class_="cancelled", code="stopped", message="The run was stopped by a step.", path=path
    )
    fail_frame(turn, turn.state.root, reason, how="stopped", undo=False)


def cancel(turn: Turn, activation: Activation, *, undo: bool) -> None:
    """End one activation: drop what only waits, await what may be having its effect, stop the rest."""
    if activation.purpose != "step":
        return
    activation.cancelled = True
    planned = turn.state.agenda.get(activation.path, ("", None, None))[0]
    match activation.status:
        case "deciding" if planned in ("accept", "outcome", "lost", "verified"):
            pass
        case "deciding" if planned != "round":
            turn.state.agenda.pop(activation.path, None)
            drop(turn, activation)
        case "queued" | "retrying" if undo and leaves_doubt(activation):
            pass  # it is repeated first: what the last attempt may have done is to be undone
        case "queued" | "retrying" | "computing":
            drop(turn, activation)
        case "granted" if not must_be_awaited(activation):
            turn.commands.append(CancelStep(activation.path, activation.attempt))
        case "waiting":
            stop_waiting(turn, activation)
            drop(turn, activation)
        case "calling" if activation.is_shared:
            activation.child = ""
            drop(turn, activation)
        case "calling":
            turn.commands.append(CancelChild(activation.child, undo))
        case "open" | "deciding":
            turn.state.agenda.pop(activation.path, None)
            _cancel_container(turn, activation, undo=undo)


def must_be_awaited(activation: Activation) -> bool:
    """Return whether the attempt's outcome must be known: it may change the world for good, or can be undone."""
    return activation.effect in (Effect.WRITE, Effect.IRREVERSIBLE) or activation.step.undo is not None


def leaves_doubt(activation: Activation) -> bool:
    """Return whether an attempt may have had an effect that a failing scope must take back."""
    return activation.doubtful and activation.step.undo is not None


def drop(turn: Turn, activation: Activation, how: str = "cancelled") -> None:
    """End an activation of a failing scope without an outcome."""
    frame, step = activation.frame, activation.step
    retire(turn, activation)
    frame.statuses[step.index] = FAILED
    frame.left -= 1
    frame.running -= 1
    turn.outcomes.append((activation.path, how, None, (), None))
    turn.todo.append(("wind", frame, None))


def stop_waiting(turn: Turn, activation: Activation) -> None:
    """Take back everything a wait asked for."""
    if activation.wait_due is not None:
        turn.commands.append(StopTimer(activation.path, numbered("due", activation)))
    if activation.remind is not None:
        turn.commands.append(StopTimer(activation.path, "remind"))
    if activation.wait_kind == "event":
        turn.commands.append(Unsubscribe(activation.path, activation.wait_name))
    if activation.wait_kind == "approval":
        turn.commands.append(Withdraw(activation.path))


def wind(turn: Turn, frame: Frame) -> None:
    """When nothing of a failing scope runs any more, begin to undo it; without anything to undo it has failed."""
    if frame.running or frame.phase != "winding":
        return
    frame.phase = "undoing"
    if not frame.undo_wanted or frame.failing == "stopped":
        _keep_undo(frame)
        begin_undo(turn, frame, [])
        return
    undo, frame.undo = frame.undo, []
    begin_undo(turn, frame, undo)


def _keep_undo(frame: Frame) -> None:
    """Hand on what a scope did that ends early and well: whoever called the run may still have to take it back."""
    if frame.owner is not None and frame.undo:
        if frame.section != "finally":
            frame.owner.undo.append(UndoEntry(path=frame.prefix.rstrip("/"), entries=tuple(frame.undo)))
        frame.undo = []


def begin_undo(turn: Turn, owner: Frame | Activation, units: list[UndoEntry]) -> None:
    """Undo these successes, the latest first; then the owner goes on to have failed."""
    turn.state.undo_queues[undo_name(owner)] = flatten(units)
    turn.todo.append(("undo", owner, None))


def undo_next(turn: Turn, owner: Frame | Activation) -> None:
    """Undo the latest success that stands; with none left, the owner has failed."""
    name = undo_name(owner)
    entries = turn.state.undo_queues.get(name)
    if not entries:
        turn.state.undo_queues.pop(name, None)
        turn.todo.append(("failed", owner, None) if isinstance(owner, Frame) else ("undone", owner, None))
        return
    entry = entries.pop()
    frame = owner if isinstance(owner, Frame) else owner.frame
    activation = Activation(entry.path + "!undo", frame, undo_program(entry, frame.scope), "queued", turn.at)
    activation.purpose = "undo"
    activation.entry = entry
    activation.undo_owner = owner
    activation.parameters = entry.settings
    activation.key = entry.key
    activation.generation = entry.generation
    activation.attempt = activation.before = turn.state.tried.get(activation.path, 0)
    if entry.error is not None:
        ask_about_undo(turn, activate(turn, activation), entry.error)
    else:
        queue(turn, activation)


def undo_name(owner: Frame | Activation) -> str:
    """Return the name under which the undos of a scope or of a container wait."""
    return owner.name if isinstance(owner, Frame) else owner.path


def undo_settled(turn: Turn, activation: Activation, error: StepError | None) -> None:
    """An undo succeeded, or a person decided to leave it; go on with the one before."""
    retire(turn, activation)
    if error is None:
        turn.state.undone += 1
        note_undone(turn.state, activation.path.removesuffix("!undo"), activation.generation)
        turn.outcomes.append((activation.path, "undone", None, (), None))
    else:
        turn.state.undo_failed += 1
        turn.outcomes.append((activation.path, "undo-failed", None, (), None))
    turn.todo.append(("undo", activation.undo_owner, None))


def ask_about_undo(turn: Turn, activation: Activation, error: StepError) -> None:
    """An undo kept failing: it becomes a task for a person, never silence."""
    activation.status = "asked"
    activation.error = error
    attempt = activation.attempt
    turn.commands.append(AskPerson(activation.path, "undo", activation.parameters, error, attempt=attempt))


def flatten(entries: list[UndoEntry] | tuple[UndoEntry, ...]) -> list[UndoEntry]:
    """Return single undos in order of success, units opened up; they are carried out from the end."""
    flat: list[UndoEntry] = []
    for entry in entries:
        if entry.entries:
            flat.extend(flatten(entry.entries))
        else:
            flat.append(entry)
    return flat


def _drop_planned(turn: Turn, frame: Frame) -> None:
    """Forget pure steps of this scope that had fired and were not evaluated yet."""
    agenda = turn.state.agenda
    planned = [path for path, (verb, of, _) in agenda.items() if verb == "evaluate" and of is frame]
    for path in planned:
        _, _, step = agenda.pop(path)
        frame.statuses[step.index] = FAILED
        frame.left -= 1
        frame.running -= 1
        turn.outcomes.append((path, "cancelled", None, (), None))


def _cancel_container(turn: Turn, activation: Activation, *, undo: bool) -> None:
    """Cancel the scopes within a container; its `finally` still runs, so it ends when they have ended."""
    error = cancelled_error(activation.path)
    for frame in list(activation.frames.values()):
        if frame.section != "finally":
            fail_frame(turn, frame, error, how="cancelled", undo=undo)
    turn.todo.append(("leave", activation, None))


def cancelled_error(path: str) -> StepError:
    """Return the error of something that ended because the scope around it did."""
    return StepError(class_="cancelled", code="cancelled", message="The scope around it ended.", path=path)
