"""The way of writes to the store: those of one turn of the loop go together, and the pressure that they make is watched."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from auraos.engine.active import ActiveRun
from auraos.engine.ports import Store, Write
from auraos.engine.pressure import Pressure
from auraos.engine.shards import UNSURE, Shards

LOOKED_AT = 8
"""Every so many writes it is looked at how long they have gathered."""

Outcomes: TypeAlias = Sequence[BaseException | None] | None


class Outbox:
    """Writes that are about to be sent off, and those that were and are not told of yet."""

    def __init__(
        self,
        store: Store,
        monotonic: Callable[[], float],
        shards: Shards,
        *,
        told: Callable[[Sequence[ActiveRun], Outcomes], None],
        strained: Callable[[bool], None],
        took: Callable[[float], None],
    ) -> None:
        self.pressure = Pressure(monotonic, took=took)
        self._store = store
        self._monotonic = monotonic
        self._shards = shards
        self._told = told
        self._strained = strained
        """Hears that the pressure became too high, and that it is no longer."""
        self._is_strained = False
        self._monotonic = monotonic
        self._posting: asyncio.Handle | None = None
        self._gathered: list[tuple[ActiveRun, Write]] = []
        self._since = 0.0
        """When the first of those that gathered came."""
        self._sent = 0

    @property
    def unwritten(self) -> int:
        """Return how many writes are not known to be durable."""
        return self._sent + len(self._gathered)

    @property
    def is_empty(self) -> bool:
        return self.unwritten == 0

    def put(self, run: ActiveRun, write: Write) -> None:
        """Let a write go with the others of this turn: many on one way share the cost of telling. In a turn that lasts long,
        those go ahead that gathered for the time of a commit: the store need not stand still until the turn is over.
        """
        gathered = self._gathered
        gathered.append((run, write))
        if self._posting is None:
            self._posting = asyncio.get_running_loop().call_soon(self.post)
        if len(gathered) == 1:
            self._since = self._monotonic()
        elif not len(gathered) % LOOKED_AT and self._monotonic() - self._since > self._store.pace:
            self._send()

    def post(self) -> None:
        """Send off what gathered in this turn."""
        self._posting = None
        self._send()

    def _send(self) -> None:
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        self._sent += len(gathered)
        number = self.pressure.send(sum(len(write.facts) + write.size for _, write in gathered))
        self._watch()
        runs = [run for run, _ in gathered]
        self._store.submit([write for _, write in gathered], partial(self._arrived, number, runs))

    def _arrived(self, number: int, runs: Sequence[ActiveRun], outcomes: Outcomes) -> None:
        """Tell what became of writes. What follows from them begins only while this process is sure that it owns what it did:
        one that stood still finds out first whether others have taken over.
        """
        if self._monotonic() >= self._shards.sure_until and (outcomes is None or None in outcomes):
            asyncio.get_running_loop().call_later(UNSURE, self._arrived, number, runs, outcomes)
            return
        self._sent -= len(runs)
        self.pressure.arrive(number)
        self._watch()
        self._told(runs, outcomes)

    def _watch(self) -> None:
        is_high = self.pressure.is_high
        if is_high is not self._is_strained:
            self._is_strained = is_high
            self._strained(is_high)
