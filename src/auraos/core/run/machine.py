"""The run machine. `advance` tells a run what happened and returns what it decided and wishes; `fold` replays a journal.

A turn goes: the given fact takes its effect (`_evolve`), what follows by structure is done (`_digest`), then what is planned
is decided one after the other, each decision being a fact that takes its effect in the same way. Folding does only the
first two, so it evaluates no expression: everything that had to be evaluated stands in the facts.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from auraos.core.catalogue import Behaviour
from auraos.core.expressions import BudgetError
from auraos.core.run import (
    again,
    attempts,
    calls,
    containers,
    doubts,
    ending,
    facts,
    loops,
    scopes,
    starting,
    tokens,
    waits,
)
from auraos.core.run.commands import Continue, Continued, Nudge, SlotOpened, StopTimer
from auraos.core.run.decisions import DECISIONS, take_up_waits
from auraos.core.run.evaluation import compute, compute_later, evaluate_or_error
from auraos.core.run.facts import AnyFact, OutsideFact, Result, StepError, StepSettled
from auraos.core.run.program import CONTAINERS, Program, StepProgram
from auraos.core.run.state import Activation, Frame, RunState
from auraos.core.run.turn import TURN_ACTIVATIONS, TURN_OPERATIONS, Outcome, StepMade, Turn

EVALUATE = Behaviour.EVALUATE


def advance(
    program: Program,
    state: RunState,
    given: OutsideFact | facts.Computed | Nudge,
    *,
    budget: int = TURN_ACTIVATIONS,
    slots: int = 0,
) -> StepMade:
    """Let one thing happen to a run; return the facts for one commit, the wishes to release after it, and what settled.

    With `slots`, so many steps of no pool that would queue are granted at once, as `SlotOpened` would do one by one.
    """
    assert state.program is program
    at = given.at
    turn = Turn(state, max(at, state.last_at), _evolve, slots)
    if not _take(turn, given):
        return StepMade(turn.facts, turn.commands, turn.outcomes)
    if state.agenda:
        _work(turn, budget)
    if turn.ready is not None:
        _grant_at_once(turn, turn.ready)
    if turn.facts:
        state.last_at = turn.at
    return StepMade(turn.facts, turn.commands, turn.outcomes)


def _take(turn: Turn, given: OutsideFact | facts.Computed | Nudge) -> bool:
    """Let what is given take its effect; return False where the run is over and takes nothing more."""
    state, kind = turn.state, type(given)
    if kind is Continued:
        return True
    if state.is_final:
        return False
    if type(given) is SlotOpened:
        waiting = state.activations.get(given.path)
        if waiting is not None and state.phase == "running":
            attempts.grant(turn, waiting)
            _digest(turn)
    elif type(given) is facts.Computed:
        _take_computed(turn, given)
    elif type(given) is facts.RunStarted:
        turn.decide(msgspec.structs.replace(given, semantics=facts.SEMANTICS, at=turn.at))
        if state.phase == "paused":
            take_up_waits(turn)
    else:
        fact = cast("OutsideFact", given)
        turn.decide(fact if fact.at == turn.at else msgspec.structs.replace(fact, at=turn.at))
    return True


def _grant_at_once(turn: Turn, ready: list[Activation]) -> None:
    """Grant steps that have just queued, in their order; what queues after that stands in line."""
    for waiting in ready:
        if waiting.status != "queued":
            continue
        if turn.state.phase != "running":
            turn.commands.append(tokens.queue_command(waiting))
            continue
        attempts.grant(turn, waiting)
        if turn.todo:
            _digest(turn)
    turn.slots = 0
    if turn.state.agenda:
        _work(turn, TURN_ACTIVATIONS)


def fold(
    program: Program,
    journal: Iterable[AnyFact],
    *,
    watch: Callable[[AnyFact, list[Outcome]], None] | None = None,
) -> RunState:
    """Return the state that these facts add up to. Nothing is evaluated; `watch` sees each fact and which steps it settled."""
    state = RunState(program)
    for fact in journal:
        refold(state, fact, watch)
    return state


def refold(
    state: RunState, fact: AnyFact, watch: Callable[[AnyFact, list[Outcome]], None] | None = None
) -> None:
    """Let one more recorded fact take its effect."""
    turn = Turn(state, fact.at, _evolve)
    state.last_at = fact.at
    _evolve(turn, fact)
    if watch is not None:
        watch(fact, turn.outcomes)


# --- facts take their effect ------------------------------------------------------------------------------------------


def _evolve(turn: Turn, fact: AnyFact) -> None:
    _EFFECTS[type(fact)](turn, fact)
    if turn.todo:
        _digest(turn)


def _digest(turn: Turn) -> None:
    """Do what follows by structure, in order, until nothing follows."""
    todo = turn.todo
    while todo:
        verb, subject, detail = todo.popleft()
        _STRUCTURE[verb](turn, subject, detail)


def _outside(effect: Callable[[Turn, Activation, Any], None]) -> Callable[[Turn, Any], None]:
    """Apply an effect to the activation that the fact names; a fact about something that is over changes nothing."""

    def apply(turn: Turn, fact: Any) -> None:
        activation = turn.state.activations.get(fact.path)
        if activation is not None:
            effect(turn, activation, fact)

    return apply


def _decided(effect: Callable[[Turn, Activation, Any], None]) -> Callable[[Turn, Any], None]:
    """The same for a decision, which also is no longer planned."""

    def apply(turn: Turn, fact: Any) -> None:
        activation = turn.state.activations.get(fact.path)
        turn.state.agenda.pop(fact.path, None)
        if activation is not None:
            effect(turn, activation, fact)

    return apply


def _computed(turn: Turn, fact: facts.Computed) -> None:
    state = turn.state
    for result in fact.results:
        entry = state.agenda.pop(result.path, None)
        if entry is not None:
            _, frame, step = entry
        else:
            activation = state.activations.get(result.path)
            if activation is None or activation.status != "computing":
                continue
            frame, step = activation.frame, activation.step
            tokens.retire(turn, activation)
        _apply_result(turn, frame, step, result)
        _digest(turn)


def _apply_result(turn: Turn, frame: Frame, step: StepProgram, result: Result) -> None:
    if result.error is not None:
        tokens.fail(turn, frame, step, result.path, result.error)
    elif step.behaviour is Behaviour.STOP:
        tokens.settle(turn, frame, step, result.path, result.output, ())
        ending.stop_run(turn, result.path, result.output)
    else:
        tokens.settle(turn, frame, step, result.path, result.output, result.ports)


def _step_settled(turn: Turn, fact: StepSettled) -> None:
    state = turn.state
    entry = state.agenda.pop(fact.path, None)
    if not fact.path and fact.error is not None:
        starting.output_failed(turn, fact.error)
        return
    activation = state.activations.get(fact.path)
    if activation is not None:
        if fact.error is not None and not fact.by_fallback and _is_open_container(activation):
            activation.status = "open"
            containers.give_up(turn, activation, fact.error)
        else:
            containers.hand_over_undo(activation)
            attempts.step_settled(turn, activation, fact)
        return
    if entry is None:
        return
    _, frame, step = entry
    if fact.by_fallback:
        tokens.settle(turn, frame, step, fact.path, fact.output, fact.ports)
    elif fact.error is not None:
        tokens.fail(turn, frame, step, fact.path, fact.error)


def _is_open_container(activation: Activation) -> bool:
    return activation.step.behaviour in CONTAINERS and not (activation.undone or activation.cancelled)


def _round_decided(turn: Turn, activation: Activation, fact: facts.RoundDecided) -> None:
    loops.round_decided(turn, activation, go_on=fact.go_on)


def _wait_started(turn: Turn, activation: Activation, fact: facts.WaitStarted) -> None:
    begin = calls.call_started if fact.kind == "call" else waits.wait_started
    begin(turn, activation, fact)


def _timer_fired(turn: Turn, fact: facts.TimerFired) -> None:
    turn.commands.append(StopTimer(fact.path, fact.timer))  # its row goes, whatever comes of it
    if fact.path or fact.timer != "timeout":
        waits.timer_fired(turn, fact)
        return
    root = turn.state.root
    assert root is not None
    message = "The run took longer than its settings allow."
    error = StepError(class_="timeout", code="run-timeout", message=message, at=turn.at)
    ending.fail_frame(turn, root, error)


_EFFECTS: dict[type, Callable[[Turn, Any], None]] = {
    facts.RunStarted: starting.run_started,
    facts.RunAdmitted: starting.run_admitted,
    facts.RunRefused: starting.run_refused,
    facts.RunPaused: starting.run_paused,
    facts.RunResumed: starting.run_resumed,
    facts.RunMoved: starting.run_moved,
    facts.RunQuarantined: starting.run_quarantined,
    facts.RunReleased: starting.run_released,
    facts.CancelRequested: starting.cancel_requested,
    facts.RunFinished: starting.run_finished,
    facts.StepGranted: _decided(attempts.granted),
    facts.StepSucceeded: _outside(attempts.succeeded),
    facts.StepFailed: _outside(attempts.failed),
    facts.StepUnknown: _outside(attempts.failed),
    facts.StepResolved: _outside(doubts.resolved),
    facts.RetryPlanned: _decided(attempts.retry_planned),
    facts.DoubtRaised: _decided(doubts.doubt_raised),
    facts.LoopEntered: _decided(loops.enter_loop),
    facts.RoundDecided: _decided(_round_decided),
    facts.WaitStarted: _decided(_wait_started),
    facts.StepSettled: _step_settled,
    facts.Computed: _computed,
    facts.TimerFired: _timer_fired,
    facts.SignalReceived: waits.signal_received,
    facts.EventReceived: waits.event_received,
    facts.EventTaken: waits.event_taken,
    facts.Answered: waits.answered,
    facts.ChildFinished: calls.child_finished,
    facts.CallJoined: calls.call_joined,
}


def _close(turn: Turn, frame: Frame, _: Any) -> None:
    if frame.failing or frame.phase != "open":
        return
    frame.phase = "over"
    if frame.owner is None:
        turn.state.agenda[""] = ("finish", None, None)
    else:
        scopes.close_inner(turn, frame)


def _failed(turn: Turn, frame: Frame, _: Any) -> None:
    frame.phase = "over"
    if frame.owner is None:
        turn.state.agenda[""] = ("finish", None, None)
    else:
        scopes.inner_failed(turn, frame)


_STRUCTURE: dict[str, Callable[[Turn, Any, Any], None]] = {
    "settle": lambda turn, frame, detail: tokens.settle(turn, frame, *detail),
    "open": lambda turn, activation, _: scopes.open_container(turn, activation),
    "close": _close,
    "fail": ending.fail_frame,
    "wind": lambda turn, frame, _: ending.wind(turn, frame),
    "undo": lambda turn, owner, _: ending.undo_next(turn, owner),
    "failed": _failed,
    "undone": lambda turn, activation, _: containers.container_undone(turn, activation),
    "leave": lambda turn, activation, _: containers.leave(turn, activation),
    "again": lambda turn, activation, _: again.begin_again(turn, activation),
}


# --- decisions --------------------------------------------------------------------------------------------------------


def _work(turn: Turn, budget: int) -> None:
    """Decide what is planned, first in first out, until nothing is planned or the turn's budget is used up."""
    state, agenda = turn.state, turn.state.agenda
    left = budget
    while agenda and state.phase == "running":
        if left <= 0 or (turn.meter is not None and turn.meter.spent > TURN_OPERATIONS // 2):
            turn.commands.append(Continue())
            return
        left -= 1
        path, (verb, subject, detail) = agenda.popitem(last=False)
        if verb == "evaluate":
            if not _evaluate(turn, path, subject, detail):
                return
        else:
            DECISIONS[verb](turn, subject)


def _evaluate(turn: Turn, path: str, frame: Frame, step: StepProgram) -> bool:
    """Evaluate a pure step and record what it gave; return False when the turn's budget ended within it."""
    if frame.failing:
        return True
    spent_before = turn.meter.spent if turn.meter is not None else 0
    try:
        result = compute(step, turn.names(frame, path), path, turn.at)
    except BudgetError:
        if spent_before:
            turn.state.agenda[path] = ("evaluate", frame, step)
            turn.state.agenda.move_to_end(path, last=False)
            turn.commands.append(Continue())
            return False
        tokens.activate(turn, Activation(path, frame, step, "computing", turn.at))
        turn.commands.append(compute_later(turn, frame, step, path))
        return True
    if result.error is not None and step.fallback is not None:
        output, own = evaluate_or_error(turn, frame, path, step.fallback.evaluate, kept=True)
        if own is None:
            turn.state.agenda[path] = ("evaluate", frame, step)
            turn.decide(
                StepSettled(at=turn.at, path=path, output=output, error=result.error, by_fallback=True)
            )
            return True
    turn.record(result)
    if result.error is None and step.behaviour is EVALUATE:
        tokens.settle(turn, frame, step, path, result.output, result.ports)
    else:
        _apply_result(turn, frame, step, result)
    if turn.todo:
        _digest(turn)
    return True


def _take_computed(turn: Turn, given: facts.Computed) -> None:
    """Take what was evaluated elsewhere; where it is an error, a fallback may stand in, as for what is evaluated here."""
    for result in given.results:
        activation = turn.state.activations.get(result.path)
        if activation is None or activation.status != "computing":
            continue
        frame, step = activation.frame, activation.step
        if result.error is not None and step.fallback is not None:
            output, own = evaluate_or_error(turn, frame, result.path, step.fallback.evaluate, kept=True)
            if own is None:
                settled = StepSettled(
                    at=turn.at, path=result.path, output=output, error=result.error, by_fallback=True
                )
                turn.decide(settled)
                continue
        turn.decide(facts.Computed(at=turn.at, results=[result]))


__all__ = ["advance", "fold", "refold"]
