"""A whole copy of the database as of one moment, made slice by slice on the writer's connection while it goes on writing.

SQLite carries what the same connection writes meanwhile over into the copy, so the copy is as of the moment when its last
slice was taken, and no reader holds the write-ahead log back.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from auraos.core.errors import OperationalError
from auraos.engine.ports import StoreUnavailableError

SLICE_PAGES = 256
_TRIES, _PAUSE = 100, 0.05


class CopyFailedError(OperationalError):
    """The database could not be copied; what was written of the copy is gone."""

    code = "copy-failed"


class Copy(NamedTuple):
    """A copy that is wanted, and who hears that it is there."""

    file: Path
    done: "asyncio.Future[None]"


class Scrub(NamedTuple):
    """The log is to be emptied, and who hears that it is."""

    done: "asyncio.Future[None]"


def empty_log(connection: sqlite3.Connection) -> None:
    """Write the log into the file and cut it off. A reader that still needs it is waited for a little."""
    for _ in range(_TRIES):
        busy, _, _ = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        if not busy:
            return
        time.sleep(_PAUSE)
    raise StoreUnavailableError(
        "The log of the database cannot be emptied while a reader needs it.", hint="Try again in a moment."
    )


def tell_copied(done: "asyncio.Future[None]", error: Exception | None) -> None:
    """Say on the event loop what became of a copy."""
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def copy_pages(connection: sqlite3.Connection, file: Path, between: Callable[[], None]) -> None:
    """Copy all pages into a new file, durably; `between` is called after each slice, and ends the copy if it raises."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        target = sqlite3.connect(file, isolation_level=None)
        try:
            target.execute("pragma journal_mode=off")
            target.execute("pragma synchronous=off")
            connection.backup(target, pages=SLICE_PAGES, progress=lambda *_: between(), sleep=0.01)
        finally:
            target.close()
        os.fsync(descriptor)
    except BaseException as error:
        file.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error | OSError):
            raise CopyFailedError(
                f"The copy {file} could not be written: {error}.", hint="Make room."
            ) from error
        raise
    finally:
        os.close(descriptor)
