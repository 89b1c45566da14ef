"""The stream of a run: what became durable, in order, from the first fact on, and what its attempts say of
progress.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

import msgspec

from auraos.core.errors import OperationalError
from auraos.core.run import Reading, decode_fact
from auraos.core.run.facts import AnyFact, RunFinished
from auraos.core.run.sealed import hide
from auraos.engine.context import Progress
from auraos.engine.ports import Batch, Blobs, LogLine, RunStore

LONGEST_QUEUE = 10_000
UNDER_SEAL = "What is said here is under seal."


class StreamFellBehindError(OperationalError):
    """A reader of a stream was too slow, and was cut off; it may begin again after the last fact it saw."""

    code = "stream-fell-behind"


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something new about a run: a durable fact with its number, a durable line of log, or a sign of
    progress.
    """

    run: str
    seq: int = 0
    fact: AnyFact | None = None
    log: LogLine | None = None
    progress: Progress | None = None


def veil(change: Change) -> Change:
    """Return something new about a private run as those see it who may not see what the run is about."""
    fact, line, progress = change.fact, change.log, change.progress
    return Change(
        run=change.run,
        seq=change.seq,
        fact=None if fact is None else hide(fact),
        log=None if line is None else msgspec.structs.replace(line, message=UNDER_SEAL, fields={}),
        progress=None if progress is None else msgspec.structs.replace(progress, message=""),
    )


Shown: TypeAlias = Change | StreamFellBehindError | None
"""What a listener is handed: something new, that it fell behind, or the end."""


class Streams:
    """Who listens to which run."""

    def __init__(self, journal: Callable[[str, int], Awaitable[list[Batch]]]) -> None:
        self._journal = journal
        self.listeners: dict[str, set[asyncio.Queue[Shown]]] = {}

    def publish(self, change: Change) -> None:
        """Show something to everybody who listens to its run; who does not keep up is cut off."""
        for queue in tuple(self.listeners.get(change.run, ())):
            if queue.qsize() < LONGEST_QUEUE:
                queue.put_nowait(change)
            else:
                self._leave(change.run, queue)
                queue.put_nowait(
                    StreamFellBehindError(f"The stream of run {change.run} was read too slowly.")
                )

    def close(self) -> None:
        """End all streams."""
        for run, queues in list(self.listeners.items()):
            for queue in tuple(queues):
                self._leave(run, queue)
                queue.put_nowait(None)

    def part(self, run: str) -> None:
        """End the streams of a run that another process leads."""
        for queue in tuple(self.listeners.get(run, ())):
            self._leave(run, queue)
            queue.put_nowait(None)

    async def follow(self, run: str, after: int = 0) -> AsyncIterator[Change]:
        """Yield the facts of a run after this number, then everything new, until the run is final."""
        queue: asyncio.Queue[Shown] = asyncio.Queue()
        self.listeners.setdefault(run, set()).add(queue)
        try:
            seen = after
            for change in changes_after(seen, run, await self._journal(run, after)):
                seen = change.seq
                yield change
                if type(change.fact) is RunFinished:
                    return
            while (new := await queue.get()) is not None:
                if isinstance(new, StreamFellBehindError):
                    raise new
                if new.fact is not None and new.seq <= seen:
                    continue
                yield new
                if type(new.fact) is RunFinished:
                    return
        finally:
            self._leave(run, queue)

    def _leave(self, run: str, queue: "asyncio.Queue[Shown]") -> None:
        queues = self.listeners.get(run)
        if queues is not None:
            queues.discard(queue)
            if not queues:
                del self.listeners[run]


async def read_facts(
    store: RunStore, blobs: Blobs, workspace: str, run: str, *, only_last: bool = False
) -> list[AnyFact]:
    """Return the durable facts of a run with their large values, or those of its last batch."""
    batches = await store.journal(run)
    return await asyncio.to_thread(
        facts_of, batches[-1:] if only_last else batches, partial(blobs.fetch, workspace, run)
    )


def facts_of(batches: Sequence[Batch], fetch: Callable[[str], bytes]) -> list[AnyFact]:
    """Return the facts of a journal with their large values, each of which `fetch` returns by its hash. It may block."""
    reading = Reading(lambda reference: fetch(reference.hash))
    return [decode_fact(line, reading) for batch in batches for line in batch.facts.split(b"\n") if line]


def changes_after(seen: int, run: str, batches: Sequence[Batch]) -> Iterator[Change]:
    """Yield the facts of a stretch of a journal whose number is higher, each with its number."""
    for batch in batches:
        lines = batch.facts.split(b"\n") if batch.facts else []
        for number, line in enumerate(lines, batch.seq):
            if number > seen:
                yield Change(run=run, seq=number, fact=decode_fact(line))
