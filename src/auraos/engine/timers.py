"""Timers: rows in the store, of which the ones due within a minute are also in memory.

A timer's row is written with the fact that asked for it and deleted with the fact that it fired, so a restart
neither loses nor repeats one. A far timer costs no memory until its minute comes.
"""

import asyncio
import heapq
from collections.abc import Callable

from auraos.core.errors import OperationalError
from auraos.engine.ports import Clock, Store, Timer
from auraos.engine.shards import Shards

NEAR = 60_000_000
LOOK_EVERY = 30.0


class Timers:
    """The near timers of this process."""

    def __init__(self, store: Store, clock: Clock, shards: Shards, fire: Callable[[Timer], None]) -> None:
        self._store = store
        self._shards = shards
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[int, str, str, str]] = []
        self._due: dict[tuple[str, str, str], int] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what is due soon, and go on looking."""
        await self.look()
        self._looking = asyncio.create_task(self._keep_looking())

    async def look(self) -> None:
        """Take up every row that is due soon."""
        for timer in await self._store.timers(self._clock.now() + NEAR, self._shards.own):
            if self._due.get((timer.run, timer.path, timer.timer)) != timer.due:
                self.add(timer)

    def add(self, timer: Timer) -> None:
        """Take up a timer whose row is durable; a far one is left to its row."""
        if timer.due > self._clock.now() + NEAR:
            return
        self._due[timer.run, timer.path, timer.timer] = timer.due
        heapq.heappush(self._heap, (timer.due, timer.run, timer.path, timer.timer))
        if self._heap[0][0] == timer.due:
            self._set_alarm()

    def drop(self, run: str, path: str, timer: str) -> None:
        """Forget a timer whose row is gone. Until then one that fired is remembered, for its row may be read
        again.
        """
        self._due.pop((run, path, timer), None)

    def stop(self) -> None:
        """Fire nothing more."""
        if self._looking is not None:
            self._looking.cancel()
        if self._alarm is not None:
            self._alarm.cancel()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._heap:
            delay = max(0.0, (self._heap[0][0] - self._clock.now()) / 1_000_000)
            self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            due, run, path, name = heapq.heappop(self._heap)
            if self._due.get((run, path, name)) == due:
                self._fire(Timer(run, path, name, due))
        self._set_alarm()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except OperationalError:
                continue  # the store is away; the rows will still be there
