"""Looking at a database without writing to it: in a folder that may not be written, or before it is trusted."""

import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from auraos.engine.ports import StoreUnavailableError, Told, Write
from auraos.storage.sqlite.opening import check_database, damaged
from auraos.storage.sqlite.readers import Readers
from auraos.storage.sqlite.store import SqliteStore
from auraos.storage.tables.looked_at import LookedAtTables

_OPEN_WORK = (
    "select exists(select 1 from runs where finished_at is null) or exists(select 1 from timers)"
    " or exists(select 1 from requests) or exists(select 1 from subscriptions)"
)


_COUNT = "select count(*), count(*) filter (where finished_at is null) from runs"


class LookingStore(SqliteStore):
    """The store of a folder that may not be written. It holds no lock, and shows what was folded into the file."""

    def __init__(self, reader: Readers) -> None:
        self._reader = reader
        self.looked_at = LookedAtTables(reader, "sqlite")

    @property
    def pace(self) -> float:
        return math.inf

    def submit(self, writes: Sequence[Write], told: Told) -> None:  # noqa: ARG002 (as in the port)
        """Refuse to write."""
        raise StoreUnavailableError("This data folder is open for looking only.")

    async def close(self) -> None:
        """Let go of the file."""
        self._reader.close()


def open_for_looking(file: Path) -> LookingStore:
    """Open a database that cannot be written, if it is a sound one of ours."""
    file = file.absolute()
    immutable = not _has_log(file)
    check_database(file, immutable=immutable)
    return LookingStore(Readers(file, immutable=immutable))


def has_open_work(file: Path) -> bool:
    """Return whether something in this database would go on by itself: a run, a timer, a request, a wait for an event."""
    try:
        connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
        try:
            return bool(connection.execute(_OPEN_WORK).fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"{file} cannot be read: {error}.") from error


def look_through(file: Path) -> tuple[int, int]:
    """Check every page of a database that nobody has open; return how many runs it has, and how many of them are not over."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            (found,) = connection.execute("pragma quick_check(1)").fetchone()
            if found == "ok":
                runs, unfinished = connection.execute(_COUNT).fetchone()
                return runs, unfinished
    except sqlite3.Error as error:
        raise damaged(file, f"reading it failed ({error})") from error
    raise damaged(file, f"its pages do not fit together ({' '.join(found.split())})")


def _has_log(file: Path) -> bool:
    """Return whether the last process left a log that was not folded into the file; SQLite reads both then."""
    log = file.with_name(file.name + "-wal")
    return log.exists() and log.stat().st_size > 0
