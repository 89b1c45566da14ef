"""Reading: a few read-only connections on threads of their own, each query cut off when it takes too long.

A reader that stays open keeps the write-ahead log from being folded in, and the log grows as long as it
reads.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from auraos.engine.process import begun_threads
from auraos.storage.reads import LONGEST_READ, ReadFailedError, ReadTooLongError

_CHECK_EVERY = 20_000  # steps of SQLite's machine, some tenths of a millisecond

T = TypeVar("T")


class Readers:
    """Read-only connections, one a thread."""

    def __init__(
        self, file: Path, *, threads: int = 2, longest: float = LONGEST_READ, immutable: bool = False
    ) -> None:
        self._file = file
        self._uri = f"{file.as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
        self._longest = longest
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._threads = begun_threads(threads, "store-reader")

    async def all(self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]) -> list[T]:
        """Return what a query finds, each row as data."""
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._threads, self._read, sql, parameters)
        return [make(row) for row in rows]

    def glance(self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]) -> T | None:
        """Return what one key finds, read here and now: some microseconds, where a thread that is asked takes ten times that."""
        rows = self._read(sql, parameters)
        return make(rows[0]) if rows else None

    def close(self) -> None:
        """Wait for running queries and let go of the file."""
        self._threads.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def _read(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            connection = self._connection()
            self._own.until = time.monotonic() + self._longest
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if "interrupted" in str(error):
                raise ReadTooLongError(
                    f"A query took longer than {self._longest:g} s and was cut off."
                ) from error
            raise ReadFailedError(f"{self._file} could not be read: {error}.") from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._uri,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=5,
            )
            connection.execute("pragma query_only=on")
            own = self._own
            connection.set_progress_handler(lambda: int(time.monotonic() > own.until), _CHECK_EVERY)
            self._own.connection = connection
            self._opened.append(connection)
        return connection
