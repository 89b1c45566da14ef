"""Runs that another process leads: asking something of them, and following them, through the store."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from auraos.core.errors import OperationalError
from auraos.core.run.facts import RunFinished
from auraos.engine import asks
from auraos.engine.answers import RequestRefusedError, over_words
from auraos.engine.ports import Clock, FencedError, NotFoundError, RequestRow, RunRow, Store, Write
from auraos.engine.shards import Shards
from auraos.engine.stream import Change, changes_after

LONGEST_WAIT = 5.0
"""For so many seconds the answer of the process that leads a run is awaited."""
FIRST_LOOK, LAST_LOOK = 0.02, 0.25
LOOK = 0.15


class AcceptedError(OperationalError):
    """What was asked is durable, and the process that leads the run has not done it yet."""

    code = "accepted"


class Remote:
    """The way from this process to runs that others lead. `take` takes up a request that is for a run of our own."""

    def __init__(
        self, store: Store, clock: Clock, shards: Shards, take: Callable[[RequestRow], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._shards = shards
        self._take = take

    async def ask(self, ask: asks.RunAsk, row: RunRow) -> None:
        """Ask something of a run, durably, and return when it was done; raise what stands against it.

        Raise `AcceptedError` when nothing is heard of it within 5 s. It is done all the same, once a process leads the run.
        """
        if row.finished_at is not None:
            raise RequestRefusedError(over_words(row), state=row.state)
        request = RequestRow(self._clock.new_id(), row.run, "ask", asks.to_line(ask), row.shard)
        await self.write(Write(row.workspace, row.run, 0, row.shard, requests=[request]))
        self._take(request)
        why = await self._answer(request)
        if why:
            told = msgspec.json.decode(why, type=asks.Told)
            await self.write(Write(row.workspace, row.run, 0, row.shard, answered=[request.id]))
            if told.code == RequestRefusedError.code:
                raise RequestRefusedError(told.message, hint=told.hint)
            raise asks.heard(told)

    async def write(self, write: Write) -> None:
        """Write something that any owner may write, as soon as this process is one."""
        while True:
            await self._shards.ready()
            try:
                return await self._store.commit(write)
            except FencedError:
                await asyncio.sleep(LAST_LOOK)

    async def _answer(self, request: RequestRow) -> bytes:
        """Return why a request was refused, nothing when it was done."""
        pause = FIRST_LOOK
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                while True:
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, LAST_LOOK)
                    try:
                        if (why := await self._store.answer(request.id)) is not None:
                            return why
                    except NotFoundError:
                        return b""
        except (TimeoutError, OperationalError):
            raise AcceptedError(
                f"What was asked of run {request.run} is kept, and is done as soon as the process that leads it can.",
                hint=f"See what became of it: auraos runs show {request.run}",
            ) from None

    async def until_over(self, run: str) -> None:
        """Return once a run is over, or is led here."""
        while True:
            row = await self._store.find(run)
            if row is None or row.finished_at is not None or row.shard in self._shards.own:
                return
            await asyncio.sleep(LOOK)

    async def follow(self, row: RunRow, after: int) -> AsyncIterator[Change]:
        """Yield the facts of a run after this number as they become durable, until it ends or is led here."""
        seen = after
        while True:
            for change in changes_after(seen, row.run, await self._store.journal(row.run, seen)):
                seen = change.seq
                yield change
                if type(change.fact) is RunFinished:
                    return
            if row.shard in self._shards.own:
                return
            await asyncio.sleep(LOOK)
