"""Which sleeping runs stay in memory."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engine_house import House, flow

from auraos.engine import memory
from auraos.engine.ports import RunQuery
from auraos.engine.sleepers import BYTES_OF_A_FACT, BYTES_OF_A_RUN, Sleepers

SIGNAL = "paid: {type: wait.signal, with: {name: paid}}"


def test_who_fell_asleep_first_goes_first() -> None:
    dropped: list[str] = []
    sleepers = Sleepers(dropped.append, most=2)
    for run in ("a", "b", "a", "c", "d"):
        sleepers.put(run, 1)
    assert dropped == ["b", "a"]
    assert len(sleepers) == 2


def test_large_runs_go_sooner() -> None:
    dropped: list[str] = []
    sleepers = Sleepers(dropped.append, most_bytes=3 * BYTES_OF_A_RUN)
    sleepers.put("small", 0)
    sleepers.put("long", BYTES_OF_A_RUN // BYTES_OF_A_FACT)
    sleepers.put("large", 0, large=10 * BYTES_OF_A_RUN)
    assert dropped == ["small", "long", "large"]
    assert sleepers.bytes == 0


def test_a_run_that_moves_is_not_counted() -> None:
    dropped: list[str] = []
    sleepers = Sleepers(dropped.append)
    sleepers.put("a", 5)
    sleepers.forget("a")
    sleepers.forget("b")
    assert (len(sleepers), sleepers.bytes) == (0, 0)


@pytest.fixture
async def forgetful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """Return a house that keeps three sleeping runs in memory."""

    def few(drop: object) -> Sleepers:
        return Sleepers(drop, most=3)  # type: ignore[arg-type]  # as the memory gives it

    monkeypatch.setattr(memory, "Sleepers", few)
    opened = House(tmp_path / "data")
    await opened.open()
    yield opened
    await opened.close()


async def test_runs_that_left_memory_hear_their_signals_and_their_timers(forgetful: House) -> None:
    both = flow(f"{SIGNAL}\nnap: {{type: wait.for, with: {{duration: 1s}}}}")
    runs = [await forgetful.start(both) for _ in range(10)]
    await forgetful.engine.drive_until_idle()
    kept = len(forgetful.engine._runner.runs)
    await asyncio.gather(*(forgetful.engine.signal(run, "paid", data=run) for run in runs))
    ended = await asyncio.gather(*(forgetful.engine.wait(run) for run in runs))
    assert kept <= 3
    assert {end.state for end in ended} == {"succeeded"}
    assert await forgetful.store.runs(RunQuery(states=("waiting",))) == []


async def test_many_that_are_wanted_at_once_are_read_together(forgetful: House) -> None:
    runs = [await forgetful.start(flow(SIGNAL)) for _ in range(20)]
    await forgetful.engine.drive_until_idle()
    reads: list[int] = []
    store, read = forgetful.store, forgetful.store.read

    async def counted(runs: object) -> object:
        reads.append(len(list(runs)))  # type: ignore[call-overload]  # a collection of ids
        return await read(runs)  # type: ignore[arg-type]

    store.read = counted  # type: ignore[method-assign,assignment]
    found = await asyncio.gather(*(forgetful.engine._memory.reach(run) for run in [*runs, *runs]))
    assert [run.id for run in found if run is not None] == [*runs, *runs]
    assert sum(reads) == 17
    assert len(reads) <= 2


async def test_a_run_that_cannot_be_read_does_not_keep_others_from_waking(
    forgetful: House, tmp_path: Path
) -> None:
    nap = flow("nap: {type: wait.for, with: {duration: 1s}}")
    runs = [await forgetful.start(nap) for _ in range(8)]
    await forgetful.engine.drive_until_idle()
    with sqlite3.connect(tmp_path / "data" / "auraos.db") as database:
        database.execute("update journal set facts=x'00' where run=?", (runs[0],))
    database.close()
    ended = await asyncio.gather(*(forgetful.engine.wait(run) for run in runs[1:]))
    assert [end.state for end in ended] == ["succeeded"] * 7
    row = await forgetful.store.find(runs[0])
    assert row is not None
    assert row.state == "waiting"
