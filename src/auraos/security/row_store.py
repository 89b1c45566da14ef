"""`RowStore`: what the services of this floor need of a store. A struct is a row, and a change is a few rows at once.

Nobody locks anything: a change says what each row was, and is made only while all of them still are.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from auraos.core.audit import Entry

R = TypeVar("R", bound=msgspec.Struct)


class Add(msgspec.Struct, frozen=True):
    """A new row; it does not hold where another one has its key or name."""

    row: Any


class Replace(msgspec.Struct, frozen=True):
    """Another state of a row; it does not hold where a field that changes is not as it was before."""

    before: Any
    after: Any


class Remove(msgspec.Struct, frozen=True):
    """A row that goes; it does not hold where it is gone already."""

    row: Any


class Clear(msgspec.Struct, frozen=True):
    """All rows of a kind with these values go, if there are any; `until` takes those whose `ends_at` is over by then."""

    kind: type[msgspec.Struct]
    by: dict[str, str | int] = {}
    until: int | None = None


class OwnerStays(msgspec.Struct, frozen=True):
    """It holds where, after all other writes, somebody who may come in owns the installation; two such changes never mix."""


class AtMost(msgspec.Struct, frozen=True):
    """It holds where, after all other writes, a workspace has no more rows of a kind than this; two such changes never mix."""

    kind: type[msgspec.Struct]
    workspace: str
    most: int


Write: TypeAlias = Add | Replace | Remove | Clear | OwnerStays | AtMost


class RowStore(Protocol):
    """Keeps rows."""

    async def one(self, kind: type[R], **by: str | int) -> R | None:
        """Return the row with these values, None where there is none."""
        ...

    async def all(
        self,
        kind: type[R],
        *,
        order: str = "",
        after: str = "",
        limit: int = 0,
        **by: str | int | Collection[str],
    ) -> Sequence[R]:
        """Return the rows with these values, by their key or by another field; a page of them after one of its values."""
        ...

    async def save(self, writes: Sequence[Write], entries: Sequence[Entry] = ()) -> Write | None:
        """Make a change with what the audit trail says of it, all or nothing; return what did not hold, None when it was made."""
        ...
