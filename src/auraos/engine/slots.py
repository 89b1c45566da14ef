"""Slots: how many attempts run at the same time, in all and in each pool, and whose turn is next.

What a step takes of pools names the line that it stands in: `erp` is one unit of a pool, `cpu:2 erp` three of two. It gets
all of it or nothing. The machine decides whether a run still wants a slot that opened for it; one that is not taken goes to
the next. Where processes share the pools, each uses what it was allotted (`share`, `allot`).
"""

import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from auraos.engine.stewardship import Pool
from auraos.engine.turns import Queue, Waiting

Demand: TypeAlias = tuple[tuple[str, int], ...]

UNTIMED = 300
"""For so many seconds a step without a time-out is believed to go on when its process has fallen silent."""
REMEMBERED = 60.0
"""For so many seconds after the last step of a pool it is remembered how long one may last."""


class Wanting(NamedTuple):
    """A line that waits: what each in it takes of pools, how many there are, and which one is first."""

    line: str
    demand: Demand
    waiting: int
    first: int
    level: int


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
        self.are_shared = False
        """Whether other processes share the pools."""
        self._limits = dict(pools or {})
        self._pools = dict(pools or {})
        self._allotted = dict(self._limits)
        self._elsewhere = dict.fromkeys(self._limits, 0)
        self._watched: frozenset[str] = frozenset()
        self._stir: Callable[[], None] | None = None
        self._longest: dict[str, int] = {}
        self._wanted_at: dict[str, float] = {}
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
            pool: Pool(limit=self._limits.get(pool), free=self._free_of(pool), waiting=count)
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
            if self._stir is not None and pool in self._watched:
                self._stir()

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
        if self.free <= 0:
            return False
        fits = self._fits(self._demand(line))
        if not fits:
            self._lack()
        return fits

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
            self._lack()
            return None
        queue, demand = self._queues[line], self._demand(line)
        queue.rise(self._now())
        if not self._fits(demand):
            self._lack()
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
            f"{self._limits[pool] - self._free_of(pool)} of {self._limits[pool]} of pool {pool} are taken"
            + (f", {elsewhere} of them by other processes," if (elsewhere := self._elsewhere[pool]) else "")
            + (f" and it wants {units}" if units > 1 else "")
            for pool, units in demand
            if self._limits[pool]
        ]
        if not told:
            told = [f"{self._parallel - max(0, self.free)} of {self._parallel} slots are taken"]
        too_much = [pool for pool, units in demand if units > self._limits[pool]]
        if too_much:
            return f"{', '.join(told)}: pool {too_much[0]} never has so many."
        return f"{', '.join(told)}, {self._queues[waiting.line].ahead(waiting)} ahead"

    # --- pools that processes share ---

    def share(self, stir: Callable[[], None]) -> None:
        """Use no more of each pool than is allotted, at first nothing. `stir` hears when that is too little for those who wait,
        and when units are free of a pool that is watched.
        """
        self._stir, self.are_shared = stir, True
        for pool, limit in self._limits.items():
            self.allot(pool, 0, limit=limit)

    def allot(self, pool: str, units: int, *, limit: int, elsewhere: int = 0) -> None:
        """Use up to so many units from now on. `limit` is what holds for all processes, `elsewhere` what the others have."""
        self._pools[pool] += units - self._allotted[pool]
        self._allotted[pool] = units
        self._limits[pool] = limit
        self._elsewhere[pool] = elsewhere

    def watch(self, pools: Iterable[str]) -> None:
        """Stir whenever units of these pools are given back."""
        self._watched = frozenset(pools)

    def held(self, pool: str) -> int:
        """Return how many units of a pool are in use here."""
        return self._allotted[pool] - self._pools[pool]

    def limit(self, pool: str) -> int:
        """Return how many units of a pool there are in all processes."""
        return self._limits[pool]

    def allotted(self, pool: str) -> int:
        """Return how many units of a pool may be used here."""
        return self._allotted[pool]

    def wanting(self) -> list[Wanting]:
        """Return the lines that wait for pools with a limit, as far as there are slots for those in them."""
        if not self.is_open or self.free <= 0:
            return []
        lines = [(line, self._demand(line), queue) for line, queue in self._queues.items()]
        return [
            Wanting(line, demand, min(len(queue), self.free), queue.first.order, queue.first.level)
            for line, demand, queue in lines
            if demand
        ]

    def cover(self, line: str, longest: float | None) -> None:
        """Hear for how many seconds an attempt may go on that is about to wait for shared pools, None for nobody knows. Nothing
        begins in a pool before the others know how long what is under way there may last.
        """
        if self._stir is None:
            return
        bound = UNTIMED if longest is None else math.ceil(longest)
        for pool, _ in self._demand(line):
            self._wanted_at[pool] = self._now()
            if bound > self._longest.get(pool, 0):
                self._longest[pool] = bound
                self._close(pool)
                self._stir()

    def longest(self, pool: str) -> int:
        """Return for how many seconds at most an attempt may go on that is under way in a pool, or waits for it."""
        since = self._now() - self._wanted_at.get(pool, 0.0)
        if since > REMEMBERED and not self.held(pool) and not self._is_contested(((pool, 1),)):
            self._longest.pop(pool, None)
        return self._longest.get(pool, 0)

    # --- inside ---

    def _close(self, pool: str) -> None:
        """Use nothing of a pool but what is held, until more is allotted."""
        free = max(0, self._pools[pool])
        self._pools[pool] -= free
        self._allotted[pool] -= free

    def _lack(self) -> None:
        if self._stir is not None:
            self._stir()

    def _free_of(self, pool: str) -> int:
        """Return how many units of a pool are free, in all processes."""
        if pool not in self._pools:
            return max(0, self.free)
        return max(0, self._limits[pool] - self._elsewhere[pool] - self.held(pool))

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
