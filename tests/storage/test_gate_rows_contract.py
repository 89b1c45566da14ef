"""Rows of gates: what a restart knows of runs that wait to begin, and of those that count for a limit."""

from typing import Any

import msgspec

from auraos.core.gate import Gate
from auraos.engine.ports import ALL_SHARDS, GateRow, RunRow, Write
from stores import AnyStore

GATE = Gate(setting="concurrency", name="g1", key="ann é", limit=3, when_full="skip")
THROTTLE = Gate(setting="throttle", name="g2", limit=1_000_000, per=3_600_000_000_000)


def run_row(run: str, **other: Any) -> RunRow:
    return msgspec.structs.replace(
        RunRow(
            workspace="default", run=run, number=0, workflow="w", version="v1", state="queued",
            started_at=10, changed_at=10,
        ),
        **other,
    )  # fmt: skip


def born(run: str, *gates: Gate, shard: int = 7) -> Write:
    rows = [GateRow(run=run, gate=gate, born=10, priority=9, shard=shard) for gate in gates]
    return Write(
        workspace="default", run=run, seq=1, count=1, facts=b"{}", created=True, row=run_row(run, shard=shard),
        gates=rows, shard=shard,
    )  # fmt: skip


def ended(run: str, *left: Gate) -> Write:
    row = run_row(run, state="succeeded", finished_at=20)
    return Write(
        workspace="default", run=run, seq=2, count=1, facts=b"{}", row=row,
        left=[(gate.name, run) for gate in left],
    )  # fmt: skip


async def test_gates_of_a_run_come_back_as_they_were_written(store: AnyStore) -> None:
    await store.commit(born("r1", GATE, THROTTLE))
    assert await store.gates(ALL_SHARDS) == [
        GateRow(run="r1", gate=gate, born=10, priority=9, shard=7) for gate in (GATE, THROTTLE)
    ]


async def test_a_run_that_was_let_in_has_its_time(store: AnyStore) -> None:
    await store.commit(born("r1", GATE))
    let_in = GateRow(run="r1", gate=GATE, born=10, priority=1, admitted_at=15, shard=7)
    await store.commit(Write(workspace="default", run="r1", seq=2, count=1, facts=b"{}", gates=[let_in]))
    assert await store.gates(ALL_SHARDS) == [let_in]


async def test_what_is_left_goes_in_the_commit_of_the_end_and_the_rest_is_known_to_be_over(
    store: AnyStore,
) -> None:
    await store.commit(born("r1", GATE, THROTTLE))
    await store.commit(ended("r1", GATE))
    (row,) = await store.gates(ALL_SHARDS)
    assert (row.gate.name, row.is_over) == ("g2", True)


async def test_the_end_of_a_run_that_left_nothing_still_frees_it(store: AnyStore) -> None:
    await store.commit(born("r1", GATE))
    await store.commit(ended("r1"))
    assert [row.is_over for row in await store.gates(ALL_SHARDS)] == [True]


async def test_a_row_without_a_run_is_over(store: AnyStore) -> None:
    lone = GateRow(run="gone", gate=GATE, born=10)
    await store.commit(Write(workspace="default", run="gone", seq=0, gates=[lone]))
    assert [row.is_over for row in await store.gates(ALL_SHARDS)] == [True]


async def test_one_write_may_end_the_wait_of_other_runs(store: AnyStore) -> None:
    for run in ("r1", "r2", "r3"):
        await store.commit(born(run, GATE))
    await store.commit(
        Write(workspace="default", run="r1", seq=2, count=1, facts=b"{}", left=[("g1", "r2"), ("g1", "r3")])
    )
    assert [row.run for row in await store.gates(ALL_SHARDS)] == ["r1"]


async def test_they_are_read_page_by_page(store: AnyStore) -> None:
    for number in range(5):
        await store.commit(born(f"r{number}", GATE, THROTTLE))
    found: list[GateRow] = []
    while page := await store.gates(
        ALL_SHARDS, after=(found[-1].gate.name, found[-1].run) if found else ("", ""), limit=3
    ):
        found += page
    assert [(row.gate.name, row.run) for row in found] == [
        (gate, f"r{number}") for gate in ("g1", "g2") for number in range(5)
    ]
