"""Whatever happens, and whenever the process dies: no limit is exceeded, and nobody waits for ever."""

from bisect import bisect_left

from entrance_hand import SECOND, Hand, gate
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = [
    (gate("concurrency", "a", limit=2),),
    (gate("concurrency", "a", limit=2), gate("throttle", "t", limit=3, per=60)),
    (gate("singleton", "s"), gate("concurrency", "a", limit=2)),
    (gate("rate", "r", limit=3, per=30, when_full="skip"), gate("concurrency", "a", limit=2)),
    (gate("debounce", "d", per=5), gate("concurrency", "a", limit=2)),
    (gate("batch", "b", limit=3, per=20), gate("concurrency", "a", limit=2)),
    (gate("throttle", "t", limit=3, per=60),),
]
ACTIONS = st.one_of(
    st.tuples(st.just("start"), st.integers(0, len(RULES) - 1), st.integers(0, 9)),
    st.tuples(st.just("end"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 40), st.just(0)),
    st.tuples(st.just("restart"), st.just(0), st.just(0)),
)


def act(hand: Hand, action: str, number: int, priority: int) -> None:
    match action:
        case "start":
            hand.start(f"r{len(hand.runs)}", *RULES[number], priority=priority)
        case "end":
            unfinished = [run for run in hand.runs if run not in hand.over]
            if unfinished:
                hand.end(unfinished[number % len(unfinished)])
        case "wait":
            hand.wait(number)
        case _:
            hand.restart()


def check_limits(hand: Hand) -> None:
    for setting, key, limit in (("concurrency", "a", 2), ("singleton", "s", 1)):
        live = [run for run in hand.live if gate_of(hand, run, setting, key)]
        assert len(live) <= limit
    for setting, key, limit, per in (("throttle", "t", 3, 60), ("rate", "r", 3, 30)):
        times = sorted(
            at if setting == "throttle" else hand.runs[run].born
            for at, run in hand.begun
            if gate_of(hand, run, setting, key)
        )
        for place, at in enumerate(times):
            assert bisect_left(times, at + per * SECOND) - place <= limit


def gate_of(hand: Hand, run: str, setting: str, key: str) -> bool:
    return any(each.name == f"{setting}/{key}" for each in hand.runs[run].gates)


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTIONS, max_size=60))
def test_no_limit_is_exceeded_and_everybody_comes_to_an_end(actions):
    hand = Hand()
    for action in actions:
        act(hand, *action)
        check_limits(hand)
    for _ in range(len(hand.runs) + 1):
        for run in list(hand.live):
            hand.end(run)
        hand.wait(120)
        check_limits(hand)
    assert set(hand.over) == set(hand.runs)
    assert len(hand.entrance) == 0
    hand.wait(1000)
    assert hand.entrance._rooms == {}


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, max_size=40), st.integers(0, 40))
def test_a_run_is_let_in_once_and_gathered_once_whenever_the_process_dies(actions, where):
    hand = Hand()
    for place, action in enumerate(actions):
        act(hand, *action)
        if place == where:
            hand.restart()
    assert len(hand.admitted) == len(set(hand.admitted))
    gathered = [run for admit in hand.live.values() for run in admit.gathered]
    assert len(gathered) == len(set(gathered))
