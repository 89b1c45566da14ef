"""What happens to runs while it is being read who stands before gates: nobody is forgotten, let in twice, or counted for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from engine_house import House
from flow_house import Held, limited, state_of, until

from auraos.engine.ports import ALL_SHARDS, GateRow

ONE = limited("concurrency: {limit: 1}")
GATHERED = limited("rate: {limit: 9, per: 1h}, batch: {limit: 9, per: 300ms}")


Rows = Callable[..., Awaitable[list[GateRow]]]


async def recover(house: House, monkeypatch: pytest.MonkeyPatch, read: Callable[[Rows], Rows]) -> None:
    """Let an engine read who stands before gates, in this way."""
    monkeypatch.setattr(house.store, "gates", read(house.store.gates))
    house.engine._admission.leave(ALL_SHARDS)
    await house.engine._admission.recover(ALL_SHARDS)


async def test_a_run_that_ends_while_rows_are_read_takes_no_room_any_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(house)
    first = await house.start(ONE)
    await until(house, first, "StepGranted")

    def end_it_afterwards(rows: Rows) -> Rows:
        async def read(*asked: Any, **page: Any) -> list[GateRow]:
            found = await rows(*asked, **page)
            held.let_go(first)
            await house.engine.wait(first)
            return found

        return read

    await recover(house, monkeypatch, end_it_afterwards)
    second = await house.start(ONE)
    held.let_go(second)
    assert (await asyncio.wait_for(house.engine.wait(second), 10)).state == "succeeded"


async def test_a_run_that_is_born_while_rows_are_read_passes_all_its_gates(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    born: list[str] = []

    def bear_one_before(rows: Rows) -> Rows:
        async def read(*asked: Any, **page: Any) -> list[GateRow]:
            if not born:
                born.append(await house.start(GATHERED, input={"n": 1}))
            found = await rows(*asked, **page)
            return [row for row in found if row.gate.setting == "rate"]  # as a page that ends there

        return read

    await recover(house, monkeypatch, bear_one_before)
    assert await state_of(house, born[0]) == "queued"
    assert (await house.engine.wait(born[0])).output == {"n": [{"n": 1}]}


async def test_what_is_read_twice_at_once_is_known_once(house: House) -> None:
    held = Held(house)
    runs = [await house.start(ONE) for _ in range(3)]
    await until(house, runs[0], "StepGranted")
    half = frozenset(range(128))
    admission = house.engine._admission
    admission.leave(ALL_SHARDS)
    await asyncio.gather(admission.recover(half), admission.recover(ALL_SHARDS - half))
    assert [await state_of(house, run) for run in runs] == ["running", "queued", "queued"]
    held.let_go(*runs)
    assert [(await house.engine.wait(run)).state for run in runs] == ["succeeded"] * 3
    assert held.most == 1
