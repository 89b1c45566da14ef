"""What is kept of flags beside their definitions, on both databases."""

import msgspec

from auraos.core.audit import Actor, Entry
from auraos.security.access.walls import within
from auraos.settings.flags.rows import FlagSwitch, FlagUse
from auraos.storage.tables.flags import FlagTables
from kept_definitions import ANN, definitions_over, published

ENTRY = Entry(at=1, workspace="default", actor=Actor(kind="house"), action="flags.switch")
OFF = FlagSwitch(workspace="default", name="price", is_off=1, at=5, author="ann", why="too dear")
USE = FlagUse(workspace="default", name="price", variant="high", count=3, at=7)


async def test_a_switch_takes_the_place_of_the_one_of_before_with_its_entry(store):
    kept = FlagTables(store.tables)
    await kept.switch(OFF, ENTRY)
    on = msgspec.structs.replace(OFF, is_off=0, at=6, why="")
    await kept.switch(on, ENTRY)
    assert list(await kept.switches("default")) == [on]
    assert list(await kept.switches("other")) == []
    assert len(await store.tables.all("select seq from audit", (), tuple)) == 2


async def test_uses_are_summed_and_the_latest_time_stands(store):
    kept = FlagTables(store.tables)
    other = msgspec.structs.replace(USE, workspace="other")
    await kept.note_uses([USE, other])
    await kept.note_uses([msgspec.structs.replace(USE, count=2, at=9)])
    assert list(await kept.uses("default")) == [msgspec.structs.replace(USE, count=5, at=9)]
    assert list(await kept.uses("other")) == [other]


async def test_uses_of_all_workspaces_are_noted_wherever_somebody_works(store):
    kept = FlagTables(store.tables)
    with within("default"):
        await kept.note_uses([USE, msgspec.structs.replace(USE, workspace="other")])
    assert len(await kept.uses("default")) == len(await kept.uses("other")) == 1


async def test_who_switches_over_another_switch_does_it_only_while_that_stands(store):
    kept = FlagTables(store.tables)
    later = msgspec.structs.replace(OFF, is_off=0, at=9, author="ben")
    assert await kept.switch_over(None, OFF, ENTRY) is True
    assert await kept.switch_over(None, later, ENTRY) is False
    assert await kept.switch_over(later, later, ENTRY) is False
    assert list(await kept.switches("default")) == [OFF]
    assert await kept.switch_over(OFF, later, ENTRY) is True
    assert list(await kept.switches("default")) == [later]
    assert len(await store.tables.all("select seq from audit", (), tuple)) == 2


async def test_flags_whose_names_begin_alike_are_found_in_all_workspaces(store):
    definitions = definitions_over(store)
    for workspace, name in (("b", "auraos-version-x"), ("a", "auraos-version-y"), ("a", "other")):
        text = f"kind: flag\nname: {name}\nspec:\n  type: boolean\n  default: on\n"
        await published(definitions, text, workspace)
    await definitions.create(ANN, "a", "kind: flag\nname: auraos-version-z\nspec: {}\n")
    with within("c"):
        found = await FlagTables(store.tables).published("auraos-version-")
    assert list(found) == [("a", "auraos-version-y"), ("b", "auraos-version-x")]
