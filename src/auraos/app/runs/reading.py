"""`Journals`: reads what runs have done, as long as it may be, while others are served.

Short journals are read as they come. Long ones are read by a few threads of their own: each of many threads that compute would
take its turn before the loop gets another one.
"""

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from auraos.core.run.facts import AnyFact
from auraos.core.run.large import has_references
from auraos.engine.ports import Batch, Blobs, RunRow
from auraos.engine.stewardship import InspectedStore
from auraos.engine.stream import facts_of

LONG: Final = 256 * 1024
"""A journal of so many bytes, or with values that were too large for it, is a long one."""
_FEW: Final = ThreadPoolExecutor(2, thread_name_prefix="auraos-journals")

T = TypeVar("T")


class Journals:
    """Reads journals as everybody is shown them, or as they are for those to whom a private run is revealed."""

    def __init__(self, store: InspectedStore, shown: InspectedStore, blobs: Blobs) -> None:
        self._store = store
        self._shown = shown
        self._blobs = blobs

    async def facts(self, row: RunRow, *, revealed: bool) -> tuple[list[AnyFact], int]:
        """Return all facts of a run with their large values, and how many bytes they are of."""
        batches = await (self._store if revealed else self._shown).journal(row.run)
        size = _size_of(batches)
        return await beside(size, facts_of, batches, self._fetch(row)), size

    async def stretch(
        self, row: RunRow, after: int, limit: int, told: Callable[[int, AnyFact], T], *, revealed: bool
    ) -> list[T]:
        """Return what is told of each fact of a run after this number, by its own number; large values in them are whole."""
        batches = await (self._store if revealed else self._shown).journal(row.run, after)
        wanted = [batch for batch in batches if batch.seq + batch.count > after + 1]
        fetch = self._fetch(row)

        def read() -> list[T]:
            found: list[T] = []
            for batch in wanted:
                if len(found) >= limit:
                    break
                facts = enumerate(facts_of([batch], fetch), batch.seq)
                found += [told(seq, fact) for seq, fact in facts if seq > after]
            return found[:limit]

        return await beside(_size_of(wanted), read)

    def _fetch(self, row: RunRow) -> Callable[[str], bytes]:
        return partial(self._blobs.fetch, row.workspace, row.run)


async def beside(size: int, work: Callable[..., T], *given: object) -> T:
    """Do what takes as long as so many bytes take beside the loop: with the few where they are many."""
    if size < LONG:
        return await asyncio.to_thread(work, *given)
    run = partial(contextvars.copy_context().run, work, *given)
    return await asyncio.get_running_loop().run_in_executor(_FEW, run)


def _size_of(batches: Sequence[Batch]) -> int:
    size = sum(len(batch.facts) for batch in batches)
    return size if size >= LONG or not any(has_references(batch.facts) for batch in batches) else LONG
