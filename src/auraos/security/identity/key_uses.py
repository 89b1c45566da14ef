"""`KeyUses`: how many requests were made by each key, day by day.

They are counted in memory, an addition each, and written down every few seconds: several processes add up, and one that is killed
loses what it counted since. Days are those of UTC.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from auraos.core.errors import AuraError

log = logging.getLogger("auraos.keys")

DAY = 24 * 3600 * 1_000_000
DAYS = 30
"""Today and the days before it are counted together."""
EVERY = 10.0
"""So many seconds pass between the times that it is written down."""


class KeyUse(msgspec.Struct, kw_only=True):
    """What was asked by one key on one day, counted from 1970."""

    key: str
    day: int
    requests: int = 0
    refused: int = 0
    """Those of them that came faster than they may."""


class KeyUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked by one key: today, and within thirty days with today."""

    today: int = 0
    refused_today: int = 0
    """Those of them that came faster than they may."""
    days_30: int = 0
    refused_days_30: int = 0


class KeyUseStore(Protocol):
    """Keeps how keys are used."""

    async def add_uses(self, uses: Collection[KeyUse], forget: int) -> None:
        """Add to what is known, and forget the days before this one."""
        ...

    async def uses_of(self, keys: Sequence[str], since: int) -> Sequence[KeyUse]:
        """Return what is known of keys from a day on."""
        ...


class KeyUses:
    """Counts what is asked by keys."""

    def __init__(self, store: KeyUseStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._counted: dict[tuple[str, int], KeyUse] = {}
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def count(self, key: str, *, refused: bool = False) -> None:
        """Count a request."""
        day = self._now() // DAY
        use = self._counted.get((key, day))
        if use is None:
            use = self._counted[key, day] = KeyUse(key=key, day=day)
        use.requests += 1
        use.refused += refused

    async def of(self, keys: Sequence[str]) -> Mapping[str, KeyUsage]:
        """Return how keys were used, with all that this process counted; others write theirs down within seconds."""
        today = self._now() // DAY
        used: dict[str, list[KeyUse]] = {key: [] for key in keys}
        async with self._turn:  # while it is written down, it is in neither place, or in both
            found = await self._store.uses_of(keys, today - DAYS + 1)
            for use in (*found, *self._counted.values()):
                if use.key in used:
                    used[use.key].append(use)
        return {key: _usage(uses, today) for key, uses in used.items()}

    def start(self) -> None:
        """Write down every few seconds what was counted."""
        self._writing = asyncio.create_task(self._keep_writing())

    async def close(self) -> None:
        """Write down what was counted, and nothing more; the store is still open."""
        if self._writing is not None:
            self._writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writing
        await self.write()

    async def write(self) -> None:
        """Write down what was counted since the last time; what the store does not take is counted on."""
        async with self._turn:
            counted, self._counted = self._counted, {}
            if not counted:
                return
            try:
                await self._store.add_uses(counted.values(), self._now() // DAY - DAYS)
            except AuraError as error:
                log.info("keys.uses_late", extra={"why": error.message, "count": len(counted)})
                for (key, day), use in counted.items():
                    own = self._counted.setdefault((key, day), KeyUse(key=key, day=day))
                    own.requests += use.requests
                    own.refused += use.refused

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.write()


def _usage(uses: Sequence[KeyUse], today: int) -> KeyUsage:
    of_today = [use for use in uses if use.day == today]
    return KeyUsage(
        today=sum(use.requests for use in of_today),
        refused_today=sum(use.refused for use in of_today),
        days_30=sum(use.requests for use in uses),
        refused_days_30=sum(use.refused for use in uses),
    )
