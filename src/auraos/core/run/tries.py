"""Tries: a container, a call or a wait as a whole, once more; and what a new try takes over of what the one before did.

What changed the world and stands is taken over, and so is what came from outside and comes only once: answers, signals,
events, called runs. What was undone is done again under the next generation, what is in doubt under its own key. What only
looks or computes is done anew, and so is all of a `finally`.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour, Effect
from auraos.core.run.commands import StartTimer, StopTimer
from auraos.core.run.facts import Inherited, RetryPlanned, TakenOver, UndoEntry
from auraos.core.run.parts import UnderWay
from auraos.core.run.program import StepProgram, static_path
from auraos.core.run.state import Activation, RunState
from auraos.core.run.turn import Turn
from auraos.core.values import Value, to_wire

SINCE = 2
"""The rules of the machine under which more than attempts are tried again."""

_ARRIVES_ONCE = frozenset({Behaviour.SIGNAL, Behaviour.EVENT, Behaviour.APPROVAL})
_LOOKS = frozenset({Effect.PURE, Effect.READ})


# --- another try ------------------------------------------------------------------------------------------------------


def plan_again(turn: Turn, activation: Activation) -> bool:
    """Count a try that failed and plan the decision about another one; return False where the failure stands at once."""
    ends = activation.cancelled or activation.frame.failing
    if turn.state.semantics < SINCE or activation.step.retry.attempts == 1 or ends:
        return False
    stop_limit(turn, activation)
    activation.attempt += 1
    activation.status = "deciding"
    turn.state.agenda[activation.path] = ("again", activation, None)
    return True


def pause(turn: Turn, activation: Activation, fact: RetryPlanned) -> None:
    """Wait for the time of the next try; meanwhile only the limit over all tries counts."""
    activation.status = "retrying"
    activation.since = turn.at
    if fact.due <= fact.at:
        turn.todo.append(("again", activation, None))
        return
    activation.wait_due = fact.due
    turn.commands.append(StartTimer(activation.path, "retry", fact.due))
    if activation.ends_by is not None:
        activation.deadline = activation.ends_by
        turn.commands.append(StartTimer(activation.path, limit_timer(activation), activation.deadline))


def set_limit(turn: Turn, activation: Activation, begun: UnderWay | None = None) -> None:
    """Start the clock of a try: its `timeout`, and the `deadline` over all of them, whichever ends first. One that began in
    another run ends when it would have ended there.
    """
    timeout = activation.step.timeout
    limits = [activation.ends_by, None if timeout is None else turn.at + timeout]
    activation.deadline = min((limit for limit in limits if limit is not None), default=None)
    if begun is not None and begun.deadline is not None and activation.deadline is not None:
        activation.deadline = begun.deadline
    if activation.deadline is not None:
        turn.commands.append(StartTimer(activation.path, limit_timer(activation), activation.deadline))


def stop_limit(turn: Turn, activation: Activation) -> None:
    """Stop the clock of a try."""
    if activation.deadline is not None:
        turn.commands.append(StopTimer(activation.path, limit_timer(activation)))
        activation.deadline = None


def limit_timer(activation: Activation) -> str:
    """Return the name of the timer of its limit: one for each try, so that the timer of an earlier one ends no later one."""
    return numbered("deadline", activation)


def numbered(name: str, activation: Activation) -> str:
    """Return a name that only the present try has."""
    number = activation.before if activation.step.behaviour is Behaviour.EXECUTE else activation.attempt
    return f"{name} {number}" if number else name


# --- what happened within a scope that may be tried again -----------------------------------------------------------------


def note_end(turn: Turn, activation: Activation) -> None:
    """Note how far an activation came, as long as nothing better is known of it: its attempts, its key where it is in doubt."""
    state = turn.state
    executes = activation.step.behaviour is Behaviour.EXECUTE
    if activation.purpose == "verify" or activation.step.inline or state.semantics < SINCE:
        return
    state.tried[activation.path] = activation.attempt + (not executes)
    if activation.purpose != "step" or not executes or activation.attempt == activation.before:
        return
    changing = activation.effect not in _LOOKS
    in_doubt = changing and (activation.doubtful or activation.pending is not None)
    state.inherited[activation.path] = Inherited(
        path=activation.path,
        finished=False,
        generation=activation.generation + (not in_doubt),
        unknown=in_doubt,
        key=activation.key if in_doubt else "",
        parameters=activation.parameters if in_doubt else None,
    )


def note_success(
    turn: Turn, activation: Activation, output: Value, ports: tuple[str, ...], undo: UndoEntry | None = None
) -> None:
    """Note a success that stands: it is not repeated when a scope around it is tried again."""
    if turn.state.semantics < SINCE:
        return
    step, path, state = activation.step, activation.path, turn.state
    known = state.inherited.get(path)
    key = ""
    if step.behaviour is Behaviour.EXECUTE:
        if activation.effect in _LOOKS or activation.attempt == activation.before:
            return
        key = activation.key if step.key is not None else ""
    elif step.behaviour is Behaviour.CALL:
        undo = join_undo(path, None if known is None else known.undo, undo)
    elif step.behaviour not in _ARRIVES_ONCE or ports == ("expired",):
        return
    state.inherited[path] = Inherited(
        path=path,
        output=output,
        ports=ports,
        undo=undo,
        generation=activation.generation,
        key=key,
        child=None if known is None else known.child,
    )


def note_child(turn: Turn, activation: Activation, run: str, undo: UndoEntry | None) -> None:
    """Note the called run that carried a call out, for the one that goes on where it failed, or after it was undone."""
    if turn.state.semantics >= SINCE and may_come_again(activation):
        turn.state.inherited[activation.path] = Inherited(
            path=activation.path,
            finished=False,
            generation=activation.generation,
            undo=undo,
            child=TakenOver(run=run),
        )


def note_page(turn: Turn, activation: Activation, run: str) -> None:
    """Note the run that carried out a page of a long loop."""
    if turn.state.semantics < SINCE or not may_come_again(activation):
        return
    path, number = activation.path, activation.pages
    known = turn.state.inherited.get(path) or Inherited(path=path, finished=False)
    pages = (*known.pages[:number], TakenOver(run=run), *known.pages[number + 1 :])
    turn.state.inherited[path] = msgspec.structs.replace(known, finished=False, pages=pages)


def note_undone(state: RunState, path: str, generation: int) -> None:
    """Note that a success was taken back: it is done again under the next generation, and what was around it is done anew."""
    if state.semantics < SINCE or not state.program.tries_scopes:
        return
    inherited = state.inherited
    if static_path(path) in state.program.steps:
        inherited[path] = Inherited(path=path, finished=False, generation=generation + 1)
        for inner, known in _within(state, path):
            inherited[inner] = _anew(known)
    for around in _around(path):
        outer = inherited.get(around)
        if outer is None:
            continue
        child, pages = outer.child, outer.pages
        if child is not None:
            child = TakenOver(run=child.run, undone=(*child.undone, path[len(around) + 1 :]))
        pages = tuple(TakenOver(run=page.run, undone=(*page.undone, path)) for page in pages)
        inherited[around] = msgspec.structs.replace(
            outer, finished=False, output=None, undo=None, child=child, pages=pages
        )


def take_over(state: RunState, container: str) -> None:
    """Prepare what the next try of a container takes over of what is known of the steps within it."""
    for path, known in _within(state, container):
        step = state.program.steps.get(static_path(path))
        if step is None:
            continue
        if state.program.is_in_finally(step.path, static_path(container)):
            state.inherited[path] = _anew(known)
        elif known.finished and not _stands(step):
            state.inherited[path] = (
                _anew(known)
                if step.behaviour is Behaviour.EXECUTE
                else msgspec.structs.replace(known, finished=False, output=None, undo=None, error=None)
            )


def forget(state: RunState, activation: Activation) -> None:
    """Forget what was noted for further tries of a container that came to its end; nothing around it is tried again."""
    for path, _ in _within(state, activation.path):
        del state.inherited[path]
    within = (f"{activation.path}/", f"{activation.path}[")
    for path in [path for path in state.tried if path.startswith(within) and "!" not in path]:
        del state.tried[path]


def may_come_again(activation: Activation) -> bool:
    """Return whether the step, or a scope around it, may be tried again."""
    return activation.frame.scope.repeats or activation.step.retry.attempts > 1


# --- items ------------------------------------------------------------------------------------------------------------


def note_items(turn: Turn, activation: Activation) -> None:
    """Note what a loop whose items are named by their places went over."""
    if turn.state.semantics < SINCE or activation.keys or not activation.frame.scope.repeats:
        return
    path = activation.path
    known = turn.state.inherited.get(path) or Inherited(path=path, finished=False)
    turn.state.inherited[path] = msgspec.structs.replace(known, key=_digest(activation.items))


def are_other_items(state: RunState, path: str, items: list[Any]) -> bool:
    """Return whether places of a loop mean other items than in the try before, and something done for those stands."""
    known = state.inherited.get(path)
    if known is None or not known.key or known.key == _digest(items):
        return False
    return bool(known.pages) or any(
        one.finished or one.unknown or one.child is not None for _, one in _within(state, path)
    )


def _digest(items: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(to_wire(items))).hexdigest()[:40]


# --- helpers ----------------------------------------------------------------------------------------------------------


def join_undo(path: str, within: UndoEntry | None, own: UndoEntry | None) -> UndoEntry | None:
    """Return one undo of a step: its own, which comes first, and those of what it consists of or called."""
    return UndoEntry(path=path, entries=(within, own)) if within and own else own or within


def _stands(step: StepProgram) -> bool:
    """Return whether a success of this step is one that the next try takes over."""
    if step.behaviour is Behaviour.EXECUTE:
        return step.effect not in _LOOKS
    return step.behaviour is Behaviour.CALL or step.behaviour in _ARRIVES_ONCE


def _anew(known: Inherited) -> Inherited:
    """Return what is known of something that is to be done anew whatever became of it; what is in doubt stays so."""
    if known.unknown:
        return known
    return Inherited(path=known.path, finished=False, generation=known.generation + known.finished)


def _within(state: RunState, path: str) -> list[tuple[str, Inherited]]:
    within = (f"{path}/", f"{path}[")
    return [(inner, known) for inner, known in state.inherited.items() if inner.startswith(within)]


def _around(path: str) -> Iterator[str]:
    for place, letter in enumerate(path):
        if letter in "/[":
            yield path[:place]
