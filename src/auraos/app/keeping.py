"""Where a process keeps its runs: a data folder with SQLite in it, or a PostgreSQL database with a folder beside it."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from auraos.app.house import PAUSE, SHORT_WAIT, refuse_foreign
from auraos.app.secrets.sealing import LateSealing, open_store, seal_store
from auraos.core.errors import OperationalError, UserError
from auraos.engine.ports import Blobs
from auraos.engine.socket import is_deserted
from auraos.engine.stewardship import KeptStore
from auraos.storage.blobs import LocalBlobs
from auraos.storage.blobs.sealed import SealedBlobs
from auraos.storage.folder import (
    NETWORK_FILE_SYSTEMS,
    DataFolder,
    FolderInUseError,
    Marker,
    file_system_of,
    mount_table,
    read_marker,
    refuse_links,
    write_marker,
)
from auraos.storage.reads import Reads
from auraos.storage.tables.statement import Tables
from auraos.storage.veil import veiled

if TYPE_CHECKING:
    from auraos.storage.postgres import PostgresStore


class FolderRefusedError(OperationalError):
    """The system does not let this process use the data folder."""

    code = "folder-refused"


class WrongFolderError(UserError):
    """The folder belongs to another store."""

    code = "wrong-folder"


class Hold(Protocol):
    """Whether nothing may move in a store because it was restored and not released yet."""

    async def words(self) -> str:
        """Return why nothing may move; nothing when all may."""
        ...

    async def release(self) -> None:
        """Let all move from now on, durably."""
        ...


class FolderHold:
    """The hold of a data folder, which stands in its marker."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    async def words(self) -> str:
        marker = self._folder.marker
        return marker.held if marker is not None else ""

    async def release(self) -> None:
        self._folder.release_hold()


class SharedHold:
    """The hold of a database; the marker of the folder beside it shows it to commands that do not reach the database."""

    def __init__(self, data: Path, url: str) -> None:
        from auraos.storage.postgres.holding import DatabaseHold  # noqa: PLC0415 (a folder with SQLite needs no driver)

        self._data = data
        self._hold = DatabaseHold(url)

    async def words(self) -> str:
        words = await self._hold.words()
        self._show(words)
        return words

    async def release(self) -> None:
        await self._hold.release()
        self._show("")

    def _show(self, words: str) -> None:
        marker = read_marker(self._data)
        if marker is not None and marker.held != words:
            write_marker(self._data, msgspec.structs.replace(marker, held=words))


class Keeping(NamedTuple):
    """A store and its blobs, taken for this process, and where its engine listens."""

    store: KeptStore
    tables: Tables
    """What is kept beside the runs, in the same store."""
    blobs: Blobs
    socket: Path
    words: str
    """What it is, for people."""
    hold: Hold
    sealing: LateSealing
    """Seals what private runs tell."""
    shown: Reads
    """The store as those see it who may not see what private runs are about."""
    revealed: Reads
    """The store as those see it who may. Like `shown`, and unlike `store`, it shows a workspace nothing of another one."""
    owner: str = ""
    copy: Callable[[Path], Awaitable[None]] | None = None
    """Writes a whole copy of the store into a new file."""
    shared: "PostgresStore | None" = None
    """The store, where other processes share its runs."""


def marker_key(data: Path) -> str:
    """Return the key in the marker of a data folder whose store is open; opening it has written it down."""
    marker = read_marker(data)
    assert marker is not None
    return marker.key


async def open_keeping(data: Path, database: str, stack: AsyncExitStack) -> Keeping:
    """Take the data folder, or the database that is named; whatever was opened is closed with the stack."""
    if database:
        return await _open_database(data, database, stack)
    marker = read_marker(data)
    if marker is not None and marker.store != "sqlite":
        raise WrongFolderError(f"The runs of {data} are kept in a database.", hint="Name it with --database.")
    folder = await claim(data)
    stack.callback(folder.release)
    store = await open_store(folder, stack)
    refuse_foreign(folder, data)
    sealing = seal_store(store, folder.path, marker_key(folder.path))
    return Keeping(
        store,
        store.tables,
        SealedBlobs(LocalBlobs(folder.blobs), sealing),
        folder.socket,
        str(folder.database),
        hold=FolderHold(folder),
        sealing=sealing,
        shown=veiled(store, store.tables),
        revealed=store.behind(sealing),
        owner=store.token,
        copy=store.copy,
    )


async def _open_database(data: Path, url: str, stack: AsyncExitStack) -> Keeping:
    """Bring a database to this release and open it. The folder beside it holds files and the sockets of processes."""
    from auraos.storage.postgres import PostgresStore, migrate  # noqa: PLC0415 (a folder with SQLite needs no driver)
    from auraos.storage.postgres.holding import key_of  # noqa: PLC0415

    await migrate(url)
    data = prepare_folder(data, await key_of(url))
    drop_left_sockets(data)
    store = await PostgresStore.open(url)
    stack.push_async_callback(store.close)
    sealing = seal_store(store, data, marker_key(data))
    return Keeping(
        store,
        store.tables,
        SealedBlobs(LocalBlobs(data / "blobs"), sealing),
        data / f"engine-{os.getpid()}.sock",
        store.words,
        hold=SharedHold(data, url),
        sealing=sealing,
        shown=veiled(store, store.tables),
        revealed=store.behind(sealing),
        owner=store.token,
        shared=store,
    )


def drop_left_sockets(data: Path) -> None:
    """Remove the sockets that killed processes left in a folder. On a network file system one that nobody answers at may be
    that of a process on another machine, so there they stay.
    """
    if file_system_of(data, mount_table()) in NETWORK_FILE_SYSTEMS:
        return
    for path in data.glob("engine-*.sock"):
        if is_deserted(path):
            path.unlink(missing_ok=True)


def prepare_folder(data: Path, key: str, *, held: str = "") -> Path:
    """Make the folder beside a database, marked as such, and return its full path; refuse one of another store."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_links(data)
        marker = read_marker(data)
        if marker is None and not (data / "auraos.db").exists():
            write_marker(data, Marker(store="postgresql", key=key, held=held))
        elif marker is None or marker.store != "postgresql" or marker.key != key:
            raise WrongFolderError(
                f"{data} belongs to another store than this database.",
                hint="Name a folder of its own with --data.",
            )
    except OSError as error:
        raise FolderRefusedError(
            f"{data} cannot be used as a data folder: {error.strerror or error}.", hint=_hint(error.errno)
        ) from error
    return data.absolute()


async def claim(data: Path) -> DataFolder:
    """Take a data folder, which a command may hold that only looks; say plainly why the system does not let us."""
    for _ in range(round(SHORT_WAIT / PAUSE)):
        try:
            return DataFolder.claim(data)
        except FolderInUseError as in_use:
            refused = in_use
        except OSError as error:
            raise FolderRefusedError(
                f"{data} cannot be used as a data folder: {error.strerror or error}.", hint=_hint(error.errno)
            ) from error
        await asyncio.sleep(PAUSE)
    raise refused


def _hint(number: int | None) -> str:
    match number:
        case errno.EROFS:
            return "It lies on a disk that is mounted read-only; choose another one with --data."
        case errno.EACCES | errno.EPERM:
            return "Give the folder to the user who serves, or choose another one with --data."
        case errno.ENOSPC | errno.EDQUOT:
            return "The disk is full: make room."
        case errno.EMFILE | errno.ENFILE:
            return "Too many files are open: raise the limit, as with `ulimit -n 4096`."
        case _:
            return "Choose another one with --data."
