"""Taking away runs that are over, whichever store it is: all of theirs, and nothing of any other."""

from typing import Any

import msgspec
from test_run_store_contract import row, started, write

from auraos.engine.ports import ALL_SHARDS, LogLine, RequestRow, RunQuery, Timer, Write
from stores import AnyStore


def over(run: str, number: int, finished_at: int, **other: Any) -> Write:
    return started(run, number, state="succeeded", finished_at=finished_at, **other)


async def test_runs_are_found_in_the_order_of_their_ends(store: AnyStore) -> None:
    for number, ended in enumerate((30, 10, 20, 20), start=1):
        await store.commit(over(f"r{number}", number, ended))
    await store.commit(started("r5", 5))
    await store.commit(over("r6", 6, 15, version="v2"))
    first = await store.ended("v1", (0, ""), 25, limit=2)
    rest = await store.ended("v1", (first[-1].finished_at or 0, first[-1].run), 25, limit=2)
    assert [found.run for found in (*first, *rest)] == ["r2", "r3", "r4"]


async def test_a_run_is_left_out_while_one_that_it_belongs_to_or_that_belongs_to_it_is_not_over(
    store: AnyStore,
) -> None:
    await store.commit(started("caller", 1))
    await store.commit(over("called", 2, 10, parent="caller"))
    await store.commit(over("sender", 3, 11))
    await store.commit(started("sent", 4, parent="sender"))
    await store.commit(over("alone", 5, 12, parent="one that is gone"))
    assert [found.run for found in await store.ended("v1", (0, ""), 100)] == ["alone"]
    await store.commit(write("caller", 2, row=row("caller", 1, state="failed", finished_at=20)))
    assert [found.run for found in await store.ended("v1", (0, ""), 100)] == ["called", "alone", "caller"]


async def test_everything_of_a_pruned_run_goes_and_nothing_of_another(store: AnyStore) -> None:
    line = LogLine(run="r1", path="a", attempt=1, at=1, level="info", message="m")
    for number in (1, 2):
        run = f"r{number}"
        whole = msgspec.structs.replace(
            started(run, number), results=[("a", 0)], logs=[msgspec.structs.replace(line, run=run)]
        )
        await store.commit(whole)
        await store.commit(write(run, 2, row=row(run, number, state="failed", finished_at=20)))
    await store.commit(write("", 0, pruned=["r1", "never there"]))
    assert await store.find("r1") is None
    assert (await store.journal("r1"), await store.logs("r1"), await store.results("r1")) == ([], [], [])
    assert [found.run for found in await store.runs(RunQuery())] == ["r2"]
    assert (
        len(await store.journal("r2")) == len(await store.logs("r2")) == len(await store.results("r2")) == 1
    )


async def test_a_run_that_is_not_over_is_never_pruned(store: AnyStore) -> None:
    timer = Timer("r1", "a", "t", 5)
    await store.commit(msgspec.structs.replace(started(), timers=[timer]))
    await store.commit(write("", 0, pruned=["r1"]))
    assert await store.find("r1") == row()
    assert len(await store.journal("r1")) == 1
    assert await store.timers(100, ALL_SHARDS) == [timer]


async def test_refusals_are_found_by_their_age(store: AnyStore) -> None:
    asked = [RequestRow(f"q{number}", "r1", "event", b"x") for number in range(3)]
    await store.commit(msgspec.structs.replace(started(), requests=asked))
    await store.commit(write(seq=2, refused=[("q0", b"no"), ("q2", b"no")]))
    assert await store.refused("q1") == ["q0"]
    assert await store.refused("q9") == ["q0", "q2"]
