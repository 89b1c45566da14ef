"""How processes share out a pool: never more than there is, nothing idle while somebody waits, and everybody has a turn."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auraos.engine.allotments import MARGIN, Exchange, Said, Share, Speaker, exchange, targets
from auraos.engine.pooling import SLICE, Claim


def share(units: int = 0, demand: int = 0, **more: Any) -> Share:
    return Share(most=more.pop("most", 9), units=units, demand=demand, **more)


def waiting(demand: int, *, since: float = 1, first: int = 1, units: int = 0, level: int = 0) -> Share:
    return share(units, demand, first=first, since=since, level=level)


def speak(
    shares: Mapping[str, Share], said: Said, *, token: str = "me", owners: str = "me a b c", **more: Any
) -> Exchange:
    me = Speaker(token, share(most=more.pop("most", 3), **more.pop("who", {})))
    return exchange(shares, me, said, owners=owners.split(), now=more.pop("now", 100.0), **more)


# --- what everybody should have ---------------------------------------------------------------------------------------


def test_those_who_want_the_same_get_the_same_and_a_little_want_is_met() -> None:
    assert targets({"a": waiting(9), "b": waiting(9), "c": share(0, 1)}, 9) == {"a": 4, "b": 4, "c": 1}


def test_what_nobody_wants_is_shared_out_evenly_but_not_to_those_who_leave() -> None:
    assert targets({"a": share(), "b": share(0, 2), "c": share(is_leaving=True)}, 8) == {
        "a": 3,
        "b": 5,
        "c": 0,
    }


def test_one_that_cannot_be_halved_goes_to_whoever_waited_longest() -> None:
    assert targets({"a": waiting(9, since=2), "b": waiting(9, since=1)}, 3) == {"a": 1, "b": 2}
    assert targets({"a": waiting(9, since=2), "b": waiting(9, since=1)}, 1) == {"a": 0, "b": 1}


def test_priority_comes_before_the_turn_where_not_everybody_can_have_some() -> None:
    assert targets({"a": waiting(9, since=2, level=9), "b": waiting(9, since=1)}, 1) == {"a": 1, "b": 0}


def test_who_wants_much_gets_it_whole_when_it_has_its_turn_and_holds_nobody_up_before() -> None:
    large, small = waiting(4, first=4, since=1), waiting(9, since=2)
    assert targets({"a": large, "b": small}, 4) == {"a": 4, "b": 0}
    assert targets({"a": msgspec.structs.replace(large, since=3), "b": small}, 4) == {"a": 0, "b": 4}


def test_who_wants_more_than_there_is_holds_nobody_up() -> None:
    assert targets({"a": waiting(4, first=5), "b": waiting(9, since=2)}, 4) == {"a": 0, "b": 4}


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.builds(
            waiting,
            st.integers(0, 20),
            since=st.integers(0, 3),
            first=st.integers(0, 5),
            level=st.integers(0, 2),
        ),
        min_size=1,
    ),
    st.integers(0, 30),
)
def test_no_more_is_shared_out_than_there_is_and_all_of_it_where_it_can_be_used(
    shares: dict[str, Share], room: int
) -> None:
    given_out = targets(shares, room)
    assert sum(given_out.values()) <= room
    assert min(given_out.values()) >= 0
    if (
        all(each.first <= 1 for each in shares.values())
        and sum(each.demand for each in shares.values()) >= room
    ):
        assert sum(given_out.values()) == room or any(not each.first for each in shares.values())


# --- what a process does ----------------------------------------------------------------------------------------------


def test_the_first_one_may_use_all() -> None:
    done = speak({}, Said(0))
    assert (done.allowed, done.limit, done.elsewhere, done.hint) == (3, 3, 0, False)


def test_who_comes_later_gets_what_is_free_and_tells_who_has_too_much() -> None:
    done = speak({"a": share(3, most=3)}, Said(0, 1, first=1))
    assert (done.allowed, done.elsewhere, done.hint, done.is_contested) == (0, 3, True, True)
    freed = speak(done.shares, Said(1), token="a")
    assert (freed.allowed, freed.shares["a"].units, freed.hint) == (1, 1, True)
    got = speak(freed.shares, Said(0, 1, first=1))
    assert (got.allowed, got.shares["me"].units) == (1, 1)


def test_who_is_short_tells_those_who_hold_something_for_their_steps_may_have_ended_meanwhile() -> None:
    as_it_spoke = {"a": share(1, 1, most=3), "me": share(2, 2, most=3)}
    assert speak(as_it_spoke, Said(2, 1, first=1)).hint
    assert not speak(as_it_spoke, Said(2)).hint


def test_what_is_held_is_not_given_back_and_not_used_again() -> None:
    done = speak({"me": share(3), "a": waiting(9)}, Said(3, 5, first=1, since=2))
    assert (done.allowed, done.shares["me"].units) == (1, 3)
    done = speak(done.shares, Said(2, 5, first=1, since=2))
    assert (done.allowed, done.shares["me"].units, done.hint) == (1, 2, True)


def test_of_different_limits_the_smallest_holds_also_for_who_was_told_more() -> None:
    done = speak({"a": share(2, most=2)}, Said(0, 9, first=1), most=5)
    assert (done.limit, done.allowed) == (2, 0)
    done = speak({"a": share(5, most=5)}, Said(0), most=2, who={})
    assert done.limit == 2
    assert speak(done.shares, Said(5), token="a", most=5).allowed == 2


def test_the_units_of_a_process_that_is_certainly_dead_are_free_at_once() -> None:
    dead = share(3, longest=60, host="h", process=7, boot="b")
    who = {"host": "h", "process": 8, "boot": "b"}
    assert speak({"a": dead}, Said(0), who=who, is_alive=lambda _: False).allowed == 3
    assert speak({"a": dead}, Said(0), who=who).allowed == 0
    assert speak({"a": dead}, Said(0), who={**who, "process": 7}).allowed == 3
    assert speak({"a": dead}, Said(0), who={**who, "host": "g"}, is_alive=lambda _: False).allowed == 0
    assert speak({"a": dead}, Said(0), who={**who, "boot": "later"}).allowed == 0
    assert speak({"a": dead}, Said(0), who={**who, "boot": "later"}, owners="me").allowed == 3


def test_the_units_of_a_process_that_fell_silent_go_back_when_its_steps_must_be_over() -> None:
    done = speak({"a": share(2, longest=60)}, Said(0), owners="me", now=100)
    assert (done.allowed, done.elsewhere) == (1, 2)
    late = speak(done.shares, Said(0), owners="me", now=160 + MARGIN - 0.1)
    assert (late.allowed, late.shares["a"].frees) == (1, 160 + MARGIN)
    assert speak(done.shares, Said(0), owners="me", now=160 + MARGIN).allowed == 3


def test_the_units_of_a_silent_process_in_which_nothing_was_under_way_go_back_at_once() -> None:
    assert speak({"a": share(2)}, Said(0), owners="me").allowed == 3


def test_who_begins_anew_under_another_token_goes_on_holding_what_it_holds() -> None:
    who: dict[str, Any] = {"host": "h", "process": 8, "boot": "b"}
    done = speak({"old": share(3, longest=60, frees=170, **who)}, Said(2), who=who)
    assert (set(done.shares), done.shares["me"].units, done.allowed) == ({"me"}, 3, 3)
    robbed = speak({"a": share(3, 3, most=3)}, Said(2), who=who)
    assert (robbed.shares["me"].units, robbed.allowed) == (2, 1)


# --- turns ------------------------------------------------------------------------------------------------------------


def test_the_turn_of_a_line_lasts_for_a_slice_after_it_got_something() -> None:
    claim = Claim(1, 10.0)
    for first, now, since in (
        (1, 20, 10),
        (2, 30, 10),
        (3, 30.1, 10),
        (4, 30 + SLICE, 30 + SLICE),
        (4, 99, 30 + SLICE),
    ):
        claim.look(first, now)
        assert claim.since == since


# --- whatever happens -------------------------------------------------------------------------------------------------

LIMIT = 4
LONGEST = 5


class Town:
    """Processes that run steps of a pool as the engine does: with slots that know their limit alone, and a ledger that each
    reads, and writes a little later if nobody was quicker.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.shares: dict[str, Share] = {}
        self.version = 0
        self.processes: dict[str, Process] = {}
        self.count = 0

    def come(self) -> None:
        if len(self.processes) < 4:
            self.count += 1
            self.processes[f"p{self.count}"] = Process(self, f"p{self.count}")

    @property
    def owners(self) -> list[str]:
        return [token for token, each in self.processes.items() if not each.is_fenced]

    @property
    def used(self) -> int:
        return sum(sum(units for units, _ in each.running) for each in self.processes.values())

    def act(self, verb: str, which: int, what: int) -> None:
        if verb == "come":
            self.come()
        elif verb == "pass":
            self.pass_time(what / 4)
        elif self.processes:
            process = list(self.processes.values())[which % len(self.processes)]
            if verb == "fence":
                process.is_fenced = process.is_stopped = True
            elif verb == "kill":
                del self.processes[process.token]
            elif not process.is_stopped:
                getattr(process, verb)(what)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for each in self.processes.values():
            each.running = [(units, end) for units, end in each.running if end > self.now]


