"""Tables of a database that may not, or is not to be, changed."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from auraos.core.errors import UnexpectedError
from auraos.security.audit.parts import AnyEntry
from auraos.storage.tables.statement import Dialect, Statement

T = TypeVar("T")


class Reading(Protocol):
    """What reads a database."""

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]: ...


class LookedAtTables:
    """Tables that are only looked at."""

    def __init__(self, readers: Reading, dialect: Dialect) -> None:
        self._readers = readers
        self.dialect = dialect

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]:
        """Return what a query finds."""
        return await self._readers.all(sql, parameters, make, page=page)

    async def one(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the first that a query finds, or None."""
        found = await self.all(sql, parameters, make)
        return found[0] if found else None

    async def glance(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the row of a key, or None."""
        return await self.one(sql, parameters, make)

    async def change(self, statements: Sequence[Statement], entries: Sequence[AnyEntry] = ()) -> None:
        """Refuse to change anything."""
        raise UnexpectedError(
            f"{len(statements) + len(entries)} changes were asked of tables that are only looked at."
        )

    async def scrub(self, tables: Sequence[str]) -> None:
        """Refuse to clean anything."""
        raise UnexpectedError(f"{len(tables)} tables of tables that are only looked at were to be cleaned.")
