"""Long work on the loop is done in slices, and others have the loop in between."""

import asyncio

import pytest

from auraos.engine.slices import SLICE, in_slices


@pytest.mark.parametrize("count", [0, 1, SLICE, SLICE + 1, 1000])
async def test_something_is_made_of_each_in_order(count: int):
    assert await in_slices(lambda number: number * 2, range(count)) == [2 * number for number in range(count)]


async def test_others_come_in_after_every_slice():
    made: list[int] = []
    seen: list[int] = []
    over = asyncio.Event()

    async def other() -> None:
        while not over.is_set():
            seen.append(len(made))
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await in_slices(made.append, range(10 * SLICE))
    over.set()
    await beside
    assert seen[:9] == [SLICE * number for number in range(1, 10)]
