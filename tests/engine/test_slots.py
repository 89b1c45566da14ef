"""Who runs next: priority, then workspaces in turn, then patience, within the limits of the whole and of each pool."""

import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auraos.engine.slots import Slots
from auraos.engine.turns import PATIENCE


class Time:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def turns(slots: Slots) -> list[str]:
    """Return the paths that get a slot now, in order."""
    found = []
    while (turn := slots.next()) is not None:
        found.append(turn[0].path)
    return found


def one_by_one(slots: Slots) -> list[str]:
    """Return the paths in the order of their turns, each slot being given back before the next turn."""
    found = []
    while (turn := slots.next()) is not None:
        found.append(turn[0].path)
        slots.give_back(turn[1])
    return found


def test_a_free_slot_is_taken_at_once_and_then_one_waits() -> None:
    slots = Slots(1)
    assert slots.take("")
    assert not slots.take("")
    slots.wait("r", "a", "", 5)
    assert turns(slots) == []
    slots.give_back("")
    assert turns(slots) == ["a"]


def test_higher_priority_goes_first_and_among_equals_who_waited_longest() -> None:
    slots = Slots(0)
    for path, priority in (("a", 5), ("b", 9), ("c", 5), ("d", 0)):
        slots.wait("r", path, "", priority)
    slots.free = 4
    assert turns(slots) == ["b", "a", "c", "d"]


def test_workspaces_take_turns_however_much_one_of_them_wants() -> None:
    slots = Slots(0)
    for number in range(4):
        slots.wait("r1", f"a{number}", "", 5, "a")
    for number in range(2):
        slots.wait("r2", f"b{number}", "", 5, "b")
    slots.wait("r3", "c0", "", 5, "c")
    slots.free = 1
    assert one_by_one(slots) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_priority_counts_before_the_turn_of_a_workspace() -> None:
    slots = Slots(0)
    slots.wait("r1", "low", "", 4, "a")
    slots.wait("r2", "high", "", 6, "b")
    slots.wait("r2", "higher", "", 7, "b")
    slots.free = 3
    assert turns(slots) == ["higher", "high", "low"]


def test_who_waits_long_rises_and_goes_before_newer_ones_of_that_priority() -> None:
    now = Time()
    slots = Slots(0, now=now)
    slots.wait("r", "old", "", 4)
    slots.wait("r", "older than new", "", 5)
    now.now += PATIENCE
    slots.wait("r", "new", "", 5)
    slots.free = 1
    assert one_by_one(slots) == ["older than new", "old", "new"]


def test_a_full_pool_holds_up_only_those_who_want_it() -> None:
    slots = Slots(10, {"erp": 1})
    assert slots.take("erp")
    assert not slots.take("erp")
    slots.wait("r", "a", "erp", 9)
    slots.wait("r", "b", "", 1)
    assert turns(slots) == ["b"]
    assert slots.offer() == 8
    slots.give_back("erp")
    assert turns(slots) == ["a"]


def test_a_pool_without_a_limit_is_bounded_by_the_whole_alone() -> None:
    slots = Slots(2, {"erp": 1})
    assert [slots.take("other:50") for _ in range(3)] == [True, True, False]


def test_nobody_overtakes_those_who_wait_for_the_same_pool() -> None:
    slots = Slots(1)
    slots.take("")
    slots.wait("r", "a", "", 5)
    slots.give_back("")
    assert not slots.take("")
    assert slots.offer() == 0
    assert turns(slots) == ["a"]


def test_several_units_of_several_pools_are_had_together_or_not_at_all() -> None:
    slots = Slots(10, {"cpu": 4, "erp": 1})
    assert slots.take("cpu:3 erp")
    assert not slots.take("cpu:2")
    assert slots.take("cpu")
    slots.give_back("cpu:3 erp")
    assert {pool: slots.pools()[pool].free for pool in ("cpu", "erp")} == {"cpu": 3, "erp": 1}


