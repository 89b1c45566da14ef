"""When a guard holds that a version is worse: of pure numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auraos.settings.flags.guard import Tally, is_worse, look_at, words_of
from auraos.settings.flags.model import Flag, Guard, Serve

GUARD = Guard(runs=50, failures=10, margin=5)
FLAG = Flag(
    name="auraos-version-of-billing",
    type="number",
    variants={"new": 8, "newer": 9, "same": 7, "old": 7},
    default=Serve(variant="old"),
    off="old",
    guard=GUARD,
)


@pytest.mark.parametrize(
    ("own", "others", "worse"),
    [
        ((49, 49), (0, 0), False),
        ((50, 5), (0, 0), False),
        ((50, 6), (0, 0), True),
        ((50, 6), (1000, 0), True),
        ((50, 6), (1000, 70), False),
        ((50, 6), (1000, 69), True),
        ((50, 50), (1000, 950), False),
    ],
)
def test_more_failed_than_may_and_more_than_of_the_other_by_the_margin(own, others, worse):
    tallies = [Tally(runs=runs, failed=failed) for runs, failed in (own, others)]
    assert is_worse(GUARD, *tallies) is worse


@given(
    own=st.tuples(st.integers(0, 200), st.integers(0, 200)),
    others=st.tuples(st.integers(0, 200), st.integers(0, 200)),
    more=st.integers(1, 50),
)
def test_more_failures_never_make_a_version_better(own, others, more):
    runs, failed = max(own), min(own)
    beside = Tally(runs=max(others), failed=min(others))
    before = is_worse(GUARD, Tally(runs=runs, failed=failed), beside)
    after = is_worse(GUARD, Tally(runs=runs, failed=min(runs, failed + more)), beside)
    assert after or not before


class Counts:
    """Runs as a test says they ended, by version."""

    def __init__(self, **ended: tuple[int, int]) -> None:
        self.ended = {int(name.removeprefix("v")): tally for name, tally in ended.items()}
        self.asked: list[tuple[str, int, int]] = []

    async def last(self, workspace, workflow, version, *, since, most):
        self.asked.append((workflow, version, since))
        runs, failed = self.ended.get(version, (0, 0))
        return Tally(runs=runs, failed=failed, since=100 + version)

    async def during(self, workspace, workflow, version, *, since):
        return await self.last(workspace, workflow, version, since=since, most=0)


async def test_each_version_but_the_usual_one_is_looked_at_beside_it_in_the_time_of_its_own_runs():
    counts = Counts(v8=(50, 10), v9=(2, 0), v7=(900, 9))
    found = await look_at(counts, "default", FLAG, 77)
    assert [(each.variant, each.runs, each.others, each.is_worse) for each in found] == [
        ("new", 50, 900, True),
        ("newer", 2, 900, False),
    ]
    assert counts.asked == [("billing", 8, 77), ("billing", 7, 108), ("billing", 9, 77), ("billing", 7, 109)]
    assert words_of(FLAG, found[0]) == (
        "10 of the last 50 runs (20.0 %) of billing version 8 failed, 9 of 900 (1.0 %) of the other in the same time;"
        " the guard allows 10 %."
    )


async def test_nothing_is_asked_of_a_flag_without_a_guard():
    counts = Counts()
    plain = Flag(name="x", type="number", variants={"a": 1}, default=Serve(variant="a"), off="a")
    assert (await look_at(counts, "default", plain, 0), counts.asked) == ([], [])
