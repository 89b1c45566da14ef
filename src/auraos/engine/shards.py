"""Which runs this process owns: all runs are divided into shards, and each shard has one owner at a time."""

import asyncio
import itertools
import math
from collections.abc import Collection, Iterator

from auraos.core.errors import OperationalError
from auraos.engine.ports import ALL_SHARDS

PATIENCE = 10.0
"""For so many seconds a start waits for this process to own a shard."""
UNSURE = 0.02
"""So often, in seconds, who waits for this process to be sure of its shards looks again."""


class NotReadyError(OperationalError):
    """This process owns no part of the runs yet."""

    code = "engine-not-ready"


class ElsewhereError(OperationalError):
    """Another process leads this run."""

    code = "run-elsewhere"


class Shards:
    """The shards of this process. Where other processes own shards too, it begins with none, and they come and go."""

    def __init__(self, own: Collection[int] = ALL_SHARDS, *, are_shared: bool = False) -> None:
        self.are_shared = are_shared
        self.own: frozenset[int] = frozenset()
        self.leaving: frozenset[int] = frozenset()
        """Still ours, but nothing new begins there: they are about to go to another process."""
        self.sure_until = math.inf
        """Until then, on the monotonic clock, nobody takes over what this process owns. Later it may have happened unnoticed."""
        self._turns: Iterator[int] = iter(())
        self._some = asyncio.Event()
        self.hold(frozenset() if are_shared else own)

    def hold(self, own: Collection[int], *, leaving: Collection[int] = ()) -> None:
        """Own these from now on, and no others."""
        self.own = frozenset(own)
        self.leaving = frozenset(leaving)
        self._turns = itertools.cycle(sorted(self.own))
        if self.own:
            self._some.set()
        else:
            self._some.clear()

    def home(self) -> int:
        """Return the shard that the next run of this process is born into; raise `NotReadyError` if it owns none."""
        shard = next(self._turns, None)
        if shard is None:
            raise NotReadyError("This process owns no part of the runs yet.", hint="Ask again in a moment.")
        return shard

    def require(self, shard: int, run: str) -> None:
        """Raise `ElsewhereError` unless what is asked of a run in this shard may be done here."""
        if shard not in self.own and shard not in self.leaving:
            raise ElsewhereError(f"Another process leads run {run}.", hint="Ask again in a moment.")

    async def ready(self) -> None:
        """Return once this process owns shards; raise `NotReadyError` if that lasts too long."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._some.wait()
        except TimeoutError:
            self.home()