def test_who_wants_much_is_not_passed_over_by_those_who_want_little() -> None:
    slots = Slots(10, {"cpu": 4})
    assert slots.take("cpu:2")
    slots.wait("r", "large", "cpu:4", 5)
    assert not slots.take("cpu")
    slots.wait("r", "small", "cpu", 5)
    assert turns(slots) == []
    slots.give_back("cpu:2")
    assert turns(slots) == ["large"]


def test_who_is_more_important_may_go_before_one_who_wants_much() -> None:
    slots = Slots(10, {"cpu": 4})
    assert slots.take("cpu:2")
    slots.wait("r", "large", "cpu:4", 5)
    assert slots.wait("r", "urgent", "cpu", 9)
    assert turns(slots) == ["urgent"]


def test_who_wants_more_than_there_ever_is_waits_and_holds_nobody_up() -> None:
    slots = Slots(10, {"cpu": 4})
    slots.wait("r", "never", "cpu:5", 9)
    slots.wait("r", "small", "cpu", 1)
    assert turns(slots) == ["small"]
    assert (
        slots.explain("r", "never")
        == "1 of 4 of pool cpu are taken and it wants 5: pool cpu never has so many."
    )


def test_a_place_in_line_can_be_told() -> None:
    slots = Slots(0)
    slots.wait("r", "a", "", 5)
    slots.wait("r", "b", "", 9)
    assert [slots.ahead("r", path) for path in ("a", "b", "c")] == [1, 0, None]


def test_a_place_in_line_is_told_in_words() -> None:
    slots = Slots(100, {"erp": 3})
    for _ in range(3):
        slots.take("erp")
    for path in "abc":
        slots.wait("r", path, "erp", 5)
    assert slots.explain("r", "c") == "3 of 3 of pool erp are taken, 2 ahead"
    assert slots.explain("r", "x") == ""


def test_who_leaves_the_line_is_not_counted_and_gets_no_turn() -> None:
    slots = Slots(0)
    for path in "abc":
        slots.wait("r", path, "", 5)
    slots.leave("r", ["b", "x"])
    assert slots.ahead("r", "c") == 1
    slots.free = 3
    assert turns(slots) == ["a", "c"]
    assert not slots.is_wanted


def test_who_asks_twice_keeps_the_first_place() -> None:
    slots = Slots(0)
    for path in "aba":
        slots.wait("r", path, "", 5)
    slots.free = 3
    assert turns(slots) == ["a", "b"]


def test_when_the_doors_are_closed_nobody_gets_a_slot() -> None:
    slots = Slots(5)
    slots.wait("r", "a", "", 5)
    slots.is_open = False
    assert not slots.take("")
    assert turns(slots) == []


# --- many -------------------------------------------------------------------------------------------------------------


def calls_of(work: Any) -> int:
    """Return how many functions a piece of work calls."""
    count = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def busy(waiting: int, now: Time) -> Slots:
    slots = Slots(100, {"erp": 2}, now=now)
    for _ in range(2):
        slots.take("erp")
    for number in range(waiting):
        slots.wait(f"r{number}", "a", "erp", number % 3, f"w{number % 7}")
    return slots


def test_a_turn_costs_the_same_however_many_wait() -> None:
    costs = []
    for waiting in (100, 10_000):
        slots = busy(waiting, Time())
        slots.give_back("erp")
        costs.append(calls_of(slots.next))
    assert costs[0] == costs[1]


def test_a_place_costs_the_same_however_many_wait() -> None:
    few, many = busy(100, Time()), busy(10_000, Time())
    assert calls_of(lambda: few.ahead("r50", "a")) == calls_of(lambda: many.ahead("r5000", "a"))


def test_no_turn_is_long_when_all_rise_at_once() -> None:
    now = Time()
    slots = busy(10_000, now)
    now.now += PATIENCE
    slots.give_back("erp")
    assert calls_of(slots.next) < 12_000


