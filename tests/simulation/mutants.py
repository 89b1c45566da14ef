"""Mistakes planted on purpose, one at a time: each breaks a rule of the machine or of the engine, and the simulator must notice.

A mutant swaps functions for as long as a `with` block lasts; nothing else of the machine is touched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour
from auraos.core.run import (
    attempts,
    calls,
    containers,
    ending,
    facts,
    loops,
    machine,
    retries,
    scopes,
    tokens,
    waits,
)
from auraos.core.run.program import JOIN_ANY, JOIN_COLLECT, StepProgram
from auraos.core.run.state import UNDECIDED, Activation, Frame
from auraos.core.run.turn import Turn
from simulation import clients, store
from simulation import engine as model

Swap = tuple[Any, str, Any]
MUTANTS: dict[str, Callable[[], list[Swap]]] = {}


def mutant(make: Callable[[], list[Swap]]) -> Callable[[], list[Swap]]:
    """Register a mutant under its name in words."""
    MUTANTS[make.__name__.strip("_").replace("_", " ")] = make
    return make


@contextmanager
def planted(make: Callable[[], list[Swap]]) -> Iterator[None]:
    """Let this mistake be part of the machine, or of the engine, for a while."""
    kept: list[Swap] = []
    try:
        for place, attribute, replacement in make():
            if isinstance(place, dict):
                kept.append((place, attribute, place[attribute]))
                place[attribute] = replacement
            else:
                kept.append((place, attribute, getattr(place, attribute)))
                setattr(place, attribute, replacement)
        yield
    finally:
        for place, attribute, original in reversed(kept):
            if isinstance(place, dict):
                place[attribute] = original
            else:
                setattr(place, attribute, original)


# --- tokens -----------------------------------------------------------------------------------------------------------


@mutant
def dead_tokens_are_lost() -> list[Swap]:
    original = tokens._pass_on

    def pass_on(turn: Turn, frame: Frame, pattern: Any) -> None:
        original(turn, frame, tuple(token for token in pattern if token[1]))

    return [(tokens, "_pass_on", pass_on)]


@mutant
def a_join_fires_for_every_live_token() -> list[Swap]:
    original = tokens._pass_on

    def pass_on(turn: Turn, frame: Frame, pattern: Any) -> None:
        for target, is_live in pattern:
            if is_live and frame.statuses[target] != UNDECIDED:
                frame.left += 1
                frame.statuses[target] = UNDECIDED
        original(turn, frame, pattern)

    return [(tokens, "_pass_on", pass_on)]


@mutant
def a_step_that_collects_fires_at_the_first_live_token() -> list[Swap]:
    original = tokens._pass_on

    def pass_on(turn: Turn, frame: Frame, pattern: Any) -> None:
        for step in frame.scope.collects.values():
            step.join = JOIN_ANY
        original(turn, frame, pattern)
        for step in frame.scope.collects.values():
            step.join = JOIN_COLLECT

    return [(tokens, "_pass_on", pass_on)]


@mutant
def a_step_that_collects_is_skipped_when_all_its_links_are_dead() -> list[Swap]:
    return [(tokens, "JOIN_COLLECT", None)]


@mutant
def a_step_that_collects_forgets_the_links_that_die() -> list[Swap]:
    original = tokens._pass_on

    def pass_on(turn: Turn, frame: Frame, pattern: Any) -> None:
        steps = frame.scope.steps
        original(
            turn,
            frame,
            tuple(token for token in pattern if token[1] or steps[token[0]].join != JOIN_COLLECT),
        )

    return [(tokens, "_pass_on", pass_on)]


@mutant
def what_arrived_stands_in_the_order_in_which_it_came() -> list[Swap]:
    original = Frame.arrived

    def arrived(self: Frame, step: StepProgram) -> list[Any]:
        places = {name: place for place, name in enumerate(self.live_ports)}
        return sorted(original(self, step), key=lambda one: places[one["step"]])

    return [(Frame, "arrived", arrived)]


# --- attempts ---------------------------------------------------------------------------------------------------------


@mutant
def an_unknown_write_is_retried() -> list[Swap]:
    return [
        (attempts, "raise_doubt", lambda turn, activation, error: False),
        (attempts, "may_repeat", lambda activation: True),
        (retries, "may_repeat", lambda activation: True),
    ]


@mutant
def a_result_of_a_superseded_attempt_counts() -> list[Swap]:
    original = attempts.succeeded

    def succeeded(turn: Turn, activation: Activation, fact: facts.StepSucceeded) -> None:
        original(turn, activation, msgspec.structs.replace(fact, attempt=activation.attempt))

    return [(machine._EFFECTS, facts.StepSucceeded, machine._outside(succeeded))]  # type: ignore[list-item]


@mutant
def the_key_depends_on_the_attempt() -> list[Swap]:
    original = attempts.granted

    def granted(turn: Turn, activation: Activation, fact: facts.StepGranted) -> None:
        original(turn, activation, msgspec.structs.replace(fact, key=f"{fact.key}-{fact.attempt}"))

    return [(machine._EFFECTS, facts.StepGranted, machine._decided(granted))]  # type: ignore[list-item]


@mutant
def a_retried_run_makes_its_own_keys() -> list[Swap]:
    original = attempts.make_key

    def make_key(turn: Turn, activation: Activation) -> Any:
        origin, turn.state.origin = turn.state.origin, turn.state.run
        try:
            return original(turn, activation)
        finally:
            turn.state.origin = origin

    return [(attempts, "make_key", make_key)]


@mutant
def parameters_are_evaluated_for_every_attempt() -> list[Swap]:
    original = attempts.granted

    def granted(turn: Turn, activation: Activation, fact: facts.StepGranted) -> None:
        if activation.purpose == "step" and fact.attempt > 1:
            names = turn.names(activation.frame, activation.path)
            fact = msgspec.structs.replace(fact, parameters=activation.step.settings.evaluate(names))
        original(turn, activation, fact)

    return [(machine._EFFECTS, facts.StepGranted, machine._decided(granted))]  # type: ignore[list-item]


@mutant
def a_timer_that_fires_twice_starts_two_attempts() -> list[Swap]:
    original = waits.timer_fired

    def timer_fired(turn: Turn, fact: facts.TimerFired) -> None:
        activation = turn.state.activations.get(fact.path)
        if activation is not None and fact.timer == "retry" and activation.status == "granted":
            tokens.queue(turn, activation)
        original(turn, fact)

    return [(waits, "timer_fired", timer_fired)]


@mutant
def what_was_undone_is_done_again_under_its_old_key() -> list[Swap]:
    original = clients.inherit

    def inherit(program: Any, journal: Any) -> tuple[facts.Inherited, ...]:
        return tuple(msgspec.structs.replace(one, generation=0) for one in original(program, journal))

    return [(clients, "inherit", inherit)]


@mutant
def an_undo_that_was_granted_is_forgotten_by_a_retry() -> list[Swap]:
    heirs = import_module("auraos.core.run.inherit")  # the package's own name for it is the function
    return [(heirs, "_mark_undone", lambda path, past, generation=None: None)]


@mutant
def a_scope_that_is_tried_again_uses_its_old_keys() -> list[Swap]:
    original = ending.note_undone

    def note_undone(state: Any, path: str, generation: int) -> None:
        original(state, path, generation - 1)

    return [(ending, "note_undone", note_undone)]


@mutant
def a_scope_that_is_tried_again_does_again_what_stands() -> list[Swap]:
    def note_success(*_: Any) -> None:
        """Note nothing: the step counts as one whose attempt failed."""

    return [(tokens, "note_success", note_success), (attempts, "note_success", note_success)]


@mutant
def a_scope_that_is_tried_again_forgets_what_is_in_doubt() -> list[Swap]:
    original = tokens.note_end

    def note_end(turn: Turn, activation: Activation) -> None:
        activation.doubtful, activation.pending = False, None
        original(turn, activation)

    return [(tokens, "note_end", note_end)]


@mutant
def attempts_of_a_new_try_are_counted_from_one_again() -> list[Swap]:
    original = tokens.note_end

    def note_end(turn: Turn, activation: Activation) -> None:
        original(turn, activation)
        if activation.step.behaviour is Behaviour.EXECUTE:
            turn.state.tried.pop(activation.path, None)

    return [(tokens, "note_end", note_end)]


@mutant
def a_call_that_is_tried_again_takes_nothing_over() -> list[Swap]:
    original = calls.child_command

    def child_command(state: Any, activation: Activation) -> Any:
        return msgspec.structs.replace(original(state, activation), takes_over=None)

    return [(calls, "child_command", child_command)]


# --- ending -----------------------------------------------------------------------------------------------------------


@mutant
def undo_begins_with_the_earliest_success() -> list[Swap]:
    original = ending.flatten
    return [(ending, "flatten", lambda entries: original(entries)[::-1])]


@mutant
def a_write_that_runs_is_not_awaited_when_its_scope_fails() -> list[Swap]:
    original = ending.cancel

    def cancel(turn: Turn, activation: Activation, *, undo: bool) -> None:
        if activation.purpose == "step" and activation.status == "granted":
            ending.drop(turn, activation)
        else:
            original(turn, activation, undo=undo)

    return [(ending, "cancel", cancel)]


@mutant
def what_waits_for_a_slot_starts_after_a_cancel() -> list[Swap]:
    original = ending.cancel

    def cancel(turn: Turn, activation: Activation, *, undo: bool) -> None:
        if activation.status != "queued":
            original(turn, activation, undo=undo)

    return [(ending, "cancel", cancel)]


@mutant
def catch_runs_when_the_run_is_cancelled() -> list[Swap]:
    original = scopes.inner_failed

    def inner_failed(turn: Turn, frame: Frame) -> None:
        owner = frame.owner
        assert owner is not None
        if (
            owner.cancelled
            and owner.step.behaviour is Behaviour.TRY
            and owner.step.catch is not None
            and frame.section == "body"
        ):
            containers.remove_inner(owner, frame)
            containers.open_inner(turn, owner, owner.step.catch, "", {})
        else:
            original(turn, frame)

    return [(scopes, "inner_failed", inner_failed)]


@mutant
def finally_does_not_run_when_the_scope_around_fails() -> list[Swap]:
    original = containers.leave

    def leave(turn: Turn, activation: Activation) -> None:
        activation.finally_begun = activation.finally_begun or activation.cancelled
        original(turn, activation)

    return [(containers, "leave", leave), (scopes, "leave", leave), (loops, "leave", leave)]


# --- loops, signals, replay ---------------------------------------------------------------------------------------------


@mutant
def results_of_a_loop_stand_in_the_order_in_which_they_came() -> list[Swap]:
    original = scopes.close_inner

    def close_inner(turn: Turn, frame: Frame) -> None:
        if frame.owner is not None and frame.owner.step.behaviour is Behaviour.FOREACH:
            frame.item_index = frame.owner.done
        original(turn, frame)

    return [(scopes, "close_inner", close_inner)]


@mutant
def a_signal_that_comes_early_is_lost() -> list[Swap]:
    original = waits.signal_received

    def signal_received(turn: Turn, fact: facts.SignalReceived) -> None:
        waiting = {one.wait_name for one in turn.state.activations.values() if one.status == "waiting"}
        if fact.name in waiting:
            original(turn, fact)

    return [(machine._EFFECTS, facts.SignalReceived, signal_received)]  # type: ignore[list-item]


@mutant
def a_signal_that_is_sent_twice_counts_twice() -> list[Swap]:
    original = waits.signal_received

    def signal_received(turn: Turn, fact: facts.SignalReceived) -> None:
        original(turn, msgspec.structs.replace(fact, id=""))

    return [(machine._EFFECTS, facts.SignalReceived, signal_received)]  # type: ignore[list-item]


@mutant
def replay_evaluates_again() -> list[Swap]:
    original = machine._computed

    def computed(turn: Turn, fact: facts.Computed) -> None:
        results = [_evaluated_again(turn, result) for result in fact.results]
        original(turn, msgspec.structs.replace(fact, results=results))

    return [(machine._EFFECTS, facts.Computed, computed)]  # type: ignore[list-item]


def _evaluated_again(turn: Turn, result: facts.Result) -> facts.Result:
    _, frame, step = turn.state.agenda.get(result.path, (None, None, None))
    if turn.live or frame is None or step.type.name != "dice":
        return result
    return machine.compute(step, turn.names(frame, result.path), result.path, turn.at)


# --- the engine's rules -------------------------------------------------------------------------------------------------


@mutant
def there_is_no_fence() -> list[Swap]:
    return [(store.Store, "check_fence", lambda self, token: None)]


@mutant
def wishes_are_released_before_their_facts_are_durable() -> list[Swap]:
    original = model.Engine._follow

    def follow(self: model.Engine, active: model.Active, wishes: list[Any]) -> None:
        original(self, active, wishes)
        at_once, active.draft.wishes = active.draft.wishes, []
        self.release(active, at_once)

    return [(model.Engine, "_follow", follow)]


@mutant
def a_restart_forgets_the_attempts_that_ran() -> list[Swap]:
    return [(model.Engine, "account_for_attempts", lambda self, run, never_begun: None)]


@mutant
def a_lost_attempt_is_taken_for_a_failed_one() -> list[Swap]:
    original = model.Engine.tell

    def tell(self: model.Engine, run: str, fact: Any, answers: str = "") -> None:
        if type(fact) is facts.StepUnknown and fact.lost:
            error = msgspec.structs.replace(fact.error, class_="transient")
            fact = facts.StepFailed(at=fact.at, path=fact.path, attempt=fact.attempt, error=error)
        original(self, run, fact, answers)

    return [(model.Engine, "tell", tell)]


@mutant
def a_restart_forgets_the_timers() -> list[Swap]:
    original = model.outstanding

    def outstanding(state: Any) -> list[Any]:
        return [wish for wish in original(state) if type(wish).__name__ != "StartTimer"]

    return [(model, "outstanding", outstanding)]


__all__ = ["MUTANTS", "planted"]
