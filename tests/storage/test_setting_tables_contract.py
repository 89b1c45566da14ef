"""What keeps settings, on both databases."""

import asyncio

import msgspec

from auraos.core.audit import Actor, Entry
from auraos.security.access.walls import within
from auraos.settings.rows import EVERYWHERE, Place, SettingChange, SettingRow
from auraos.storage.tables.settings import SettingTables

ENTRY = Entry(at=1, workspace="", actor=Actor(kind="house"), action="settings.change")
ROW = SettingRow(name="log.level", revision=2, is_set=1, value="debug", at=1, author="ann")
CHANGE = SettingChange(number=0, name="log.level", revision=2, before=None, after="debug", at=1, author="ann")
SALES = Place(workspace="sales")


def next_of(row: SettingRow, change: SettingChange, value: object) -> tuple[SettingRow, SettingChange]:
    revision = row.revision + 1
    return (
        msgspec.structs.replace(row, revision=revision, value=value),
        msgspec.structs.replace(change, revision=revision, before=row.value, after=value),
    )


async def test_what_is_set_is_kept_with_its_change_and_its_entry(store):
    kept = SettingTables(store.tables)
    assert await kept.mark() == 0
    assert await kept.put(ROW, CHANGE, ENTRY)
    assert list(await kept.all()) == [ROW]
    assert list(await kept.changes("log.level", EVERYWHERE, 0, 10)) == [
        msgspec.structs.replace(CHANGE, number=1)
    ]
    assert await kept.mark() == 1
    assert len(await store.tables.all("select seq from audit", (), tuple)) == 1


async def test_who_comes_second_changes_nothing(store):
    kept = SettingTables(store.tables)
    assert await kept.put(ROW, CHANGE, ENTRY)
    assert not await kept.put(ROW, CHANGE, ENTRY)
    row, change = next_of(ROW, CHANGE, "error")
    assert await kept.put(row, change, ENTRY)
    assert not await kept.put(row, change, ENTRY)
    assert [each.value for each in await kept.all()] == ["error"]
    assert (await kept.mark(), len(await store.tables.all("select seq from audit", (), tuple))) == (2, 2)


async def test_the_changes_of_all_places_are_numbered_together(store):
    kept = SettingTables(store.tables)
    here = msgspec.structs.replace(ROW, workspace="sales")
    there = msgspec.structs.replace(ROW, person="p-1")
    for row in (ROW, here, there):
        change = msgspec.structs.replace(CHANGE, workspace=row.workspace, person=row.person)
        with within(row.workspace or "other"):
            assert await kept.put(row, change, ENTRY)
    assert {row.place for row in await kept.all()} == {EVERYWHERE, SALES, Place(person="p-1")}
    numbers = [
        (await kept.changes("log.level", place, 0, 10))[0].number
        for place in (EVERYWHERE, SALES, Place(person="p-1"))
    ]
    assert numbers == [1, 2, 3]


async def test_changes_are_read_in_pages_the_last_one_first(store):
    kept, row, change = SettingTables(store.tables), ROW, CHANGE
    await kept.put(row, change, ENTRY)
    for value in ("a", "b", "c"):
        row, change = next_of(row, change, value)
        await kept.put(row, change, ENTRY)
    first = await kept.changes("log.level", EVERYWHERE, 0, 2)
    rest = await kept.changes("log.level", EVERYWHERE, first[-1].number, 10)
    assert [each.after for each in (*first, *rest)] == ["c", "b", "a", "debug"]


async def test_of_many_who_set_at_once_each_place_has_its_own(store):
    kept = SettingTables(store.tables)

    async def put(number: int) -> bool:
        row = msgspec.structs.replace(ROW, workspace=f"w{number}")
        change = msgspec.structs.replace(CHANGE, workspace=f"w{number}")
        while not await kept.put(row, change, ENTRY):
            pass
        return True

    assert all(await asyncio.gather(*(put(number) for number in range(8))))
    assert (len(await kept.all()), await kept.mark()) == (8, 8)
