"""Blobs on the local disk: `blobs/<workspace>/<run>/<sha256>`, so that deleting a run deletes a folder.

A blob is written beside its place, synced, and moved there; so a name that a fact holds always leads to the
whole content. Another run that may use it gets a name of its own for the same content (a hard link).
"""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from auraos.core.errors import OperationalError
from auraos.core.values import FileReference
from auraos.engine.ports import NotFoundError, StoreUnavailableError
from auraos.storage.blobs.walking import run_folders
from auraos.storage.folder import sync_folder

OLD = 24 * 3600.0
PIECE = 256 * 1024
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]{0,127}", re.ASCII)


class BlobNameError(OperationalError):
    """A workspace, run or hash that cannot be the name of a folder or file."""

    code = "blob-name"


class LocalBlobs:
    """All blobs of one data folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self, workspace: str, run: str) -> "RunFiles":
        """Return the door through which the steps of one run write and read files."""
        return RunFiles(self._folder(workspace, run))

    async def share(self, reference: FileReference, *, workspace: str, source: str, target: str) -> None:
        """Let another run hold this file too."""
        file = _file(self._folder(workspace, source), reference)
        await asyncio.to_thread(_link, file, self._folder(workspace, target))

    def keep(self, workspace: str, run: str, contents: Mapping[str, bytes]) -> None:
        """Keep large values of a run, by hash, durably."""
        folder = self._folder(workspace, run)
        try:
            for hashed, content in contents.items():
                if not (folder / _checked(_HASH, hashed)).exists():
                    _put(folder, hashed, content)
        except OSError as error:
            raise StoreUnavailableError(
                f"A large value of run {run} cannot be kept: {error}.", hint="Make room or mend the disk."
            ) from error

    def sealer(self, run: str) -> Callable[[bytes], bytes] | None:  # noqa: ARG002 (as in the port)
        """Return None: nothing is sealed here."""
        return None

    def remove(self, workspace: str, run: str) -> None:
        """Delete all blobs of a run."""
        shutil.rmtree(self._folder(workspace, run), ignore_errors=True)

    def old(self) -> list[tuple[str, str]]:
        """Return workspace and run of all folders that nobody has touched for a day."""
        until = time.time() - OLD
        found = [(folder.parent.name, folder.name, _touched(folder)) for folder in run_folders(self._root)]
        return [(workspace, run) for workspace, run, touched in found if touched < until]

    def fetch(self, workspace: str, run: str, hash: str) -> bytes:  # noqa: A002 (as in the port)
        """Return a large value of a run."""
        try:
            return (self._folder(workspace, run) / _checked(_HASH, hash)).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(
                f"The large value {hash[:12]} of run {run} is gone.", hint="Restore the blobs from a backup."
            ) from error
        except OSError as error:
            raise StoreUnavailableError(f"A large value of run {run} cannot be read: {error}.") from error

    def _folder(self, workspace: str, run: str) -> Path:
        return self._root / _checked(_NAME, workspace) / _checked(_NAME, run)


class RunFiles:
    """The files of one run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, pieces: AsyncIterator[bytes], *, media_type: str, name: str = "") -> FileReference:
        """Keep what the pieces hold, durably, and return how to name it."""
        descriptor, beside = await asyncio.to_thread(_begin, self._folder)
        digest, size = hashlib.sha256(), 0
        try:
            async for piece in pieces:
                digest.update(piece)
                size += len(piece)
                await asyncio.to_thread(_write_whole, descriptor, piece)
            hashed = digest.hexdigest()
            await asyncio.to_thread(_finish, descriptor, beside, self._folder / hashed)
        finally:
            os.close(descriptor)
            beside.unlink(missing_ok=True)
        return FileReference(hash=hashed, size=size, media_type=media_type, name=name)

    async def read(self, reference: FileReference) -> AsyncIterator[bytes]:
        """Yield the content in pieces."""
        try:
            opened = await asyncio.to_thread(_file(self._folder, reference).open, "rb")
        except FileNotFoundError as error:
            raise NotFoundError(
                f"The file {reference.name or reference.hash!r} is not among the files of this run.",
                hint="It was deleted, or it belongs to another run.",
            ) from error
        with opened:
            while piece := await asyncio.to_thread(opened.read, PIECE):
                yield piece


def _checked(pattern: re.Pattern[str], name: str) -> str:
    if not pattern.fullmatch(name):
        raise BlobNameError(f"{name!r} cannot name a blob, its run or its workspace.")
    return name


def _file(folder: Path, reference: FileReference) -> Path:
    return folder / _checked(_HASH, reference.hash)


def _begin(folder: Path) -> tuple[int, Path]:
    _make_folder(folder)
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=folder)
    return descriptor, Path(name)


def _touched(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _put(folder: Path, hashed: str, content: bytes) -> None:
    descriptor, beside = _begin(folder)
    try:
        _write_whole(descriptor, content)
        _finish(descriptor, beside, folder / hashed)
    finally:
        os.close(descriptor)
        beside.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    sync_folder(folder.parent)


def _write_whole(descriptor: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]


def _finish(descriptor: int, beside: Path, file: Path) -> None:
    os.fsync(descriptor)
    beside.replace(file)
    sync_folder(file.parent)


def _link(file: Path, folder: Path) -> None:
    _make_folder(folder)
    try:
        os.link(file, folder / file.name)
    except FileExistsError:
        return
    sync_folder(folder)
