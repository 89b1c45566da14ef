"""Mistakes planted in the engine that several processes run: some thought up, some that these worlds found in it.

A mutant swaps functions for as long as a `with` block lasts, as those of the run machine do.
"""

from collections.abc import Callable, Sequence
from typing import Any

from auraos.engine.beginnings import Beginnings
from auraos.engine.draft import Draft
from auraos.engine.flow.admission import Admission
from auraos.engine.flow.entrance import Entrance
from auraos.engine.flow.standing import Standing
from auraos.engine.granting import Granting
from auraos.engine.memory import Memory
from auraos.engine.mending import Mending
from auraos.engine.moves import Moves
from auraos.engine.pooling import PoolKeeper
from auraos.engine.requests import Requests
from auraos.engine.waking import Waking
from simulation.simulated_database import Database

Swap = tuple[Any, str, Any]
CLUSTER_MUTANTS: dict[str, Callable[[], list[Swap]]] = {}

FOUND_BY = {
    "a fence is not checked": 17,
    "shards are handed over while something is under way in them": 151,
    "what was handed over stays in memory": 1,
    "a shard that stayed begins nothing any more": 13,
    "what was being read when all was lost is never read again": 12,
    "a request that was put off comes again though it was answered": 83,
    "a process counts those it let in itself": 1,
    "that a run was let in is not written": 1,
    "what is limited in a time is not counted": 12,
    "whoever hears late that it may begin counts from before": 11,
    "a gate is said to lie in the first shard": 1,
    "of starts before a restart a debounce lets all begin": 24,
    "a run that ends while rows are read is counted for ever": 4,
    "the slot of an attempt that was cut short stays taken": 1,
    "the slot of a grant of unknown fate goes to another": 91,
    "each process has the whole of every pool": 24,
}
"""Where a mistake shows itself; the others do in the first world."""

ABOUT = {
    "a start that comes twice begins twice": "ids",
    "whoever hears late that it may begin counts from before": "rate",
    "of starts before a restart a debounce lets all begin": "debounce",
}
"""What the worlds are about in which a mistake shows itself sooner than in worlds about everything."""


def mutant(make: Callable[[], list[Swap]]) -> Callable[[], list[Swap]]:
    """Register a mutant under its name in words."""
    CLUSTER_MUTANTS[make.__name__.replace("_", " ")] = make
    return make


async def _nothing(*_: Any) -> None:
    pass


# --- who owns what ----------------------------------------------------------------------------------------------------


@mutant
def a_fence_is_not_checked() -> list[Swap]:
    return [(Database, "stands", lambda self, token: True)]


@mutant
def shards_are_handed_over_while_something_is_under_way_in_them() -> list[Swap]:
    return [(Moves, "_busy", lambda self: frozenset())]


@mutant
def what_was_handed_over_stays_in_memory() -> list[Swap]:
    original = Moves._forget

    def forget(self: Moves, runs: Any) -> None:
        if not self._shards.leaving:
            original(self, runs)

    return [(Moves, "_forget", forget)]


@mutant
def a_shard_that_is_taken_over_is_not_looked_through_for_runs() -> list[Swap]:
    return [(Waking, "recover", _nothing)]


@mutant
def a_shard_that_stayed_begins_nothing_any_more() -> list[Swap]:
    original = Granting.rest

    def rest(self: Granting, shards: frozenset[int]) -> None:
        original(self, self.resting | shards)

    return [(Granting, "rest", rest)]


@mutant
def what_was_being_read_when_all_was_lost_is_never_read_again() -> list[Swap]:
    return [(Memory, "lose_all", Memory.stop)]


# --- requests ---------------------------------------------------------------------------------------------------------


@mutant
def a_start_that_comes_twice_begins_twice() -> list[Swap]:
    async def is_begun(self: Beginnings, run: str) -> bool:
        return await self._store.find(run) is not None

    return [(Beginnings, "_refuse_twice", lambda self, run: None), (Beginnings, "is_begun", is_begun)]


@mutant
def a_request_that_was_put_off_comes_again_though_it_was_answered() -> list[Swap]:
    def answered(self: Requests, ids: Sequence[str]) -> None:
        for request in ids:
            self._under_way.pop(request, None)
        if self._looks:
            self._gone.update(ids)

    return [(Requests, "answered", answered)]


