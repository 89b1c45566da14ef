"""Who may begin, setting by setting, in virtual time."""

import pytest
from entrance_hand import Hand, gate

from auraos.engine.flow.entrance import Entrance
from auraos.engine.flow.standing import Admit, Refuse, Standing

ONE = gate("concurrency", "c1", limit=1)


def starts(hand: Hand, *gates, count=3, first=1):
    for number in range(first, first + count):
        hand.start(f"r{number}", *gates)
    return hand


# --- concurrency and singleton ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["concurrency", "singleton"])
def test_as_many_runs_of_a_key_go_on_as_may_and_the_others_wait_in_their_order(setting):
    hand = starts(Hand(), gate(setting, "c1", limit=2), count=4)
    assert hand.admitted == ["r1", "r2"]
    assert hand.end("r2").admitted == ["r1", "r2", "r3"]
    assert hand.end("r1").end("r3").admitted == ["r1", "r2", "r3", "r4"]


def test_runs_of_another_key_do_not_wait():
    hand = Hand().start("a", ONE).start("b", ONE).start("c", gate("concurrency", "c2", limit=1))
    assert hand.admitted == ["a", "c"]


def test_a_run_that_waits_says_how_many_run_and_stand_before_it():
    hand = starts(Hand(), ONE, count=4)
    words = [hand.entrance.explain(run, hand.now) for run in ("r1", "r2", "r4")]
    assert words == ["", "concurrency of c1: 1 running, 0 ahead", "concurrency of c1: 1 running, 2 ahead"]


def test_a_run_that_waits_and_is_cancelled_leaves_the_line():
    hand = starts(Hand(), ONE).end("r2")
    assert hand.end("r1").admitted == ["r1", "r3"]


def test_the_end_of_a_run_that_was_never_let_in_frees_nothing():
    hand = starts(Hand(), ONE).end("r3").end("r3").end("unheard-of")
    assert hand.admitted == ["r1"]


def test_higher_priority_goes_first_and_patience_counts_for_more_in_the_end():
    hand = Hand().start("r1", ONE).start("low", ONE, priority=0).start("high", ONE, priority=9)
    assert hand.end("r1").admitted[-1] == "high"
    hand.wait(9 * 60 + 1)
    hand.start("late", ONE, priority=9)
    assert hand.end("high").admitted[-1] == "low"


def test_the_priority_of_a_run_that_waits_can_be_changed():
    hand = starts(Hand(), ONE)
    assert hand.entrance.prioritize("r3", 9)
    assert not hand.entrance.prioritize("r1", 9)
    assert hand.end("r1").admitted == ["r1", "r3"]


def test_a_start_that_finds_no_room_can_be_skipped():
    hand = starts(Hand(), gate("singleton", "c1", when_full="skip"), count=2)
    refused = hand.refused["r2"]
    assert (refused.outcome, refused.code) == ("cancelled", "skipped")
    assert (
        refused.message
        == "It did not begin, for there is room for 1, and r1 had not ended (singleton of c1)."
    )
    assert hand.end("r1").start("r3", gate("singleton", "c1", when_full="skip")).admitted == ["r1", "r3"]


def test_a_start_that_finds_no_room_can_fail():
    hand = starts(Hand(), gate("concurrency", when_full="fail"), count=2)
    assert (hand.refused["r2"].outcome, hand.refused["r2"].code) == ("failed", "limit-reached")


def test_a_start_that_finds_no_room_can_take_the_place_of_the_oldest():
    only_latest = gate("concurrency", "c1", limit=2, when_full="cancel_oldest")
    hand = starts(Hand(), only_latest)
    assert hand.admitted == ["r1", "r2"]
    assert list(hand.cancelled) == ["r1"]
    assert hand.end("r1").admitted == ["r1", "r2", "r3"]


def test_while_the_oldest_ends_only_the_latest_start_waits():
    restart = gate("concurrency", "c1", when_full="cancel_oldest")
    hand = starts(Hand(), restart, count=4)
    assert (list(hand.cancelled), list(hand.refused)) == (["r1"], ["r2", "r3"])
    assert hand.refused["r2"].message == "Run r3 started and took its place."
    assert hand.end("r1").admitted == ["r1", "r4"]


def test_a_raised_limit_lets_those_in_who_wait_before_it():
    hand = starts(Hand(), ONE).start("r4", gate("concurrency", "c1", limit=3))
    assert hand.admitted == ["r1", "r2", "r3"]


# --- throttle and rate ------------------------------------------------------------------------------------------------


