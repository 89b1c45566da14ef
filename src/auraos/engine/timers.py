"""Timers: rows in the store, of which the ones due next are also in memory.

A timer's row is written with the fact that asked for it and deleted with the fact that it fired, so a restart
neither loses nor repeats one. In memory are all that are due before the *horizon*, which is at most a minute away,
and nearer where many are due: beyond it a timer costs nothing but its row.
"""

import asyncio
import heapq
from collections.abc import Callable

from auraos.core.errors import OperationalError
from auraos.engine.ports import Clock, Store, Timer
from auraos.engine.shards import Shards

NEAR = 60_000_000
LOOK_EVERY = 30.0
LOOK_AGAIN = 0.25
PAGE = 5_000
"""So many are read at once, and at most twice as many are kept."""
TURN = 100
"""So many fire before others have their turn."""


class Timers:
    """The next timers of this process."""

    def __init__(self, store: Store, clock: Clock, shards: Shards, fire: Callable[[Timer], None]) -> None:
        self._store = store
        self._shards = shards
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[int, str, str, str]] = []
        self._due: dict[tuple[str, str, str], int] = {}
        self._horizon = clock.now() + NEAR
        self._is_short = False
        """Whether more rows are due within the minute than are in memory."""
        self._alarm: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()

    async def start(self) -> None:
        """Load what is due soon, and go on looking."""
        await self.look()
        self._looking = asyncio.create_task(self._keep_looking())

    async def look(self) -> None:
        """Take up the rows that are due next, a page of them."""
        self._wanted.clear()
        until = self._horizon = self._clock.now() + NEAR  # first, so that what is added meanwhile is kept
        rows = await self._store.timers(until, self._shards.own, limit=PAGE)
        self._is_short = len(rows) == PAGE
        if self._is_short:
            self._horizon = min(self._horizon, rows[-1].due - 1)
        for timer in rows:
            if self._due.get((timer.run, timer.path, timer.timer)) != timer.due:
                self._keep(timer)
        self._set_alarm()

    def add(self, timer: Timer) -> None:
        """Take up a timer whose row is durable; a far one is left to its row."""
        if timer.due > self._horizon:
            return
        self._keep(timer)
        if len(self._heap) > 2 * PAGE:
            self._shed()
        if self._heap[0][0] == timer.due:
            self._set_alarm()

    def drop(self, run: str, path: str, timer: str) -> None:
        """Forget a timer whose row is gone. Until then one that fired is remembered, for its row may be read
        again.
        """
        self._due.pop((run, path, timer), None)
        if self._is_short and len(self._due) < PAGE // 2:
            self._wanted.set()

    def clear(self) -> None:
        """Forget all: they are another process's to fire."""
        self._heap.clear()
        self._due.clear()
        self._is_short = False
        self._set_alarm()

    def stop(self) -> None:
        """Fire nothing more."""
        if self._looking is not None:
            self._looking.cancel()
        if self._alarm is not None:
            self._alarm.cancel()

    def _keep(self, timer: Timer) -> None:
        self._due[timer.run, timer.path, timer.timer] = timer.due
        heapq.heappush(self._heap, (timer.due, timer.run, timer.path, timer.timer))

    def _shed(self) -> None:
        """Leave those that are due last to their rows."""
        self._heap.sort()  # a sorted list is a heap
        for due, *key in self._heap[PAGE:]:
            named = (key[0], key[1], key[2])
            if self._due.get(named) == due:
                del self._due[named]
                self._horizon, self._is_short = min(self._horizon, due - 1), True
        del self._heap[PAGE:]

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = self._heap[0][0] if self._heap else None
        if self._is_short and not self._wanted.is_set():
            due = self._horizon if due is None else min(due, self._horizon)
        if due is not None:
            delay = max(0.0, (due - self._clock.now()) / 1_000_000)
            self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self._clock.now()
        if self._is_short and self._horizon <= now:
            self._wanted.set()
        left = TURN
        while left and self._heap and self._heap[0][0] <= now:
            due, run, path, name = heapq.heappop(self._heap)
            if self._due.get((run, path, name)) == due:
                left -= 1
                self._fire(Timer(run, path, name, due))
        self._set_alarm()

    async def _keep_looking(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(LOOK_AGAIN)  # those that fired just now have their rows deleted meanwhile
            try:
                await self.look()
            except OperationalError:
                await asyncio.sleep(LOOK_AGAIN)  # the store is away; the rows will still be there
