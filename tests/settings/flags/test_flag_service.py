"""Flags as definitions that are published: what holds at once, what holds within seconds, and which could go."""

import asyncio

import pytest

from auraos.app.settings.flags import flags_on
from auraos.core.audit import Actor
from auraos.documents.definitions.rows import Ref
from auraos.settings.errors import NoFlagError
from auraos.settings.flags.service import BELIEVED
from kept_definitions import definitions_over

ANN = Actor(kind="person", id="1", name="ann")
HALF = "kind: flag\nname: half\nspec:\n  type: boolean\n  default: {on: 50, off: 50}\n"
ALL = HALF.replace("{on: 50, off: 50}", "on")
WHO = {"targetingKey": "user-7"}
MONTH = 31 * 24 * 3600


class Ticks:
    """A monotonic clock that a test sets forward."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def definitions(house):
    return definitions_over(house)


@pytest.fixture
def flags(house, definitions, ticks):
    made = flags_on(house.tables, definitions.store, now=house.clock.now)
    made._monotonic = ticks
    return made


async def publish(definitions, text: str, workspace: str = "default") -> None:
    name = text.split("name: ")[1].split("\n", maxsplit=1)[0]
    ref = Ref(workspace, "flag", name)
    row = await definitions.store.find(ref)
    saved = (
        await definitions.create(ANN, workspace, text)
        if row is None
        else await definitions.save(ANN, ref, text, revision=row.revision)
    )
    await definitions.publish(ANN, ref, revision=saved.revision)


async def test_a_draft_is_no_flag_and_a_published_one_is(flags, definitions, ticks):
    await definitions.create(ANN, "default", HALF)
    with pytest.raises(NoFlagError):
        await flags.evaluate("default", "half", WHO)
    row = await definitions.store.find(Ref("default", "flag", "half"))
    await definitions.publish(ANN, Ref("default", "flag", "half"), revision=row.revision)
    ticks.time += BELIEVED
    found = await flags.evaluate("default", "half", WHO)
    assert (found.reason, found.version, found.bucket is not None) == ("SPLIT", 1, True)
    with pytest.raises(NoFlagError):
        await flags.evaluate("other", "half", WHO)


async def test_another_version_holds_at_once_where_it_was_published(flags, definitions):
    await publish(definitions, HALF)
    assert (await flags.evaluate("default", "half", WHO)).version == 1
    await publish(definitions, ALL)
    assert (await flags.evaluate("default", "half", WHO)).version == 2


async def test_a_version_that_another_process_published_holds_within_two_seconds(
    house, flags, definitions, ticks
):
    await publish(definitions, HALF)
    assert (await flags.evaluate("default", "half", WHO)).version == 1
    await publish(definitions_over(house), ALL)
    ticks.time += BELIEVED - 0.1
    assert (await flags.evaluate("default", "half", WHO)).version == 1
    ticks.time += 0.1
    found = await flags.evaluate("default", "half", WHO)
    assert (found.version, found.value, found.reason) == (2, True, "STATIC")


async def test_what_is_switched_off_is_off_here_at_once_and_elsewhere_within_two_seconds(
    house, flags, definitions, ticks
):
    await publish(definitions, ALL)
    other = flags_on(house.tables, definitions.store, now=house.clock.now)
    other._monotonic = ticks
    assert (await other.evaluate("default", "half", WHO)).value is True
    facts = await flags.switch(ANN, "default", "half", off=True, why="it burns")
    assert (facts.is_off, facts.switched_by, facts.why) == (True, "ann", "it burns")
    found = await flags.evaluate("default", "half", WHO)
    assert (found.value, found.reason) == (False, "DISABLED")
    ticks.time += BELIEVED
    assert (await other.evaluate("default", "half", WHO)).reason == "DISABLED"
    (entry,) = await house.entries("flags.switch")
    assert (entry.object.name, entry.before, entry.after, entry.why) == (
        "half", {"off": False}, {"off": True}, "it burns",
    )  # fmt: skip
    await flags.switch(ANN, "default", "half", off=False)
    assert (await flags.evaluate("default", "half", WHO)).value is True


async def test_an_archived_flag_is_gone(flags, definitions, ticks):
    await publish(definitions, ALL)
    await flags.evaluate("default", "half", WHO)
    await definitions.archive(ANN, Ref("default", "flag", "half"))
    ticks.time += BELIEVED
    with pytest.raises(NoFlagError):
        await flags.evaluate("default", "half", WHO)
    assert await flags.decide("default", "half", False, WHO) is False


async def test_many_who_ask_at_once_look_once(flags, definitions):
    await publish(definitions, ALL)
    looked = []
    live = flags._source.live

    async def counted(workspace):
        looked.append(workspace)
        return await live(workspace)

    flags._source.live = counted
    found = await asyncio.gather(*(flags.evaluate("default", "half", WHO) for _ in range(50)))
    assert (len(found), looked) == (50, ["default"])


async def test_what_was_given_is_counted_across_processes(house, flags, definitions):
    await publish(definitions, HALF)
    other = flags_on(house.tables, definitions.store, now=house.clock.now)
    for number in range(10):
        for each in (flags, other):
            await each.evaluate("default", "half", {"targetingKey": f"user-{number}"})
    await other.stop()
    (facts,) = await flags.facts("default")
    assert (sum(facts.given.values()), set(facts.given)) == (20, {"on", "off"})
    assert facts.used_at == house.clock.time


async def test_a_flag_is_stale_when_it_expired_is_unused_or_gives_all_the_same(
    house, flags, definitions, ticks
):
    now = house.clock.now
    definitions._now = now
    await publish(definitions, HALF)
    await publish(definitions, ALL.replace("name: half", "name: whole"))
    await publish(definitions, HALF.replace("name: half", "name: old") + "  expires: 2020-01-01\n")
    stale = {facts.name: facts.stale for facts in await flags.facts("default")}
    assert stale == {"half": (), "whole": (), "old": ("It expired on 2020-01-01.",)}
    house.clock.sleep(MONTH)
    ticks.time += BELIEVED
    await flags.evaluate("default", "whole", WHO)
    stale = {facts.name: facts.stale for facts in await flags.facts("default")}
    assert stale["half"] == ("Nobody has asked for it for 30 days.",)
    assert stale["whole"] == ("It has given everybody the same for 30 days.",)
    assert len(stale["old"]) == 2


async def test_what_guides_the_product_does_as_before_where_there_is_no_flag_or_a_broken_one(
    flags, definitions, ticks
):
    assert await flags.decide("default", "half", True, WHO) is True
    text = ALL.replace("default: on", "default: on\n  rules: [{when: 'context.x < 3', variant: off}]")
    await publish(definitions, text)
    ticks.time += BELIEVED
    assert await flags.decide("default", "half", True, {**WHO, "x": "text"}) is True
    assert await flags.decide("default", "half", True, {**WHO, "x": 1}) is False


async def test_who_must_be_sure_finds_a_flag_that_another_process_published_just_now(house, flags, ticks):
    with pytest.raises(NoFlagError):
        await flags.evaluate("default", "half", WHO)
    await publish(definitions_over(house), ALL)
    ticks.time += 0.05
    with pytest.raises(NoFlagError):
        await flags.evaluate("default", "half", WHO, surely=True)
    ticks.time += 0.1
    with pytest.raises(NoFlagError):
        await flags.evaluate("default", "half", WHO)
    assert (await flags.evaluate("default", "half", WHO, surely=True)).value is True