@mutant
def requests_are_not_looked_for_in_the_store() -> list[Swap]:
    return [(Requests, "look", _nothing)]


# --- who may begin ----------------------------------------------------------------------------------------------------


@mutant
def a_run_that_ended_is_counted_on() -> list[Swap]:
    original = Entrance.ended

    def ended(self: Entrance, run: str, now: int) -> None:
        found = self.standing(run)
        if found is None or not found.admitted_at:
            original(self, run, now)

    return [(Entrance, "ended", ended)]


@mutant
def a_process_counts_those_it_let_in_itself() -> list[Swap]:
    original = Entrance.enter_all

    def enter_all(self: Entrance, runs: Sequence[Standing], now: int) -> None:
        original(self, [run for run in runs if not run.admitted_at], now)

    return [(Entrance, "enter_all", enter_all)]


@mutant
def nobody_is_let_in_when_room_is_made() -> list[Swap]:
    return [(Entrance, "_drain", lambda self, room, now: None)]


@mutant
def that_a_run_was_let_in_is_not_written() -> list[Swap]:
    original = Draft.pass_gates

    def pass_gates(self: Draft, state: Any, shard: int, priority: int, *, created: bool) -> None:
        original(self, state, shard, priority, created=created)
        if not created:
            self.gates = ()

    return [(Draft, "pass_gates", pass_gates)]


@mutant
def the_row_of_a_run_that_ended_stays() -> list[Swap]:
    original = Draft.pass_gates

    def pass_gates(self: Draft, state: Any, shard: int, priority: int, *, created: bool) -> None:
        original(self, state, shard, priority, created=created)
        if state.is_final:
            self.left = ()

    return [(Draft, "pass_gates", pass_gates)]


@mutant
def what_is_limited_in_a_time_is_not_counted() -> list[Swap]:
    return [(Entrance, "_count", lambda self, room, at, run: None)]


@mutant
def whoever_hears_late_that_it_may_begin_counts_from_before() -> list[Swap]:
    return [(Entrance, "began", lambda self, run, at: self._untold.discard(run))]


@mutant
def a_gate_is_said_to_lie_in_the_first_shard() -> list[Swap]:
    original = Entrance._room
    return [(Entrance, "_room", lambda self, gate, shard: original(self, gate, 0))]


@mutant
def of_starts_before_a_restart_a_debounce_lets_all_begin() -> list[Swap]:
    def enter_all(self: Entrance, runs: Sequence[Standing], now: int) -> None:
        for run in runs:
            self.enter(run, now)

    return [(Entrance, "enter_all", enter_all)]


@mutant
def whose_input_went_into_a_batch_begins_too() -> list[Swap]:
    return [(Admission, "end_gathered", lambda self, leader, wish: None)]


@mutant
def a_run_that_ends_while_rows_are_read_is_counted_for_ever() -> list[Swap]:
    original = Admission._take_up

    def take_up(self: Admission, shards: frozenset[int], known: Any) -> None:
        self._over_meanwhile.clear()
        original(self, shards, known)

    return [(Admission, "_take_up", take_up)]


# --- pools ------------------------------------------------------------------------------------------------------------


@mutant
def the_slot_of_an_attempt_that_was_cut_short_stays_taken() -> list[Swap]:
    original = Granting.give_back

    def give_back(self: Granting, run: Any, path: str, attempt: int) -> None:
        if attempt > 1:
            run.holding.pop((path, attempt), None)
        original(self, run, path, attempt)

    return [(Granting, "give_back", give_back)]


@mutant
def the_slot_of_a_grant_of_unknown_fate_goes_to_another() -> list[Swap]:
    original = Mending._unlearn

    def unlearn(self: Mending, run: Any, draft: Any, error: Any) -> None:
        original(self, run, draft, error)
        self.runner.granting.free(run)

    return [(Mending, "_unlearn", unlearn)]


@mutant
def each_process_has_the_whole_of_every_pool() -> list[Swap]:
    return [(PoolKeeper, "begin", lambda self: None)]
