"""Slots: how many attempts run at the same time, in all and in each pool, and whose turn is next.

Higher priority goes first, then who waited longest. The machine decides whether a run still wants a slot that
opened for it; one that is not taken goes to the next.
"""

import heapq
import itertools
from collections.abc import Mapping
from typing import NamedTuple

from auraos.engine.stewardship import Pool


class Waiting(NamedTuple):
    """An activation that waits for a slot, in the order of turns."""

    rank: int
    order: int
    run: str
    path: str


class Slots:
    """The slots of this process. A pool without a limit is bounded by the whole alone."""

    def __init__(self, parallel: int, pools: Mapping[str, int] | None = None) -> None:
        self.free = self._parallel = parallel
        self._limits = dict(pools or {})
        self._pools = dict(pools or {})
        self._queues: dict[str, list[Waiting]] = {}
        self._order = itertools.count()
        self.is_open = True

    @property
    def is_wanted(self) -> bool:
        """Return whether somebody stands in line."""
        return bool(self._queues)

    def pools(self) -> dict[str, Pool]:
        """Return how it stands with each pool; "" is the whole."""
        waiting = {pool: len(queue) for pool, queue in self._queues.items()}
        whole = Pool(limit=self._parallel, free=max(0, self.free), waiting=waiting.get("", 0))
        named = {
            pool: Pool(
                limit=self._limits.get(pool),
                free=self._pools.get(pool, self.free),
                waiting=waiting.get(pool, 0),
            )
            for pool in {*self._limits, *waiting} - {""}
        }
        return {"": whole, **named}

    def take(self, pool: str) -> bool:
        """Take a slot if one is free and nobody of the same pool waits for it."""
        if not self.is_open or self.free <= 0 or self._queues.get(pool):
            return False
        return self._take(pool)

    def offer(self) -> int:
        """Return how many slots steps of no pool may take at once, without standing in line."""
        return self.free if self.is_open and self.free > 0 and not self._queues else 0

    def take_anyway(self, pool: str) -> None:
        """Take a slot that somebody holds by right already, even beyond the limit."""
        self.free -= 1
        if pool in self._pools:
            self._pools[pool] -= 1

    def give_back(self, pool: str) -> None:
        """Free a slot."""
        self.free += 1
        if pool in self._pools:
            self._pools[pool] += 1

    def wait(self, run: str, path: str, pool: str, priority: int) -> None:
        """Stand in line."""
        heapq.heappush(self._queues.setdefault(pool, []), Waiting(-priority, next(self._order), run, path))

    def next(self) -> tuple[Waiting, str] | None:
        """Take a slot for whoever's turn it is; None when there is no slot or nobody waits."""
        if not self.is_open or self.free <= 0:
            return None
        best: str | None = None
        for pool, queue in self._queues.items():
            if queue and self._pools.get(pool, 1) > 0 and (best is None or queue[0] < self._queues[best][0]):
                best = pool
        if best is None:
            return None
        self._take(best)
        waiting = heapq.heappop(self._queues[best])
        if not self._queues[best]:
            del self._queues[best]
        return waiting, best

    def ahead(self, run: str, path: str) -> int | None:
        """Return how many stand in line before this activation; None when it does not wait for a slot."""
        for queue in self._queues.values():
            line = sorted(queue)
            for place, waiting in enumerate(line):
                if (waiting.run, waiting.path) == (run, path):
                    return place
        return None

    def _take(self, pool: str) -> bool:
        limit = self._pools.get(pool)
        if limit is not None:
            if limit <= 0:
                return False
            self._pools[pool] = limit - 1
        self.free -= 1
        return True