# --- whatever happens -------------------------------------------------------------------------------------------------

LINES = ["", "erp", "cpu", "cpu:2", "cpu:3 erp", "cpu:9", "free:4"]
LIMITS = {"erp": 2, "cpu": 4}
PARALLEL = 5
ACTIONS = st.one_of(
    st.tuples(st.just("want"), st.sampled_from(LINES), st.integers(0, 9)),
    st.tuples(st.just("end"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("leave"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("pass"), st.integers(1, 100), st.just(0)),
)


class Work:
    """Activations that want slots, hold them, and give them back, as the runner does it."""

    def __init__(self) -> None:
        self.time = Time()
        self.slots = Slots(PARALLEL, LIMITS, now=self.time)
        self.wanted: dict[str, str] = {}
        self.held: dict[str, str] = {}
        self.done: list[str] = []
        self.count = 0

    def want(self, line: str, priority: int) -> None:
        path = f"a{self.count}"
        self.count += 1
        if self.slots.take(line):
            self.held[path] = line
        else:
            self.wanted[path] = line
            if self.slots.wait("r", path, line, priority, f"w{self.count % 3}"):
                self.fill()

    def fill(self) -> None:
        while (turn := self.slots.next()) is not None:
            waiting, line = turn
            assert self.wanted.pop(waiting.path) == line
            self.held[waiting.path] = line

    def end(self, number: int) -> None:
        if self.held:
            path = sorted(self.held)[number % len(self.held)]
            self.slots.give_back(self.held.pop(path))
            self.done.append(path)
            self.fill()

    def leave(self, number: int) -> None:
        if self.wanted:
            path = sorted(self.wanted)[number % len(self.wanted)]
            del self.wanted[path]
            self.slots.leave("r", [path])
            self.fill()

    def act(self, verb: str, what: Any, priority: int) -> None:
        match verb:
            case "want":
                self.want(what, priority)
            case "end":
                self.end(what)
            case "leave":
                self.leave(what)
            case _:
                self.time.now += what
                self.fill()

    def check(self) -> None:
        used: Counter[str] = Counter()
        for line in self.held.values():
            for part in line.split():
                pool, _, units = part.partition(":")
                used[pool] += int(units or 1)
        assert len(self.held) <= PARALLEL
        assert all(used[pool] <= limit for pool, limit in LIMITS.items())
        assert self.slots.free == PARALLEL - len(self.held)
        assert {pool: self.slots.pools()[pool].free for pool in LIMITS} == {
            pool: limit - used[pool] for pool, limit in LIMITS.items()
        }


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTIONS, max_size=80))
def test_nothing_is_given_twice_nothing_is_lost_and_everybody_has_a_turn(actions: list[Any]) -> None:
    work = Work()
    for action in actions:
        work.act(*action)
        work.check()
    for _ in range(work.count + 1):
        for _ in range(len(work.held)):
            work.end(0)
        work.check()
    assert set(work.wanted.values()) <= {"cpu:9"}  # there never is so much
    assert not work.held


@pytest.mark.parametrize("priority", [0, 4])
def test_nobody_waits_for_ever_behind_those_who_are_more_important(priority: int) -> None:
    work = Work()
    for _ in range(PARALLEL + 3):
        work.want("", 9)
    work.want("", priority)
    patient = f"a{work.count - 1}"
    rounds = 0
    while patient in work.wanted:
        rounds += 1
        work.want("", 9)
        work.time.now += 10
        work.end(0)
        assert rounds < 200


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_place_that_is_told_is_the_place_that_it_has(wants: list[tuple[int, int]]) -> None:
    slots = Slots(0)
    for number, (workspace, priority) in enumerate(wants):
        slots.wait("r", f"a{number}", "", priority, f"w{workspace}")
    told = {f"a{number}": slots.ahead("r", f"a{number}") for number in range(len(wants))}
    slots.free = 1
    assert told == {path: place for place, path in enumerate(one_by_one(slots))}
