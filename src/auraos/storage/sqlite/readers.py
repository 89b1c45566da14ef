"""Reading: a few read-only connections on threads of their own, each query cut off when it takes too long.

A reader that stays open keeps the write-ahead log from being folded in, and the log grows as long as it
reads.

Python lets go of its interpreter lock for each row that SQLite finds, and takes it again. Two threads that read a thousand
rows each, and the loop beside them, spend more time on handing that lock over than on reading. So the rows of a page come as one
text, in one call, a line for each; and a small page is read on the loop itself, for a thread would have to be woken first.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from auraos.engine.process import begun_threads
from auraos.engine.slices import in_slices
from auraos.storage.reads import LONGEST_READ, ReadFailedError, ReadTooLongError

LONGEST_HERE = 0.002
"""For so many seconds the loop reads a small page itself; what takes longer is read by a thread."""
SMALL = 128
"""So many rows are a small page."""
_CHECK_EVERY = 20_000  # steps of SQLite's machine, some tenths of a millisecond
_CHECK_HERE = 1_000

MOST_PACKED = 200

T = TypeVar("T")
Pack: TypeAlias = Callable[[sqlite3.Connection, str, tuple[Any, ...]], str]
_decode = msgspec.json.Decoder(list[Any]).decode


class Readers:
    """Read-only connections, one a thread, and one for the loop."""

    def __init__(
        self, file: Path, *, threads: int = 2, longest: float = LONGEST_READ, immutable: bool = False
    ) -> None:
        self._file = file
        self._uri = f"{file.as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
        self._longest = longest
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._packed: dict[str, str] = {}
        """Queries that bring their rows as one text, by the query that is meant."""
        self._threads = begun_threads(threads, "store-reader")

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]:
        """Return what a query finds, each row as data. `page` says that it finds so many at most, by an index, and in each row no
        more than some short texts and whole numbers.
        """
        loop = asyncio.get_running_loop()
        if not page:
            rows = await loop.run_in_executor(self._threads, self._read, sql, parameters, self._longest)
            return await in_slices(make, rows)
        if page <= SMALL:
            try:
                return [make(_decode(line)) for line in self._read_page(sql, parameters, LONGEST_HERE)]
            except ReadTooLongError:
                pass  # much is passed over, or comes from the disk: nobody else is to wait for it
        lines = await loop.run_in_executor(self._threads, self._read_page, sql, parameters, self._longest)
        return await in_slices(lambda line: make(_decode(line)), lines)

    def glance(self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]) -> T | None:
        """Return what one key finds, read here and now: some microseconds, where a thread that is asked takes ten times that."""
        rows = self._read(sql, parameters, self._longest)
        return make(rows[0]) if rows else None

    def close(self) -> None:
        """Wait for running queries and let go of the file."""
        self._threads.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def _read_page(self, sql: str, parameters: tuple[Any, ...], longest: float) -> Sequence[str]:
        """Return what a query finds, each row as an array of JSON."""
        ((text,),) = self._read(sql, parameters, longest, pack=self._packed_of)
        return text.split("\n") if text else ()

    def _read(
        self, sql: str, parameters: tuple[Any, ...], longest: float, pack: Pack | None = None
    ) -> list[tuple[Any, ...]]:
        try:
            connection = self._connection()
            self._own.until = time.monotonic() + longest
            if pack is not None:
                sql = pack(connection, sql, parameters)
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if "interrupted" in str(error):
                raise ReadTooLongError(f"A query took longer than {longest:g} s and was cut off.") from error
            raise ReadFailedError(f"{self._file} could not be read: {error}.") from error

    def _packed_of(self, connection: sqlite3.Connection, sql: str, parameters: tuple[Any, ...]) -> str:
        """Return the query that brings what this one finds as one text."""
        packed = self._packed.get(sql)
        if packed is None:
            columns = connection.execute(f"select * from ({sql}) limit 0", parameters).description  # noqa: S608
            names = ", ".join(f"c{place}" for place in range(len(columns)))
            if len(self._packed) >= MOST_PACKED:
                self._packed.clear()
            packed = self._packed[sql] = (
                f"with found({names}) as ({sql})"  # noqa: S608 (nothing in it comes from outside)
                f" select group_concat(json_array({names}), char(10)) from found"
            )
        return packed

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
            on_loop = threading.current_thread() is threading.main_thread()
            check_every = _CHECK_HERE if on_loop else _CHECK_EVERY
            connection.set_progress_handler(lambda: int(time.monotonic() > own.until), check_every)
            self._own.connection = connection
            self._opened.append(connection)
        return connection
