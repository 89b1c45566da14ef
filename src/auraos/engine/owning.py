"""The rows that say which process owns which shards, as the engine needs them of a store that several processes share."""

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """A process that owns shards, as the store knows it."""

    token: str
    host: str = ""
    process: int = 0
    boot: str = ""
    """Which start of its machine it belongs to: what an earlier one owned is free at once."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns which shards, at one moment of the store's own clock."""

    owners: Mapping[str, Owner]
    """By token."""
    silence: Mapping[str, float]
    """token → for how many seconds nothing was heard of that owner."""
    shards: Mapping[int, str]
    """shard → token of its owner; a free one is missing."""


class Ownership(Protocol):
    """The rows that say which process owns which shards. A commit of a process whose row is gone is refused as fenced.

    It is used from a thread of its own, so that a busy event loop neither loses nor falsely keeps what it owns.
    """

    async def join(self, owner: Owner) -> None:
        """Write the row of a process that owns nothing yet."""
        ...

    async def beat(self, token: str) -> Standing:
        """Say that this process lives; raise `FencedError` if its row is gone."""
        ...

    async def take(
        self, token: str, shards: Collection[int], *, lease: float, void: Collection[str] = ()
    ) -> list[int]:
        """Take shards that are free or belong to an owner that was silent for a lease, or that is named as void.

        The rows of such owners go first, so that nothing of theirs is written after this returns. Returns what was taken.
        """
        ...

    async def hand_over(self, token: str, shards: Collection[int], to: str = "") -> None:
        """Give shards to another owner, or set them free."""
        ...

    async def leave(self, token: str) -> None:
        """Set all shards of this process free, and remove its row."""
        ...

    async def close(self) -> None: ...
