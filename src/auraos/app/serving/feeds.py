"""`Feeds`: what happens in a workspace, told as it does, to so many readers as one person may have."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec

from auraos.app.runs.failed import RunReader
from auraos.core.errors import UserError
from auraos.engine.engine import Engine
from auraos.engine.ports import RunQuery, RunRow
from auraos.security.access.walls import within
from auraos.security.audit.store import Filter
from auraos.security.audit.trail import AuditTrail, Shown

MOST_OF_ONE: Final = 20
"""So many streams one person, or one service account, may read at once."""
LOOK: Final = 0.5
"""So often, in seconds, it is looked for what other processes did."""
LOOKED_AT: Final = 200
"""At so many of the newest runs."""


class TooManyStreamsError(UserError):
    """Somebody reads as many streams as one may at once."""

    code = "too-many-streams"


class Seat(msgspec.Struct, frozen=True):
    """The place of one reader."""

    leave: Callable[[], None]
    closed: asyncio.Event
    """Set when the process leaves: then all readers go elsewhere."""


class Feeds:
    """Tells who reads."""

    def __init__(
        self, engine: Engine, store: RunReader, trail: AuditTrail, processes: Callable[[], int], now: Callable[[], int]
    ) -> None:  # fmt: skip
        self._engine = engine
        self._store = store
        self._trail = trail
        self._processes = processes
        self._readers: Counter[str] = Counter()
        self._closed = asyncio.Event()
        engine.watching.begin(now())

    def enter(self, who: str) -> Seat:
        """Return the place of one more reader; raise `TooManyStreamsError` where somebody has too many."""
        if self._readers[who] >= MOST_OF_ONE:
            raise TooManyStreamsError(
                f"No more than {MOST_OF_ONE} streams are read by one at a time.",
                hint="Close one, or read several topics one after the other.",
                retry_after=5,
            )
        self._readers[who] += 1

        def leave() -> None:
            self._readers[who] -= 1
            if not self._readers[who]:
                del self._readers[who]

        return Seat(leave, self._closed)

    @property
    def count(self) -> int:
        """Return how many readers there are."""
        return self._readers.total()

    def close(self) -> None:
        """Let all readers go."""
        self._closed.set()

    async def runs(self, workspace: str, after: int) -> AsyncGenerator[RunRow | None, None]:
        """Yield each change of a run of a workspace, from a time on (0: from now on); None where some cannot be told any more,
        so that whoever reads looks at the list anew.
        """
        watching = self._engine.watching
        watch = watching.enter(workspace)
        told: dict[str, int] = {}
        try:
            if after:
                missed = watching.since(workspace, after) if self._processes() == 1 else None
                if missed is None:
                    yield None
                for row in missed or ():
                    told[row.run] = row.changed_at
                    yield row
            for row in await self._elsewhere(workspace, told):  # what is there already is no news
                told[row.run] = row.changed_at
            while True:
                rows, has_gap = await watch.take(LOOK)
                if has_gap:
                    yield None
                for row in (*rows, *await self._elsewhere(workspace, told)):
                    if told.get(row.run) != row.changed_at:
                        told[row.run] = row.changed_at
                        yield row
                if len(told) > 10 * LOOKED_AT:
                    told = dict(list(told.items())[-LOOKED_AT:])
        finally:
            watching.leave(workspace, watch)

    async def definitions(self, workspace: str, after: int | None) -> AsyncGenerator[Shown, None]:
        """Yield what is done to the definitions of a workspace, from an entry of the audit trail on, or from now on."""
        wanted = Filter(workspace=workspace, action="definitions.*", outcome="done")
        seq = (await self._trail.head()).seq if after is None else after
        while True:
            found = await self._trail.after(wanted, seq)
            for shown in found:
                seq = shown.seq
                yield shown
            if not found:
                await asyncio.sleep(LOOK)

    async def _elsewhere(self, workspace: str, told: dict[str, int]) -> list[RunRow]:
        """Return the newest runs that changed since, where other processes lead runs too; the oldest change first."""
        if self._processes() == 1:
            return []
        with within(workspace):  # whoever reads a stream is told by a task of its own
            found = await self._store.runs(RunQuery(workspace=workspace, limit=LOOKED_AT))
        changed = [row for row in found if told.get(row.run, 0) < row.changed_at]
        return sorted(changed, key=lambda row: row.changed_at)
