"""What keeps wishes for many runs, on both databases."""

import msgspec

from auraos.core.audit import Actor, Entry
from auraos.security.row_store import Replace
from auraos.storage.tables.bulk_rows import Bulk, BulkRun, Deed
from auraos.storage.tables.bulks import BulkTables

ANN = Actor(kind="person", id="1", name="ann")
ENTRY = Entry(at=1, workspace="default", actor=ANN, action="runs.cancel")


def a_bulk(id_: str, **told: object) -> Bulk:
    deed = Deed(action="signal", name="paid", data={"amount": 7})
    given = {"state": "running", "first": 0, "total": 3, "created_at": 5, "held_until": 10, **told}
    return Bulk(id=id_, workspace="default", deed=deed, actor=ANN, **given)


def runs_of(bulk: str, count: int) -> list[BulkRun]:
    return [
        BulkRun(bulk=bulk, workspace="default", position=at, run=f"run-{at}", number=at + 1)
        for at in range(count)
    ]


async def test_a_wish_and_all_its_runs_are_kept_at_once_and_read_in_pages(store):
    kept = BulkTables(store.tables)
    bulk, runs = a_bulk("a", total=1100), runs_of("a", 1100)
    await kept.add(bulk, runs, ENTRY)
    assert await kept.one(Bulk, id="a") == bulk
    assert await kept.runs("a", -1, 3) == runs[:3]
    assert await kept.runs("a", 1097, 10) == runs[1098:]
    done = msgspec.structs.replace(runs[0], became="done")
    await kept.save([Replace(runs[0], done)])
    assert await kept.runs("a", -1, 1, open_only=True) == [runs[1]]


async def test_those_that_nobody_is_at_are_found_and_so_are_those_that_may_go(store):
    kept = BulkTables(store.tables)
    for bulk in (a_bulk("a"), a_bulk("b", held_until=30), a_bulk("c", state="over", ends_at=15)):
        await kept.add(bulk, [], ENTRY)
    assert [bulk.id for bulk in await kept.unfinished(20)] == ["a"]
    assert [bulk.id for bulk in await kept.forgettable(20, 10)] == ["c"]
    assert [bulk.id for bulk in await kept.newest("default", "", 2)] == ["c", "b"]
    assert [bulk.id for bulk in await kept.newest("default", "b", 2)] == ["a"]
    assert await kept.newest("other", "", 2) == []


async def test_of_two_processes_one_is_at_a_wish(store):
    kept, bulk = BulkTables(store.tables), a_bulk("a")
    await kept.add(bulk, [], ENTRY)
    mine, theirs = (Replace(bulk, msgspec.structs.replace(bulk, held_until=until)) for until in (20, 21))
    assert await kept.save([mine]) is None
    assert await kept.save([theirs]) == theirs
