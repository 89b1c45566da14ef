"""Reading many runs at once, with their snapshots, whichever store it is."""

import msgspec
from test_run_store_contract import row, started, write

from auraos.engine.ports import SNAPSHOT_FROM, Batch, Snapshot, StoredRun
from stores import AnyStore


async def test_many_runs_are_read_at_once_each_with_its_journal(store: AnyStore) -> None:
    await store.commit(started("r1", 1))
    await store.commit(started("r2", 2))
    await store.commit(write("r1", 2, count=2, facts=b"a\nb"))
    found = sorted(await store.read(["r1", "r2", "nobody"]), key=lambda each: each.row.run)
    assert found == [
        StoredRun(row("r1", 1), [Batch(1, 1, b"{}"), Batch(2, 2, b"a\nb")]),
        StoredRun(row("r2", 2), [Batch(1, 1, b"{}")]),
    ]
    assert await store.read([]) == []


async def test_with_a_snapshot_only_the_rest_of_the_journal_is_read(store: AnyStore) -> None:
    await store.commit(started())
    await store.commit(write(seq=2, count=2, facts=b"a\nb", snapshot=Snapshot(3, "s1", b"early")))
    await store.commit(write(seq=4, count=1, facts=b"c", snapshot=Snapshot(4, "s1", b"\x00late\xff")))
    await store.commit(write(seq=5, count=1, facts=b"d"))
    (found,) = await store.read(["r1"])
    assert found == StoredRun(row(), [Batch(5, 1, b"d")], Snapshot(4, "s1", b"\x00late\xff"))
    assert [batch.seq for batch in await store.journal("r1")] == [1, 2, 4, 5]


async def test_the_end_of_a_run_takes_its_snapshot_with_it(store: AnyStore) -> None:
    long = SNAPSHOT_FROM + 1
    await store.commit(started())
    await store.commit(write(seq=2, count=long - 2, facts=b"\n", snapshot=Snapshot(long - 1, "s1", b"x")))
    over = row(state="succeeded", finished_at=20, changed_at=20)
    await store.commit(msgspec.structs.replace(write(seq=long, count=1, facts=b"end"), row=over))
    (found,) = await store.read(["r1"])
    assert found.snapshot is None
    assert len(found.journal) == 3
