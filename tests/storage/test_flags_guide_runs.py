"""Flags that choose the versions that runs begin on, and guards that switch them off, on both databases."""

import asyncio

import pytest

from auraos.documents.definitions.rows import Ref
from auraos.storage.tables.flag_runs import VersionRuns
from flagged_runs import FAILS, GUARD, RULES, flagged, let_run, release, versions, watch
from houses import entries_in


@pytest.fixture
async def place(store, tmp_path):
    async with flagged(store, tmp_path / "blobs") as made:
        yield made


@pytest.fixture
async def guarded(place):
    await versions(place, 2, FAILS)
    await release(place, "old", GUARD + RULES)
    return place


async def test_a_share_of_the_starts_begins_on_a_new_version_and_keeps_it_when_the_share_grows(place):
    await versions(place, 2)
    taken = []
    for share in (20, 50, 100):
        await release(place, f"{{new: {share}, old: {100 - share}}}")
        said = [(await place.run("greet", run=f"s{share}-{number}")).output["said"] for number in range(20)]
        taken.append(said.count(2))
    assert taken[0] < taken[1] < taken[2] == 20
    first = await place.row("s100-0")
    assert first.version == (await place.definitions.version(Ref("default", "workflow", "greet"), 2)).hash


async def test_a_version_that_fails_more_often_is_given_to_nobody_any_more_and_the_trail_says_why(guarded):
    await let_run(guarded, old="....", new="xx..")
    assert await watch(guarded).look() == 0, "four are fewer than five"
    await let_run(guarded, new=".")
    assert await watch(guarded).look() == 1
    assert (await guarded.run("greet", {"new": True})).output == {"said": 1}
    (facts,) = await guarded.flags.facts("default")
    assert (facts.is_off, facts.switched_by) == (True, "the guard of auraos-version-of-greet")
    assert facts.why.startswith("2 of the last 5 runs (40.0 %) of greet version 2 failed")
    entries = [each for each in await entries_in(guarded.store.tables) if each.action == "flags.switch"]
    assert [(each.actor.kind, each.actor.id, each.after, each.why) for each in entries] == [
        ("house", "flag-guard", {"off": True}, facts.why)
    ]


async def test_several_who_watch_switch_it_once(guarded):
    others = [guarded.more_flags() for _ in range(3)]
    await let_run(guarded, new="xxxxx")
    for each in others:
        await each.guard_all()
    looks = [watch(guarded, each).look() for each in (guarded.flags, *others)]
    assert sum(await asyncio.gather(*looks)) == 1
    assert (
        len([each for each in await entries_in(guarded.store.tables) if each.action == "flags.switch"]) == 1
    )


async def test_cancelled_runs_and_those_of_other_workspaces_do_not_count(guarded):
    counts = VersionRuns(guarded.store.tables)
    await let_run(guarded, new="x.")
    found = await counts.last("default", "greet", 2, since=0, most=10)
    assert (found.runs, found.failed, found.since > 0) == (2, 1, True)
    assert (await counts.last("other", "greet", 2, since=0, most=10)).runs == 0
    assert (await counts.during("default", "greet", 2, since=found.since)).failed == 1
    assert (await counts.during("default", "greet", 9, since=0)).runs == 0
