"""Where a process keeps its runs: a data folder with SQLite in it, or a PostgreSQL database with a folder beside it."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, Protocol

from auraos.app.house import PAUSE, SHORT_WAIT, open_store, refuse_foreign
from auraos.core.errors import OperationalError
from auraos.engine.ports import Blobs
from auraos.engine.stewardship import KeptStore
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder, FolderInUseError


class FolderRefusedError(OperationalError):
    """The system does not let this process use the data folder."""

    code = "folder-refused"


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


class Keeping(NamedTuple):
    """A store and its blobs, taken for this process, and where its engine listens."""

    store: KeptStore
    blobs: Blobs
    socket: Path
    words: str
    """What it is, for people."""
    hold: Hold
    owner: str = ""
    copy: Callable[[Path], Awaitable[None]] | None = None
    """Writes a whole copy of the store into a new file."""


async def open_keeping(data: Path, stack: AsyncExitStack) -> Keeping:
    """Take the data folder; whatever was opened is closed with the stack."""
    folder = await claim(data)
    stack.callback(folder.release)
    store = await open_store(folder, stack)
    refuse_foreign(folder, data)
    return Keeping(
        store,
        LocalBlobs(folder.blobs),
        folder.socket,
        str(folder.database),
        hold=FolderHold(folder),
        owner=store.token,
        copy=store.copy,
    )


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