class Process:
    def __init__(self, town: Town, token: str) -> None:
        self.town = town
        self.token = token
        self.number = town.count
        self.waiting: list[tuple[int, int]] = []
        self.running: list[tuple[int, float]] = []
        self.allowed = 0
        self.claim: Claim | None = None
        self.is_fenced = self.is_stopped = False
        self.seen: tuple[dict[str, Share], int, float] | None = None
        self.served = 0

    @property
    def held(self) -> int:
        return sum(units for units, _ in self.running)

    def want(self, what: int) -> None:
        self.town.count += 1
        self.waiting.append((self.town.count, 1 + (what % 3 if what > 8 else 0)))
        self.fill()

    def end(self, what: int) -> None:
        if self.running:
            self.running.pop(what % len(self.running))
            self.fill()

    def fill(self) -> None:
        while self.waiting and self.held + self.waiting[0][1] <= self.allowed:
            self.running.append((self.waiting.pop(0)[1], self.town.now + LONGEST))
            self.served += 1

    def read(self, _: int) -> None:
        self.seen = (dict(self.town.shares), self.town.version, self.town.now)

    def write(self, _: int) -> None:
        if self.seen is None:
            return
        (shares, version, now), self.seen = self.seen, None
        owners = [*self.town.owners, self.token]
        first = units = 0
        if self.waiting:
            first, units = self.waiting[0]
            self.claim = self.claim or Claim(first, now)
            self.claim.look(first, now)
        else:
            self.claim = None
        since = self.claim.since if self.claim else 0.0
        said = Said(self.held, sum(each for _, each in self.waiting), units, 0, since, LONGEST)
        me = Speaker(self.token, share(most=LIMIT, host="here", process=self.number))
        alive = [each.number for each in self.town.processes.values()]
        done = exchange(shares, me, said, owners=owners, now=now, is_alive=alive.__contains__)
        self.allowed = min(self.allowed, done.allowed)
        if self.town.version == version:
            self.town.shares, self.town.version = done.shares, version + 1
            self.allowed = done.allowed
            self.fill()


ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["want", "end", "read", "write"]), st.integers(0, 3), st.integers(0, 12)),
    st.tuples(st.sampled_from(["want", "end", "read", "write"]), st.integers(0, 3), st.integers(0, 12)),
    st.tuples(st.sampled_from(["come", "pass", "kill", "fence"]), st.integers(0, 3), st.integers(0, 12)),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(ACTIONS, max_size=120))
