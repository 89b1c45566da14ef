"""Which timers are in memory, and when they fire."""

import asyncio
from collections.abc import Collection
from typing import Any, cast

from auraos.engine import timers
from auraos.engine.clock import SystemClock
from auraos.engine.ports import Store, Timer
from auraos.engine.shards import Shards
from auraos.engine.timers import Timers

SECOND = 1_000_000


class Rows:
    """A store that has timers only."""

    def __init__(self, rows: list[Timer]) -> None:
        self.rows = rows
        self.pages: list[int] = []

    async def timers(self, until: int, shards: Collection[int], *, limit: int) -> list[Timer]:
        found = sorted((row for row in self.rows if row.due <= until), key=lambda row: row.due)[:limit]
        self.pages.append(len(found))
        return found


class Bell:
    """Hears the timers; a row goes as soon as its timer has fired, as with the fact of a run."""

    def __init__(self, rows: list[Timer]) -> None:
        self.store = Rows(rows)
        self.clock = SystemClock()
        self.fired: list[Timer] = []
        self.most_kept = 0
        self.enough = asyncio.Event()
        self.wanted = len(rows)
        self.timers = Timers(cast("Store", self.store), self.clock, Shards(), self.fire)

    def fire(self, timer: Timer) -> None:
        self.fired.append(timer)
        self.most_kept = max(self.most_kept, len(self.timers._due))
        self.store.rows.remove(timer)
        asyncio.get_running_loop().call_soon(self.timers.drop, timer.run, timer.path, timer.timer)
        if len(self.fired) >= self.wanted:
            self.enough.set()

    async def until_all(self) -> None:
        await self.timers.start()
        await asyncio.wait_for(self.enough.wait(), 20)
        self.timers.stop()


def due_at(due: int, count: int) -> list[Timer]:
    return [Timer(f"r{number}", "s", "t", due) for number in range(count)]


async def test_timers_that_are_due_in_the_same_instant_all_fire_once_though_they_fill_many_pages(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(timers, "PAGE", 50)
    bell = Bell(due_at(SystemClock().now() + SECOND // 10, 333))
    await bell.until_all()
    assert len({timer.run for timer in bell.fired}) == len(bell.fired) == 333
    assert bell.most_kept <= 100


async def test_timers_of_many_instants_fire_in_the_order_in_which_they_are_due(monkeypatch: Any) -> None:
    monkeypatch.setattr(timers, "PAGE", 20)
    now = SystemClock().now()
    bell = Bell([Timer(f"r{number}", "s", "t", now + number * 3_000) for number in range(200)])
    await bell.until_all()
    assert [timer.due for timer in bell.fired] == sorted(timer.due for timer in bell.fired)


async def test_of_many_that_are_added_only_the_next_stay_in_memory_and_all_fire(monkeypatch: Any) -> None:
    monkeypatch.setattr(timers, "PAGE", 50)
    bell = Bell([])
    bell.wanted = 1_000
    await bell.timers.start()
    now = bell.clock.now()
    kept = 0
    for number in range(1_000):
        timer = Timer(f"r{number}", "s", "t", now + SECOND // 2 - number * 200)
        bell.store.rows.append(timer)
        bell.timers.add(timer)
        kept = max(kept, len(bell.timers._due))
    await asyncio.wait_for(bell.enough.wait(), 20)
    bell.timers.stop()
    assert kept <= 101
    assert len({timer.run for timer in bell.fired}) == len(bell.fired) == 1_000


async def test_a_far_timer_costs_no_memory() -> None:
    bell = Bell(due_at(SystemClock().now() + 3_600 * SECOND, 5))
    await bell.timers.start()
    bell.timers.add(Timer("r", "s", "t", bell.clock.now() + 600 * SECOND))
    bell.timers.stop()
    assert bell.timers._due == {}
    assert bell.store.pages == [0]
