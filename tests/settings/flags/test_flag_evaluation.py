"""What a flag gives whom, and why."""

import hashlib
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auraos.settings.flags.evaluation import bucket_of, evaluate
from auraos.settings.flags.model import Flag, Rule, Serve

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def now() -> datetime:
    return NOON


def switch(*rules: Rule, default: Serve | None = None, **more: object) -> Flag:
    return Flag(
        name="example", type="boolean", variants={"on": True, "off": False}, default=default or Serve("off"), off="off",
        rules=rules, **more,
    )  # fmt: skip


def rule(when: str, variant: str = "on", **split: float) -> Rule:
    serve = Serve(split=tuple(split.items())) if split else Serve(variant)
    return Rule(name="the rule", when=when, serve=serve)


def share(percent: float) -> Serve:
    return Serve(split=(("on", percent), ("off", 100 - percent)))


@pytest.mark.parametrize(
    ("flag", "context", "is_off", "expected"),
    [
        (switch(), {}, False, ("off", False, "STATIC")),
        (switch(rule("context.a == 1")), {"a": 2}, False, ("off", False, "DEFAULT")),
        (switch(rule("context.a == 1")), {"a": 1}, False, ("on", True, "TARGETING_MATCH")),
        (switch(rule("context.a == 1")), {"a": 1}, True, ("off", False, "DISABLED")),
        (switch(rule("{{ context.user.name == 'ann' }}")), {"user": {"name": "ann"}}, False, ("on", True, "TARGETING_MATCH")),
        (switch(rule("context.user.name == 'ann'")), {}, False, ("off", False, "DEFAULT")),
        (switch(default=share(100)), {"targetingKey": "x"}, False, ("on", True, "SPLIT")),
        (switch(default=share(0)), {"targetingKey": "x"}, False, ("off", False, "SPLIT")),
        (switch(rule("now() > datetime('2026-11-21T00:00:00Z')")), {}, False, ("on", True, "TARGETING_MATCH")),
    ],
)  # fmt: skip
def test_a_variant_is_given_with_its_reason(flag, context, is_off, expected):
    found = evaluate(flag, context, now=now, is_off=is_off)
    assert (found.variant, found.value, found.reason) == expected


@pytest.mark.parametrize(
    ("flag", "context", "code"),
    [
        (switch(rule("context.a < 3")), {"a": "x"}, "INVALID_CONTEXT"),
        (switch(rule("context.a")), {"a": 1}, "INVALID_CONTEXT"),
        (switch(default=share(50)), {}, "TARGETING_KEY_MISSING"),
        (switch(default=share(50)), {"targetingKey": ""}, "TARGETING_KEY_MISSING"),
        (switch(default=share(50), unit="company"), {"targetingKey": "x"}, "TARGETING_KEY_MISSING"),
    ],
)
def test_what_cannot_be_decided_is_an_error_and_gives_nothing(flag, context, code):
    found = evaluate(flag, context, now=now)
    assert (found.reason, found.error_code, found.value, found.variant) == ("ERROR", code, None, "")
    assert found.error


def test_the_rules_that_were_tried_are_told_up_to_the_one_that_fits():
    flag = switch(rule("context.a == 1"), rule("context.a == 2"), rule("context.a == 3"))
    found = evaluate(flag, {"a": 2}, now=now)
    assert [each.fits for each in found.tried] == [False, True]


def test_a_place_is_what_the_page_on_flags_says_it_is():
    digest = hashlib.sha256(b"price/user-1").digest()
    assert bucket_of("price", "user-1") == int.from_bytes(digest[:8], "big") % 100_000 / 1000
    assert bucket_of("price", "user-1") == 52.822


def test_a_split_is_even_within_what_chance_allows():
    flag = switch(default=Serve(split=(("on", 20.0), ("off", 80.0))))
    count = 50_000
    given_ = Counter(
        evaluate(flag, {"targetingKey": f"user-{number}"}, now=now).variant for number in range(count)
    )
    deviation = (count * 0.2 * 0.8) ** 0.5
    assert abs(given_["on"] - count * 0.2) < 4 * deviation
    tenths = Counter(int(bucket_of("example", f"user-{number}") / 10) for number in range(count))
    chi = sum((tenths[each] - count / 10) ** 2 / (count / 10) for each in range(10))
    assert chi < 27.9  # of nine degrees of freedom, once in a thousand


def test_two_flags_place_the_same_people_independently():
    both = sum(
        bucket_of("one", f"user-{number}") < 50 and bucket_of("two", f"user-{number}") < 50
        for number in range(20_000)
    )
    assert abs(both - 5_000) < 4 * (20_000 * 0.25 * 0.75) ** 0.5


@given(
    st.text(min_size=1, max_size=50), st.floats(0, 100), st.floats(0, 100), st.text(min_size=1, max_size=20)
)
def test_who_was_given_the_first_variant_keeps_it_when_its_share_grows(unit, one, other, seed):
    """N03: a rollout takes nobody back."""
    small, large = sorted((one, other))
    before = evaluate(switch(default=share(small), seed=seed), {"targetingKey": unit}, now=now)
    after = evaluate(switch(default=share(large), seed=seed), {"targetingKey": unit}, now=now)
    assert not before.value or after.value


def test_all_of_a_hundred_steps_of_a_rollout_add_people_and_take_none():
    people = [f"user-{number}" for number in range(500)]

    def given_at(percent: int) -> set[str]:
        flag = switch(default=share(percent))
        return {one for one in people if evaluate(flag, {"targetingKey": one}, now=now).value}

    steps = [given_at(percent) for percent in range(101)]
    assert all(smaller <= larger for smaller, larger in pairwise(steps))
    assert (steps[0], steps[100]) == (set(), set(people))


def test_an_evaluation_takes_less_than_a_millisecond():
    """N02."""
    rules = [rule(f"context.country == 'C{number}'") for number in range(20)]
    flag = switch(*rules, default=share(50))
    evaluate(flag, {"targetingKey": "warm"}, now=now)
    began = time.perf_counter()
    for number in range(1000):
        evaluate(flag, {"targetingKey": f"user-{number}", "country": "DE"}, now=now)
    assert (time.perf_counter() - began) / 1000 < 0.001