def test_a_throttle_lets_so_many_begin_in_its_time_and_the_others_later():
    hand = starts(Hand(), gate("throttle", limit=2, per=60), count=5)
    assert hand.admitted == ["r1", "r2"]
    assert hand.wait(59).admitted == ["r1", "r2"]
    assert hand.wait(2).admitted == ["r1", "r2", "r3", "r4"]
    assert hand.wait(60).admitted == ["r1", "r2", "r3", "r4", "r5"]


def test_a_run_that_ended_still_counts_for_a_throttle():
    hand = starts(Hand(), gate("throttle", limit=1, per=60), count=2).end("r1")
    assert hand.admitted == ["r1"]
    assert hand.entrance.explain("r2", hand.now) == "throttle: 1 of 1 begun in this time, 0 ahead"


def test_starts_beyond_a_rate_are_not_taken():
    hand = starts(Hand(), gate("rate", "c1", limit=2, per=60, when_full="skip"), count=3)
    assert (hand.admitted, list(hand.refused)) == (["r1", "r2"], ["r3"])
    assert hand.refused["r3"].message == (
        "It did not begin, for there were 2 starts already in the time before it (rate of c1)."
    )
    hand.wait(61).start("r4", gate("rate", "c1", limit=2, per=60, when_full="fail"))
    assert hand.admitted == ["r1", "r2", "r4"]


# --- debounce and batch -----------------------------------------------------------------------------------------------


def test_of_starts_that_follow_each_other_the_last_one_runs():
    hand = starts(Hand(), gate("debounce", "c1", per=5))
    assert hand.admitted == []
    assert {run: refused.message for run, refused in hand.refused.items()} == {
        "r1": "Run r2 started later and took its place.",
        "r2": "Run r3 started later and took its place.",
    }
    hand.wait(3)
    assert (
        hand.entrance.explain("r3", hand.now) == "debounce of c1: it begins in 2 s unless another start comes"
    )
    assert hand.wait(3).admitted == ["r3"]


def test_starts_far_enough_apart_all_run():
    hand = Hand()
    for number in range(3):
        hand.start(f"r{number}", gate("debounce", per=5)).wait(6)
    assert (hand.admitted, hand.refused) == (["r0", "r1", "r2"], {})


def test_a_batch_begins_with_so_many_starts_or_after_its_time():
    hand = starts(Hand(), gate("batch", limit=3, per=60), count=4)
    assert hand.live["r1"].gathered == ("r1", "r2", "r3")
    assert hand.entrance.explain("r4", hand.now) == "batch: 1 of 3 gathered, it begins in 60 s at the latest"
    assert hand.wait(61).live["r4"].gathered == ("r4",)


def test_a_start_that_is_cancelled_while_it_is_gathered_is_left_out():
    hand = starts(Hand(), gate("batch", limit=3, per=60), count=2).end("r1").wait(60)
    assert hand.wait(1).live["r2"].gathered == ("r2",)


def test_a_batch_that_waits_for_room_loses_who_is_cancelled_and_is_led_by_the_next():
    gates = (gate("batch", limit=3, per=60), gate("concurrency", "c1", limit=1))
    hand = starts(starts(Hand(), *gates), *gates, first=4)
    assert hand.entrance.explain("r5", hand.now) == "It is gathered into run r4."
    hand.end("r5").end("r4").end("r1")
    assert hand.live["r6"].gathered == ("r6",)


# --- several gates ----------------------------------------------------------------------------------------------------


def test_a_run_begins_when_all_its_gates_have_room_and_holds_none_meanwhile():
    whole = gate("concurrency", limit=2)
    hand = Hand().start("a1", gate("singleton", "a"), whole).start("a2", gate("singleton", "a"), whole)
    hand.start("b1", gate("singleton", "b"), whole).start("c1", gate("singleton", "c"), whole)
    assert hand.admitted == ["a1", "b1"]
    assert hand.end("a1").admitted == ["a1", "b1", "a2"]
    assert hand.end("b1").admitted == ["a1", "b1", "a2", "c1"]


def test_the_latest_start_passes_a_throttle_too():
    hand = starts(Hand(), gate("debounce", per=5), gate("throttle", limit=1, per=60))
    hand.wait(6).start("r4", gate("debounce", per=5), gate("throttle", limit=1, per=60)).wait(6)
    assert hand.admitted == ["r3"]
    assert hand.wait(60).admitted == ["r3", "r4"]


