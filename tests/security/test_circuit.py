"""The circuit of a host: when it opens, for how long, who may try next, and what it remembers (C13, R47)."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from auraos.sdk import StepFailed, StepUnknown
from auraos.security.circuit import LONGEST_ASKED_REST, Circuits, Place

SHOP = Place("https", "shop.example", 443)
OTHER = Place("https", "other.example", 443)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Hand:
    """Circuits on a clock that is moved by hand, without chance."""

    def __init__(self, **options) -> None:
        self.seconds = 0.0
        self.woken = -math.inf
        self.circuits = Circuits(
            now=lambda: self.seconds,
            woke=lambda: self.woken,
            wall=lambda: NOON + timedelta(seconds=self.seconds),
            chance=lambda: 0.0,
            **options,
        )

    def answer(self, status: int, retry_after: float | None = None, place: Place = SHOP) -> None:
        span = None if retry_after is None else timedelta(seconds=retry_after)
        with self.circuits.visit(place) as visit:
            visit.answered(status, retry_after=span)

    def answers(self, *statuses: int) -> None:
        for status in statuses:
            self.answer(status)

    def fail(self, failure: Exception, place: Place = SHOP) -> None:
        with pytest.raises(type(failure)), self.circuits.visit(place):
            raise failure

    def refusal(self, place: Place = SHOP) -> StepFailed:
        with pytest.raises(StepFailed) as refused, self.circuits.visit(place):
            pass
        return refused.value

    def lets_through(self, place: Place = SHOP) -> bool:
        try:
            with self.circuits.visit(place):
                return True
        except StepFailed:
            return False


def transient(code: str = "cannot-connect") -> StepFailed:
    return StepFailed("No connection.", error_class="transient", code=code)


def test_five_failures_in_a_row_open_the_circuit_and_no_fewer():
    hand = Hand()
    hand.answers(500, 502, 503, 500)
    assert hand.lets_through()
    hand.answer(500)
    assert not hand.lets_through()


def test_an_answer_in_between_starts_the_count_anew():
    hand = Hand()
    hand.answers(500, 500, 500, 500, 200, 500, 500, 500, 500)
    assert hand.lets_through()


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404, 408, 429])
def test_an_answer_below_500_is_no_failure(status):
    hand = Hand(failures=1)
    hand.answer(status)
    assert (hand.lets_through(), len(hand.circuits)) == (True, 0)


@pytest.mark.parametrize(
    "failure", [transient(), transient("dns-failed"), StepUnknown("Lost.", code="timeout")]
)
def test_a_connection_that_fails_and_an_answer_that_never_comes_are_failures(failure):
    hand = Hand(failures=1)
    hand.fail(failure)
    assert hand.refusal().error_data["last_error"] == failure.error_code


@pytest.mark.parametrize(
    "failure", [StepFailed("Blocked."), StepFailed("?", error_class="credential"), KeyError()]
)
def test_what_says_nothing_about_the_host_is_not_counted(failure):
    hand = Hand(failures=1)
    hand.fail(failure)
    assert len(hand.circuits) == 0


def test_a_refusal_says_which_host_since_when_why_and_until_when_and_is_certainly_without_effect():
    hand = Hand()
    hand.answers(500, 500, 500, 500, 502)
    hand.seconds = 4
    refused = hand.refusal()
    assert not isinstance(refused, StepUnknown)
    assert (refused.error_class, refused.error_code, refused.retry_after) == (
        "transient",
        "host-resting",
        timedelta(seconds=6),
    )
    assert refused.message == (
        "https://shop.example:443 rests since 12:00:00 UTC, for 5 requests in a row failed, the last one with http-502."
        " Nothing was sent; the next try is allowed in 6s."
    )
    assert refused.error_data == {
        "host": "https://shop.example:443",
        "since": NOON,
        "last_error": "http-502",
        "failures": 5,
        "next_try": NOON + timedelta(seconds=10),
    }


def test_the_rest_doubles_with_each_failed_probe_up_to_its_bound_and_starts_small_again_after_a_success():
    hand, rests = Hand(failures=1), []
    for _ in range(6):
        hand.answer(500)
        rests.append(hand.refusal().retry_after.total_seconds())
        hand.seconds += rests[-1]
    assert rests == [10, 20, 40, 80, 120, 120]
    hand.answer(200)
    hand.answer(500)
    assert hand.refusal().retry_after == timedelta(seconds=10)


def test_one_probe_at_a_time_is_let_through_after_the_rest():
    hand = Hand(failures=1)
    hand.answer(500)
    hand.seconds = 10
    with hand.circuits.visit(SHOP) as probe:
        refused = hand.refusal()
        probe.answered(200)
    assert "One request tries it just now." in refused.message
    assert refused.retry_after == timedelta(seconds=5)
    assert hand.lets_through()


def test_a_probe_that_comes_to_no_verdict_leaves_the_probing_to_the_next_one():
    hand = Hand(failures=1)
    hand.answer(500)
    hand.seconds = 10
    hand.fail(KeyError("cancelled"))
    assert hand.lets_through()


@pytest.mark.parametrize(("status", "left"), [(200, 7), (500, 7)])
def test_what_was_under_way_when_the_circuit_opened_neither_closes_it_nor_lengthens_it(status, left):
    hand = Hand(failures=1)
    with hand.circuits.visit(SHOP) as slow:
        hand.answer(500)
        hand.seconds = 3
        slow.answered(status)
    assert hand.refusal().retry_after == timedelta(seconds=left)


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_asks_for_it_rests_as_long_as_it_asks_and_does_not_count_as_failing(status):
    hand = Hand()
    hand.answer(status, 30)
    refused = hand.refusal()
    assert (refused.retry_after, refused.error_data["failures"]) == (timedelta(seconds=30), 0)
    assert f"it answered http-{status} and asked to be left alone" in refused.message
    hand.seconds = 30
    assert hand.lets_through()


def test_a_host_cannot_ask_all_requests_to_stay_away_for_longer_than_an_hour():
    hand = Hand()
    hand.answer(429, 86_400)
    assert hand.refusal().retry_after == LONGEST_ASKED_REST


def test_of_two_who_ask_for_a_rest_the_longer_one_counts():
    hand = Hand()
    with hand.circuits.visit(SHOP) as one, hand.circuits.visit(SHOP) as two:
        one.answered(429, retry_after=timedelta(seconds=30))
        two.answered(429, retry_after=timedelta(seconds=5))
    assert hand.refusal().retry_after == timedelta(seconds=30)


def test_503_that_asks_for_no_time_at_all_is_a_failure():
    hand = Hand(failures=1)
    hand.answer(503, 0)
    assert not hand.lets_through()


def test_hosts_ports_and_schemes_fail_on_their_own():
    hand = Hand(failures=1)
    hand.answer(500)
    places = [OTHER, SHOP._replace(port=8443), SHOP._replace(scheme="http")]
    assert [hand.lets_through(place) for place in [SHOP, *places]] == [False, True, True, True]


def test_only_so_many_hosts_are_remembered_and_the_one_not_heard_of_for_longest_goes():
    hand = Hand(failures=1, most_hosts=2)
    third = OTHER._replace(host="third.example")
    hand.answer(500)
    hand.answer(500, place=OTHER)
    hand.refusal(SHOP)
    hand.answer(500, place=third)
    assert len(hand.circuits) == 2
    assert [hand.lets_through(place) for place in (SHOP, OTHER, third)] == [False, True, False]


def test_the_next_tries_are_spread_over_a_quarter_of_the_rest():
    chances = iter([0.0, 0.5, 1.0])
    circuits = Circuits(failures=1, now=lambda: 0.0, chance=lambda: next(chances))
    with circuits.visit(SHOP) as visit:
        visit.answered(500)
    waits = []
    for _ in range(3):
        with pytest.raises(StepFailed) as refused, circuits.visit(SHOP):
            pass
        waits.append(refused.value.retry_after.total_seconds())
    assert waits == [10, 11.25, 12.5]


# --- long after a rest, and after this process stood still ---


@pytest.mark.parametrize(("later", "forgotten"), [(119, False), (120, True)])
def test_a_rest_that_was_over_for_two_minutes_is_forgotten(later, forgotten):
    hand = Hand(failures=1)
    hand.answer(500)
    hand.seconds = 10 + later
    with hand.circuits.visit(SHOP):
        assert hand.lets_through() == forgotten


def test_a_host_that_fails_again_long_after_its_rest_is_judged_anew():
    hand = Hand(failures=2)
    hand.answers(500, 500)
    hand.seconds = 10 + 120
    hand.answer(500)
    assert hand.lets_through()
    hand.answer(500)
    assert hand.refusal().retry_after == timedelta(seconds=10)


def test_the_rest_of_a_host_that_fails_whenever_it_is_tried_goes_on_growing():
    hand, rests = Hand(failures=1), []
    for _ in range(4):
        hand.answer(500)
        rests.append(hand.refusal().retry_after.total_seconds())
        hand.seconds += rests[-1] + 100
    assert rests == [10, 20, 40, 80]


@pytest.mark.parametrize("failure", ["cannot-connect", "timeout", "http-502"])
@pytest.mark.parametrize(
    ("woken", "counts"),
    [(9.0, True), (9.5, False), (14.0, False), (15.0, False)],
)
def test_what_fails_is_not_counted_if_the_process_stood_still_meanwhile_or_just_before(
    failure, woken, counts
):
    hand = Hand(failures=1)
    hand.seconds = 10.3
    with hand.circuits.visit(SHOP) as visit:
        hand.seconds, hand.woken = max(10.4, woken), woken
        visit.failed(failure)
    assert hand.lets_through() != counts


def test_of_a_process_that_stood_still_an_answer_and_the_wish_for_a_rest_are_believed():
    hand = Hand(failures=2)
    hand.answer(500)
    hand.woken = hand.seconds
    hand.answer(200)
    assert len(hand.circuits) == 0
    hand.answer(429, 30)
    assert hand.refusal().retry_after == timedelta(seconds=30)


def test_a_probe_that_fails_because_the_process_stood_still_leaves_the_probing_to_the_next_one():
    hand = Hand(failures=1)
    hand.answer(500)
    hand.seconds = 10
    with hand.circuits.visit(SHOP) as probe:
        hand.seconds = hand.woken = 20
        probe.failed("timeout")
    assert hand.lets_through()
