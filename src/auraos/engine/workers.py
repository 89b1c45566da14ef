"""Workers: long-lived tasks that carry out attempts one after the other.

An attempt that does not wait costs no task of its own: the worker goes straight on to the next. When one waits, the loop
comes round, finds that others still stand in line, and lets another worker take them up.

Nothing is taken up while this process is not sure that it owns what it did: one that stood still finds out first.
"""

import asyncio
import logging
from collections import deque
from typing import Protocol

from auraos.engine.ports import Clock
from auraos.engine.shards import UNSURE, Shards

log = logging.getLogger("auraos.engine")
LONGEST_TURN = 0.005
"""For so long a worker goes on without letting others have the loop."""
MOST_IDLE = 128


class Job(Protocol):
    """Something to carry out. It ends by itself, whatever happens, and raises nothing."""

    async def carry_out(self, task: "asyncio.Task[None]") -> None: ...


class Workers:
    """The workers of one engine, as many as there are attempts that wait."""

    def __init__(self, shards: Shards, clock: Clock) -> None:
        self._shards = shards
        self._monotonic = clock.monotonic
        self._line: deque[Job] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._look: asyncio.Handle | None = None
        self._is_called = False
        """Whether a worker was called and is on its way."""
        self._closed = False

    def begin(self, job: Job) -> None:
        """Let the next free worker carry this out."""
        self._line.append(job)
        if not self._is_called and self._look is None:
            self._find_worker()

    def close(self) -> None:
        """End all workers; what they carry out is cancelled."""
        self._closed = True
        self._line.clear()
        for task in tuple(self._tasks):
            task.cancel()

    def _find_worker(self) -> None:
        self._look = None
        if not self._line or self._closed:
            return
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.done():
                self._is_called = True
                waiting.set_result(None)
                return
        self._is_called = True
        task = asyncio.get_running_loop().create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        line, shards, monotonic = self._line, self._shards, self._monotonic
        while not self._closed:
            self._is_called = False
            now = monotonic()
            until = now + LONGEST_TURN
            while line:
                if now >= shards.sure_until:
                    await asyncio.sleep(UNSURE)
                    now = monotonic()
                    continue
                job = line.popleft()
                if line and self._look is None:
                    self._look = loop.call_soon(self._find_worker)
                try:
                    await job.carry_out(task)
                except Exception:  # the border: one job must not take the others' worker along
                    log.exception("worker.broke")
                now = monotonic()
                if now > until:
                    await asyncio.sleep(0)
                    now = monotonic()
                    until = now + LONGEST_TURN
            if len(self._idle) >= MOST_IDLE:
                return
            waiting: asyncio.Future[None] = loop.create_future()
            self._idle.append(waiting)
            await waiting
