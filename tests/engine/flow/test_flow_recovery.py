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


async def test_a_start_whose_input_another_run_got_is_in_no_second_batch_after_a_crash(
    mortal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = limited("batch: {limit: 2, per: 300ms}")
    take = mortal.engine._requests.take
    monkeypatch.setattr(
        mortal.engine._requests, "take", lambda row: None if row.kind == "gathered" else take(row)
    )
    held = Held(mortal)
    runs = [await mortal.start(text, input={"n": number}) for number in range(2)]
    await until(mortal, runs[0], "StepGranted")
    runs.append(await mortal.start(text, input={"n": 2}))
    await mortal.crash()
    await mortal.open()
    held.let_go(*runs)
    assert (await mortal.engine.wait(runs[1])).state == "cancelled"
    assert (await mortal.engine.wait(runs[2])).output == {"n": [{"n": 2}]}


async def test_what_is_being_read_of_shards_is_not_known_any_more_once_they_went(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(house)
    runs = [await house.start(ONE) for _ in range(2)]
    await until(house, runs[0], "StepGranted")
    held.let_go(runs[0])
    await until(house, runs[1], "StepGranted")
    rows, may_go_on = house.store.gates, asyncio.Event()

    async def read(*asked: Any, **page: Any) -> list[GateRow]:
        found = await rows(*asked, **page)
        await may_go_on.wait()
        return found

    monkeypatch.setattr(house.store, "gates", read)
    house.engine._admission.leave(ALL_SHARDS)
    house.engine.moves.take_up(ALL_SHARDS)
    letting_go = asyncio.create_task(house.engine.moves.let_go(256))
    held.let_go(runs[1])
    await house.engine.wait(runs[1])
    may_go_on.set()
    assert await letting_go == ALL_SHARDS
    assert len(house.engine._admission._entrance) == 0