# --- after a restart --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gates",
    [
        [gate("concurrency", "c1", limit=2)],
        [gate("singleton", "c1"), gate("concurrency", limit=3)],
        [gate("throttle", limit=2, per=60)],
        [gate("rate", limit=3, per=60, when_full="skip"), gate("singleton")],
        [gate("batch", limit=2, per=60), gate("concurrency", limit=1)],
        [gate("concurrency", limit=1, when_full="cancel_oldest")],
    ],
)
def test_a_restart_changes_nothing(gates):
    hand = starts(Hand(), *gates, count=6)
    before = (list(hand.admitted), list(hand.refused), list(hand.cancelled))
    hand.restart()
    assert (list(hand.admitted), list(hand.refused), list(hand.cancelled)) == before
    other = starts(Hand(), *gates, count=6)
    for each in (hand, other):
        for run in ("r1", "r2", "r3", "r4", "r5", "r6"):
            if run in each.live:
                each.end(run)
        each.wait(200)
    assert hand.admitted == other.admitted


def test_a_debounce_that_came_due_while_nobody_ran_begins_at_once():
    hand = starts(Hand(), gate("debounce", per=5))
    hand.now += 10_000_000
    assert hand.restart().admitted == ["r3"]


def test_of_starts_before_a_long_restart_a_debounce_lets_the_last_one_begin():
    entrance, gates = Entrance(), (gate("debounce", per=5),)
    runs = [Standing(f"r{number}", number * 1_000_000, gates) for number in (1, 2, 9)]
    entrance.enter_all(runs, 60_000_000)
    let_in = [decision.run for decision in entrance.decisions if isinstance(decision, Admit)]
    assert let_in == ["r2", "r9"]


def test_a_start_that_comes_late_to_a_debounce_does_not_take_the_place_of_one_that_was_born_later():
    entrance, gates = Entrance(), (gate("debounce", per=5),)
    entrance.enter(Standing("late", 2_000_000, gates), 2_100_000)
    entrance.enter(Standing("first", 1_000_000, gates), 3_000_000)
    entrance.tick(7_000_000)
    (refused,) = [decision for decision in entrance.decisions if isinstance(decision, Refuse)]
    assert (refused.run, refused.code) == ("first", "replaced")
    assert [decision.run for decision in entrance.decisions if isinstance(decision, Admit)] == ["late"]


def test_a_start_that_was_slow_to_become_durable_counts_for_the_time_when_it_was_born():
    hand = Hand().start("r1", gate("rate", limit=1, per=5, when_full="skip"))
    born = hand.now + 4_000_000
    hand.wait(8)
    late = Standing("r2", born, (gate("rate", limit=1, per=5, when_full="skip"),))
    hand.entrance.enter(late, hand.now)
    assert hand.take().refused["r2"].code == "skipped"


def test_whoever_hears_late_that_it_may_begin_counts_from_then_on():
    entrance, gates = Entrance(), (gate("throttle", limit=1, per=5),)
    entrance.enter(Standing("r1", 0, gates), 0)
    entrance.enter(Standing("r2", 1, gates), 1)
    entrance.tick(7_000_000)  # r1 has not heard of it
    entrance.began("r1", 8_000_000)
    entrance.tick(12_999_999)
    assert [decision.run for decision in entrance.decisions] == ["r1"]
    entrance.tick(13_000_000)
    assert [decision.run for decision in entrance.decisions] == ["r1", "r2"]


def test_what_lies_behind_a_gate_stays_known_while_other_shards_go():
    entrance, gates = Entrance(), (gate("debounce", per=5), gate("concurrency", limit=1))
    entrance.enter(Standing("r1", 0, gates, shard=9), 0)
    entrance.tick(5_000_000)
    entrance.forget({0})
    entrance.enter(Standing("r2", 6_000_000, gates, shard=9), 6_000_000)
    entrance.tick(11_000_000)
    assert [decision.run for decision in entrance.decisions] == ["r1"]


def test_nothing_is_kept_of_keys_that_nobody_uses():
    hand = Hand()
    for number in range(50):
        gates = (
            gate("rate", str(number), limit=1, per=1, when_full="skip"),
            gate("concurrency", str(number)),
        )
        hand.start(f"a{number}", *gates).start(f"b{number}", *gates).end(f"a{number}")
    hand.wait(70)
    assert (len(hand.entrance), hand.entrance._rooms, hand.entrance.next_due) == (0, {}, None)


def test_what_another_process_sees_to_is_forgotten_and_can_come_back():
    hand = Hand()
    gates = (gate("throttle", limit=1, per=60), gate("concurrency", limit=1))
    hand.start("r1", *gates).start("r2", *gates).end("r1")
    hand.entrance.forget({0})
    assert (len(hand.entrance), hand.entrance._rooms) == (0, {})
    hand.entrance.remember(gates[0], "r1", hand.begun[0][0])
    hand.entrance.enter(hand.runs["r2"], hand.now)
    assert hand.take().admitted == ["r1"]
    assert hand.wait(61).admitted == ["r1", "r2"]
