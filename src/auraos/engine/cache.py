"""What the engine needs of a store for the outputs of steps that may be used again."""

from typing import Protocol

import msgspec


class CacheRow(msgspec.Struct, frozen=True):
    """An output that may be used again until a wall-clock time, in microseconds since 1970. A row of the same key goes."""

    key: str
    expires: int
    value: bytes


class OutputCache(Protocol):
    """Outputs by workspace and key, as they were written with the facts that brought them."""

    async def cached(self, workspace: str, key: str, now: int) -> bytes | None:
        """Return the output under a key, unless there is none or its time is over."""
        ...

    async def has_expired(self, now: int) -> bool:
        """Return whether there are outputs whose time is over."""
        ...
