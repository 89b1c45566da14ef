"""The tables of what people keep, in the file of the runs: changed by its one writer, read by readers of their own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from auraos.security.audit.parts import AnyEntry
from auraos.storage.sqlite.readers import Readers
from auraos.storage.sqlite.writer import Writer
from auraos.storage.tables.statement import Dialect, Statement

T = TypeVar("T")


class SqliteTables:
    """The tables of one file. Its readers are its own, so that a long search holds no run up."""

    dialect: Dialect = "sqlite"

    def __init__(self, file: Path, writer: Writer) -> None:
        self._writer = writer
        self._readers = Readers(file)

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]:
        """Return what a query finds, each row as data."""
        return await self._readers.all(sql, parameters, make, page=page)

    async def one(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the first that a query finds, or None."""
        found = await self._readers.all(sql, parameters, make)
        return found[0] if found else None

    async def glance(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the row of one key, or None."""
        return self._readers.glance(sql, parameters, make)

    async def change(self, statements: Sequence[Statement], entries: Sequence[AnyEntry] = ()) -> None:
        """Make a change durable, with what the audit trail says of it."""
        await self._writer.change(statements, entries)

    async def scrub(self, tables: Sequence[str]) -> None:  # noqa: ARG002 (what is deleted is overwritten in the file at once)
        """Bring the file up to the log, and empty the log: earlier states of pages stand there."""
        await self._writer.scrub()

    def close(self) -> None:
        """Wait for running queries, and let go of the file."""
        self._readers.close()
