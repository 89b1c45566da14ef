"""Back-pressure: while the store is behind, doors take nothing new and steps begin nothing, and it passes by itself."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from engine_house import House, flow

from auraos.engine.ports import Told, Write
from auraos.engine.pressure import MOST_BYTES, Pressure, StoreBusyError
from auraos.sdk import StepContext


class SlowDisk:
    """Keeps writes to itself until it is told to go on."""

    def __init__(self, house: House) -> None:
        self.kept: list[tuple[Sequence[Write], Told]] = []
        self.is_slow = True
        self.taken = asyncio.Event()
        self._submit = house.store.submit
        house.store.submit = self.submit  # type: ignore[method-assign]  # the disk under the store

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        if self.is_slow:
            self.kept.append((writes, told))
            self.taken.set()
        else:
            self._submit(writes, told)

    def go_on(self) -> None:
        self.is_slow = False
        for writes, told in self.kept:
            self._submit(writes, told)
        self.kept.clear()


def test_pressure_is_high_by_size_or_by_age_and_falls_when_writes_arrive() -> None:
    now = [100.0]
    pressure = Pressure(lambda: now[0], took=lambda _: None)
    first = pressure.send(MOST_BYTES)
    assert not pressure.is_high
    second = pressure.send(1)
    assert pressure.is_high
    pressure.arrive(first)
    assert not pressure.is_high
    now[0] += 2.5
    assert pressure.is_high
    with pytest.raises(StoreBusyError, match=r"the oldest for 2.5 s"):
        pressure.refuse()
    pressure.arrive(second)
    assert (pressure.is_high, pressure.oldest, pressure.bytes) == (False, 0.0, 0)


async def test_doors_take_nothing_new_while_the_store_is_behind_but_let_work_become_less(
    house: House,
) -> None:
    waits = flow("paid: {type: wait.signal, with: {name: paid}}")
    waiting = await house.start(waits)
    disk = SlowDisk(house)
    starting = asyncio.create_task(house.start(waits))
    await disk.taken.wait()
    house.clock.skip(3.0)
    with pytest.raises(StoreBusyError):
        await house.start(waits)
    with pytest.raises(StoreBusyError):
        await house.engine.signal(waiting, "paid")
    cancelling = asyncio.create_task(house.engine.cancel(waiting))
    await asyncio.sleep(0.05)
    disk.go_on()
    await asyncio.gather(starting, cancelling)
    assert (await house.engine.wait(waiting)).state == "cancelled"
    assert (
        await house.engine.wait(await house.start(flow("n: {type: noop}", name="quick")))
    ).state == "succeeded"


async def test_steps_begin_nothing_while_the_store_is_behind_and_go_on_after_it(house: House) -> None:
    begun: list[str] = []
    release = asyncio.Event()

    async def work(settings: dict[str, Any], context: StepContext) -> Any:
        begun.append(context.path)
        if context.path == "a":
            await release.wait()

    house.steps.work = work
    chain = [f"{name}: {{type: test.write}}" for name in "abcd"]
    run = await house.start(flow("\n".join(chain), links="a -> b, b -> c, c -> d"))
    disk = SlowDisk(house)
    starting = asyncio.create_task(house.start(flow("n: {type: noop}", name="other")))
    await disk.taken.wait()
    disk.is_slow = False  # what comes now is written, and that one write hangs
    house.clock.skip(3.0)
    release.set()
    await asyncio.sleep(0.2)
    assert begun in (["a"], ["a", "b"])
    disk.go_on()
    await starting
    assert (await house.engine.wait(run)).state == "succeeded"
    assert begun == ["a", "b", "c", "d"]
