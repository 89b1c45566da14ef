"""Opening the database file: a new one is made whole or not at all, an old one is checked before anything
writes to it.
"""

import sqlite3
import sys
from pathlib import Path
from uuid import uuid4

from auraos.core.errors import OperationalError, UserError
from auraos.engine.ports import StoreUnavailableError
from auraos.storage.folder import DataFolder, sync_folder
from auraos.storage.migrations import SCHEMA_VERSION, DatabaseNewerError
from auraos.storage.migrations.on_sqlite import upgrade, version_of
from auraos.storage.sqlite import schema

MAGIC = b"SQLite format 3\0"
CHECKED_WHEN_CLEAN = 32 * 1024 * 1024
CHECKED_AFTER_CRASH = 512 * 1024 * 1024
"""Files up to these sizes are checked page by page at each start; larger ones by header, key and schema
only.
"""

_SIGNS_OF_DAMAGE = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ", "SQLITE_ERROR"})
_RESTORE = "Nothing was changed. Put a backup of {name} in its place, and remove {name}-wal and {name}-shm."


class DatabaseMissingError(UserError):
    """The folder was set up, and its database is gone. An empty one in its place would hide the loss."""

    code = "database-missing"


class DatabaseDamagedError(OperationalError):
    """The database file is not whole."""

    code = "database-damaged"


class DatabaseForeignError(UserError):
    """The file is a database, but not the one of this folder."""

    code = "database-foreign"


def open_database(folder: DataFolder) -> sqlite3.Connection:
    """Return the writing connection to the folder's database, which it makes in a new folder and checks in an
    old one.
    """
    file = folder.database
    marker = folder.marker
    if not file.exists():
        if marker is not None:
            raise DatabaseMissingError(
                f"{file} is missing, though this folder was set up before.",
                hint="Put it back from a backup. To begin anew and lose all runs, remove the whole folder.",
            )
        _create(file)
    key = check_database(file)
    if marker is None:
        folder.write_marker(key)
    elif marker.key != key:
        raise DatabaseForeignError(
            f"{file} belongs to another folder: its key is {key!r}, and auraos.json says {marker.key!r}.",
            hint="Put back the file that belongs here, or the auraos.json that belongs to the file.",
        )
    try:
        connection = connect_writer(file)
        upgrade(connection)
        if forget_statistics(connection):
            connection.close()
            connection = connect_writer(file)
    except sqlite3.Error as error:
        raise StoreUnavailableError(
            f"{file} cannot be opened for writing: {error}.", hint="Is the disk full, or mounted read-only?"
        ) from error
    return connection


def forget_statistics(connection: sqlite3.Connection) -> bool:
    """Let go of what somebody had SQLite learn of the tables; return whether there was anything.

    What it learnt while there were few runs makes it read all of a table that has grown since. Every statement here goes
    by keys, and without statistics that is what SQLite takes to be best.
    """
    found = connection.execute(
        "select name from sqlite_master where type='table' and name glob 'sqlite_stat[0-9]'"
    )
    tables = [name for (name,) in found]
    for name in tables:
        connection.execute(f"drop table {name}")
    return bool(tables)


def _create(file: Path) -> None:
    try:
        create_database(file)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailableError(
            f"{file} cannot be made: {error}.", hint="Is the disk full, or mounted read-only?"
        ) from error


def create_database(file: Path) -> None:
    """Make a new database beside its place, and move it there when it is whole and durable."""
    beside = file.with_name(file.name + ".new")
    for rest in (beside, beside.with_name(beside.name + "-journal")):
        rest.unlink(missing_ok=True)
    connection = sqlite3.connect(beside, isolation_level=None)
    try:
        connection.executescript(
            f"pragma auto_vacuum=incremental; pragma synchronous=full;"
            f" pragma application_id={schema.APPLICATION_ID};"
        )
        upgrade(connection)
        connection.execute("insert into meta values('key', ?)", (uuid4().hex,))
    finally:
        connection.close()
    beside.chmod(0o600)
    beside.replace(file)
    sync_folder(file.parent)


def check_database(file: Path, *, immutable: bool = False) -> str:
    """Return the key of a sound database of ours; raise an error that says what is wrong, and leave the file
    as it is. An immutable one is read without the files that SQLite puts beside it.
    """
    log = file.with_name(file.name + "-wal")
    was_closed = not log.exists() or log.stat().st_size == 0
    _check_header(file, was_closed=was_closed)
    largest = CHECKED_WHEN_CLEAN if was_closed else CHECKED_AFTER_CRASH
    try:
        uri = f"{file.as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            return _check_content(connection, file, thorough=file.stat().st_size <= largest)
        finally:
            connection.close()
    except sqlite3.Error as error:
        if error.sqlite_errorname in _SIGNS_OF_DAMAGE:
            raise damaged(file, f"reading it failed ({error})") from error
        raise StoreUnavailableError(
            f"{file} cannot be opened: {error}.", hint="Is the disk full, read-only, or failing?"
        ) from error


def connect_writer(file: Path) -> sqlite3.Connection:
    """Return a connection that writes with full sync into a write-ahead log. Only one thread may use it."""
    connection = sqlite3.connect(
        file, isolation_level=None, check_same_thread=False, timeout=5, cached_statements=256
    )
    connection.execute("pragma trusted_schema=off")
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("pragma cache_size=-32768")
    connection.execute("pragma temp_store=memory")
    connection.execute("pragma wal_autocheckpoint=4000")
    connection.execute("pragma journal_size_limit=67108864")
    if sys.platform == "darwin":
        connection.execute("pragma fullfsync=1")
        connection.execute("pragma checkpoint_fullfsync=1")
    return connection


def _check_header(file: Path, *, was_closed: bool) -> None:
    size = file.stat().st_size
    with file.open("rb") as opened:
        header = opened.read(100)
    if size == 0:
        raise damaged(file, "it is empty")
    if header[:16] != MAGIC:
        raise damaged(file, "it does not begin as a database does")
    page = int.from_bytes(header[16:18], "big")
    promised = int.from_bytes(header[28:32], "big") * (65536 if page == 1 else page)
    if was_closed and size < promised:
        raise damaged(file, f"it is cut off: {size} bytes instead of {promised}")


def _check_content(connection: sqlite3.Connection, file: Path, *, thorough: bool) -> str:
    (application,) = connection.execute("pragma application_id").fetchone()
    if application != schema.APPLICATION_ID:
        raise DatabaseForeignError(
            f"{file} is a database of another program.",
            hint="Move it away, or choose another folder with --data.",
        )
    version = version_of(connection)
    if version > SCHEMA_VERSION:
        raise DatabaseNewerError(
            f"{file} was written by a newer release: its schema is {version}, this release knows"
            f" {SCHEMA_VERSION}.",
            hint="Run that release, or a later one.",
        )
    if thorough:
        (found,) = connection.execute("pragma quick_check(1)").fetchone()
        if found != "ok":
            raise damaged(file, f"its pages do not fit together ({' '.join(found.split())})")
    row = connection.execute("select value from meta where name='key'").fetchone()
    if row is None:
        raise damaged(file, "its key is gone")
    return str(row[0])


def damaged(file: Path, what: str) -> DatabaseDamagedError:
    """Return what is told of a database that is not whole."""
    return DatabaseDamagedError(
        f"{file} is damaged: {what}.", hint=_RESTORE.format(name=file.name), file=str(file)
    )
