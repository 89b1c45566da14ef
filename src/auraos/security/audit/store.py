"""What the audit trail needs of a store: entries by filters and in order, checkpoints, and the head of the chain."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from auraos.core.audit import Entry
from auraos.security.audit.chain import Kept

Part: TypeAlias = Literal["told", "origin"]
"""A part of an entry that can be erased: what it tells beside its facts, or from where somebody acted."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the chain: the number of the last entry and its hash; and up to which one entries were deleted."""

    seq: int
    hash: str
    floor: int = 0


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A head of the chain that was signed."""

    seq: int
    hash: str
    at: int
    installation: str
    """The key in the marker of the data folder, or of the database."""
    key_id: str
    signature: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted; what is empty does not matter."""

    workspace: str | None = None
    """None for those of all workspaces and of the installation; empty for those of the installation."""
    actor: str = ""
    action: str = ""
    """As in `secrets.replace`, or `secrets.*` for all of a noun."""
    object: str = ""
    """As in `secret/mailer`, or `secret/*` for all of a kind."""
    outcome: str = ""
    since: int | None = None
    until: int | None = None
    text: str = ""
    """What stands somewhere in it, in small or capital letters."""
    last: int | None = None
    """The number after which none is wanted."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was done, by whom and with which outcome."""

    actor: str
    action: str
    outcome: str
    count: int


class AuditStore(Protocol):
    """Keeps the audit trail."""

    async def head(self) -> Head:
        """Return the end of the chain."""
        ...

    async def newest(self, wanted: Filter, *, before: int | None, limit: int) -> Sequence[Kept]:
        """Return entries, the newest first, from before a number on."""
        ...

    async def oldest(self, wanted: Filter, *, after: int, limit: int) -> Sequence[Kept]:
        """Return entries in order, from after a number on."""
        ...

    async def one(self, seq: int) -> Kept | None:
        """Return one entry."""
        ...

    async def tally(self, wanted: Filter) -> Sequence[Tally]:
        """Return how often what was done, by whom."""
        ...

    async def names(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of people by their ids, as they are now; of those who are not there any more, nothing."""
        ...

    async def ids(self, name: str) -> Sequence[str]:
        """Return the ids of the person and the service accounts of this name."""
        ...

    async def checkpoints(self, *, after: int = 0, limit: int = 1000) -> Sequence[Checkpoint]:
        """Return the signed heads in order, from after a number on."""
        ...

    async def last_checkpoint(self, *, until: int | None = None) -> Checkpoint | None:
        """Return the last signed head, at or before a number."""
        ...

    async def add_checkpoint(self, made: Checkpoint) -> bool:
        """Keep a signed head; return whether there was none of its number."""
        ...

    async def tell(self, *entries: Entry) -> None:
        """Add entries."""
        ...

    async def erase(self, entries: Sequence[Kept], part: Part, entry: Entry) -> None:
        """Let digests take the place of a part of entries, and tell of it."""
        ...

    async def raise_floor(self, checkpoint: Checkpoint, entry: Entry) -> None:
        """Let entries up to a checkpoint go, and tell of it; `clear` then deletes them."""
        ...

    async def clear(self, *, most: int) -> int:
        """Delete some of the entries up to the floor; return of how many."""
        ...


async def in_order(
    store: AuditStore, wanted: Filter, after: int = 0, page: int = 1000
) -> AsyncIterator[Kept]:
    """Yield entries in order, never more than a page of them in memory."""
    while found := await store.oldest(wanted, after=after, limit=page):
        for kept in found:
            yield kept
        after = found[-1].seq
