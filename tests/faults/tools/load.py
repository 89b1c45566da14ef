"""Load: runs that are started one after the other by many, until somebody says that it is enough, and waited for."""

import asyncio
from collections import Counter
from types import TracebackType

from checker import hash_input
from served import Caller

from auraos.engine.ports import Version

AWAY = frozenset({"store-unavailable", "store-busy", "read-failed", "disk-nearly-full", "elsewhere"})
"""What a process says whose database is away or slow."""


class Load:
    """So many callers, each of whom starts a run, waits for its end, and starts the next. `told` is what was acknowledged."""

    def __init__(self, callers: list[Caller], version: Version, *, at_once: int = 20) -> None:
        self.told: dict[str, str] = {}
        self.ends: Counter[str] = Counter()
        self._callers = callers
        self._version = version
        self._at_once = at_once
        self._enough = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Condition()

    async def until_ended(self, count: int) -> None:
        """Return once so many runs more ended than when this was asked."""
        goal = self.ends.total() + count
        async with asyncio.timeout(120), self._changed:
            await self._changed.wait_for(lambda: self.ends.total() >= goal)

    async def _go_on(self, number: int) -> None:
        while not self._enough.is_set():
            run = f"run-{number}"
            caller = self._callers[number % len(self._callers)]
            await caller.ask(
                lambda client, n=number: client.start(self._version, input={"n": n}, run=f"run-{n}")
            )
            self.told[run] = hash_input({"n": number})
            ended = await caller.ask(lambda client, one=run: client.wait(one))
            async with self._changed:
                self.ends[ended.state] += 1
                self._changed.notify_all()
            number += self._at_once

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(self._go_on(number)) for number in range(self._at_once)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Start nothing more, and return when all ended that was started."""
        self._enough.set()
        if error is not None:
            for task in self._tasks:
                task.cancel()
        async with asyncio.timeout(120):
            ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        broken = [each for each in ended if isinstance(each, Exception)]
        if broken and error is None:
            raise broken[0]