def test_whatever_processes_do_no_more_is_used_than_there_is_and_all_who_wait_get_it(
    actions: list[Any],
) -> None:
    town = Town()
    town.come()
    town.come()
    for verb, which, what in actions:
        town.act(verb, which, what)
        assert town.used <= LIMIT
    living = [each for each in town.processes.values() if not each.is_stopped]
    for _ in range(400):
        if not any(each.waiting for each in living):
            break
        for each in living:
            each.read(0)
            each.write(0)
            assert town.used <= LIMIT
        town.pass_time(SLICE / 2)
    assert not any(each.waiting for each in living)


@pytest.mark.parametrize("limit", [1, 3])
def test_processes_with_endless_work_get_the_same_in_the_long_run(limit: int) -> None:
    shares: dict[str, Share] = {}
    claims: dict[str, Claim] = {}
    served: Counter[str] = Counter()
    for turn in range(4_000):
        now, token = turn * 0.05, "abcd"[turn % 4]
        claim = claims.setdefault(token, Claim(0, now))
        claim.look(served[token], now)
        said = Said(shares[token].units if token in shares else 0, 100, 1, 5, claim.since, LONGEST)
        done = exchange(
            shares, Speaker(token, share(most=limit)), said._replace(held=0), owners="abcd", now=now
        )
        shares = done.shares
        served[token] += done.allowed
    assert min(served.values()) > 0.8 * max(served.values())
