"""Which runs this process owns: all runs are divided into shards, and each shard has one owner at a time."""

import itertools
from collections.abc import Collection, Iterator

from auraos.engine.ports import ALL_SHARDS


class Shards:
    """The shards of this process."""

    def __init__(self, own: Collection[int] = ALL_SHARDS) -> None:
        self.own: frozenset[int] = frozenset()
        self._turns: Iterator[int] = iter(())
        self.hold(own)

    def hold(self, own: Collection[int]) -> None:
        """Own these from now on, and no others."""
        self.own = frozenset(own)
        self._turns = itertools.cycle(sorted(self.own))

    def home(self) -> int:
        """Return the shard that the next run of this process is born into."""
        return next(self._turns, 0)
