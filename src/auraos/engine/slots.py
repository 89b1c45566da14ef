"""Slots: how many attempts run at the same time, in all and in each pool, and whose turn is next.

What a step takes of pools names the line that it stands in: `erp` is one unit of a pool, `cpu:2 erp` three of two. It gets
all of it or nothing. The machine decides whether a run still wants a slot that opened for it; one that is not taken goes to
the next.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from auraos.engine.stewardship import Pool
from auraos.engine.turns import Queue, Waiting

Demand: TypeAlias = tuple[tuple[str, int], ...]


class Slots:
    """The slots of this process. A pool without a limit is bounded by the whole alone."""

    def __init__(
        self,
        parallel: int,
        pools: Mapping[str, int] | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.free = self._parallel = parallel
        self.is_open = True
        self._limits = dict(pools or {})
        self._pools = dict(pools or {})
        self._demands: dict[str, Demand] = {"": ()}
        self._queues: dict[str, Queue] = {}
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._order = itertools.count()
        self._now = now

    @property
    def is_wanted(self) -> bool:
        """Return whether somebody stands in line."""
        return bool(self._queues)

    def pools(self) -> dict[str, Pool]:
        """Return how it stands with each pool; "" is the whole."""
        waiting = dict.fromkeys(self._limits, 0)
        for line, queue in self._queues.items():
            for pool in (part.partition(":")[0] for part in line.split()):
                waiting[pool] = waiting.get(pool, 0) + len(queue)
        whole = Pool(
            limit=self._parallel,
            free=max(0, self.free),
            waiting=len(self._queues[""]) if "" in self._queues else 0,
        )
        named = {
            pool: Pool(
                limit=self._limits.get(pool), free=max(0, self._pools.get(pool, self.free)), waiting=count
            )
            for pool, count in waiting.items()
        }
        return {"": whole, **named}

    def take(self, line: str) -> bool:
        """Take a slot if there is one, and nobody waits for any of it."""
        if not self.is_open or self.free <= 0 or line in self._queues:
            return False
        demand = self._demand(line)
        if demand and (not self._fits(demand) or self._is_contested(demand)):
            return False
        self._take(demand)
        return True

    def offer(self) -> int:
        """Return how many slots steps of no pool may take at once, without standing in line."""
        return self.free if self.is_open and self.free > 0 and "" not in self._queues else 0

    def take_anyway(self, line: str) -> None:
        """Take a slot that somebody holds by right already, even beyond the limit."""
        self._take(self._demand(line))

    def give_back(self, line: str) -> None:
        """Free a slot."""
        self.free += 1
        for pool, units in self._demand(line):
            self._pools[pool] += units

    def wait(self, run: str, path: str, line: str, priority: int, workspace: str = "") -> bool:
        """Stand in line; return whether it may be somebody's turn already, which `next` tells."""
        if (run, path) in self._waiting:
            return False
        waiting = Waiting(next(self._order), run, path, line, workspace, priority)
        self._waiting[run, path] = waiting
        queue = self._queues.get(line)
        if queue is None:
            queue = self._queues[line] = Queue()
        queue.add(waiting, self._now())
        return self.free > 0 and self._fits(self._demand(line))

    def leave(self, run: str, paths: Iterable[str]) -> None:
        """Let somebody leave the line who wants nothing any more."""
        for path in paths:
            waiting = self._waiting.pop((run, path), None)
            if waiting is None:
                continue
            queue = self._queues[waiting.line]
            queue.remove(waiting)
            if not queue:
                del self._queues[waiting.line]

    def next(self) -> tuple[Waiting, str] | None:
        """Take a slot for whoever's turn it is; None when there is no slot or nobody can have one."""
        if not self.is_open or self.free <= 0 or not self._queues:
            return None
        line = next(iter(self._queues)) if len(self._queues) == 1 else self._next_line()
        if line is None:
            return None
        queue, demand = self._queues[line], self._demand(line)
        queue.rise(self._now())
        if not self._fits(demand):
            return None
        self._take(demand)
        waiting = queue.pop()
        del self._waiting[waiting.run, waiting.path]
        if not queue:
            del self._queues[line]
        return waiting, line

    def ahead(self, run: str, path: str) -> int | None:
        """Return how many stand in line before this activation; None when it does not wait for a slot."""
        waiting = self._waiting.get((run, path))
        return None if waiting is None else self._queues[waiting.line].ahead(waiting)

    def explain(self, run: str, path: str) -> str:
        """Return in words how far an activation is from its slot; empty when it does not wait for one."""
        waiting = self._waiting.get((run, path))
        if waiting is None:
            return ""
        demand = self._demand(waiting.line)
        told = [
            f"{limit - max(0, self._pools[pool])} of {limit} of pool {pool} are taken"
            + (f" and it wants {units}" if units > 1 else "")
            for pool, units in demand
            if (limit := self._limits[pool])
        ]
        if not told:
            told = [f"{self._parallel - max(0, self.free)} of {self._parallel} slots are taken"]
        too_much = [pool for pool, units in demand if units > self._limits[pool]]
        if too_much:
            return f"{', '.join(told)}: pool {too_much[0]} never has so many."
        return f"{', '.join(told)}, {self._queues[waiting.line].ahead(waiting)} ahead"

    # --- inside ---

    def _next_line(self) -> str | None:
        """Return the line whose first one is next. What those before it still lack is kept for them, so that who wants much
        gets it in the end.
        """
        now, kept = self._now(), set[str]()
        for queue in self._queues.values():
            queue.rise(now)
        firsts = sorted(
            (-first.level, first.order, line)
            for line, queue in self._queues.items()
            for first in (queue.first,)
        )
        for _, _, line in firsts:
            demand = self._demand(line)
            if self._fits(demand) and not any(pool in kept for pool, _ in demand):
                return line
            if all(units <= self._limits[pool] for pool, units in demand):
                kept.update(pool for pool, _ in demand)
        return None

    def _demand(self, line: str) -> Demand:
        """Return what a line takes of pools that have a limit."""
        demand = self._demands.get(line)
        if demand is None:
            wanted = [
                (pool, int(units or 1)) for pool, _, units in (part.partition(":") for part in line.split())
            ]
            demand = tuple((pool, units) for pool, units in wanted if pool in self._limits)
            self._demands[line] = demand
        return demand

    def _fits(self, demand: Demand) -> bool:
        return all(self._pools[pool] >= units for pool, units in demand)

    def _is_contested(self, demand: Demand) -> bool:
        wanted = {pool for pool, _ in demand}
        return any(pool in wanted for line in self._queues for pool, _ in self._demand(line))

    def _take(self, demand: Demand) -> None:
        self.free -= 1
        for pool, units in demand:
            self._pools[pool] -= units
