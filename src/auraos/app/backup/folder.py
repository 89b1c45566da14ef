"""A backup of a data folder while it is in use, and a folder made from one.

The process that holds the folder copies its database slice by slice beside it; then the copy and the blobs are read from here,
so encrypting costs the engine nothing. Blobs come after the database: whatever it names is there, and nothing is swept meanwhile.
"""

import asyncio
import os
import shutil
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from auraos.app.backup.blobs import Passing, Tell, add_blobs, put_blob, read, size_of, sync_folders, write
from auraos.app.backup.file import BackupDamagedError, BackupReader, BackupWriter, Header
from auraos.app.house import SHORT_WAIT, NoDataFolderError, claim_or_connect
from auraos.app.secrets.sealing import open_store
from auraos.core.errors import UserError
from auraos.engine.clock import SystemClock
from auraos.storage.blobs.walking import keep_blobs
from auraos.storage.folder import DataFolder, is_held, read_marker, sync_folder
from auraos.storage.known_folders import KnownFolders
from auraos.storage.migrations import SCHEMA_VERSION
from auraos.storage.sqlite.looking import look_through
from auraos.storage.sqlite.opening import check_database

DATABASE = "database"


class TargetNotEmptyError(UserError):
    """There is something already where the backup was to be restored."""

    code = "target-not-empty"


class TargetRefusedError(UserError):
    """A backup cannot be written there."""

    code = "target-refused"


class WrongStoreError(UserError):
    """The backup belongs into another kind of store."""

    code = "wrong-store"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was made."""

    file: str
    size: int
    runs: int
    blobs: int
    encrypted: bool
    damaged: list[str] = []
    """Blobs whose content is not what their name says: they were damaged before."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that was restored."""

    where: str
    made_at: int
    runs: int
    unfinished: int
    blobs: int


def back_up(data: Path, target: Path, key: bytes | None, tell: Tell) -> Made:
    """Write a backup of a data folder, which another process may serve meanwhile, into a new file."""
    marker = read_marker(data)
    if marker is None:
        raise NoDataFolderError(f"There is no data folder at {data}.", hint="--data names it.")
    if marker.store != "sqlite":
        raise WrongStoreError(f"The runs of {data} are kept in a database.", hint="Name it with --database.")
    file = file_for(target, data)
    with keep_blobs(data):
        for rest in data.glob("backup-*.db"):  # of a backup that was killed
            rest.unlink()
        copy = data.absolute() / f"backup-{SystemClock().new_id()}.db"
        try:
            tell("copying the database", 0, (data / "auraos.db").stat().st_size)
            asyncio.run(_copy_database(data, copy))
            return _pack(data, copy, file, key, tell)
        finally:
            copy.unlink(missing_ok=True)


def file_for(target: Path, data: Path) -> Path:
    """Return the file that a backup is written to: a new one with the time in its name where a folder is meant. It may not
    lie in the data folder, which it is to outlive.
    """
    folder = target if target.is_dir() else target.absolute().parent
    if not folder.is_dir():
        raise TargetRefusedError(
            f"There is no folder {str(folder)!r} to write the backup into.",
            hint="Make it first, or name another one.",
        )
    if folder.resolve().is_relative_to(data.resolve()):
        raise TargetRefusedError(
            f"{target} lies in the data folder itself, and a backup there would be lost with it.",
            hint="Name a place outside of it, best on another disk.",
        )
    if folder is not target:
        return target.absolute()
    return target.absolute() / f"auraos-{datetime.now(tz=UTC):%Y%m%dT%H%M%SZ}.backup"


async def _copy_database(data: Path, copy: Path) -> None:
    async with AsyncExitStack() as stack:
        holder = await claim_or_connect(data, stack, SHORT_WAIT)
        if isinstance(holder, DataFolder):
            stack.callback(holder.release)
            await (await open_store(holder, stack)).copy(copy)
        else:
            await holder.copy(str(copy))


def _pack(data: Path, copy: Path, file: Path, key: bytes | None, tell: Tell) -> Made:
    runs, _ = look_through(copy)
    passing = Passing("writing the backup", copy.stat().st_size + size_of(data / "blobs"), tell)
    with BackupWriter(file, new_header("sqlite"), key) as out:
        out.add(DATABASE, passing(read(copy)))
        blobs, damaged = add_blobs(out, data / "blobs", passing)
    return made(file, runs, blobs, damaged, encrypted=key is not None)


def new_header(store: str) -> Header:
    """Return the header of a backup that is made now."""
    return Header(made_at=SystemClock().now(), release=version("auraos"), store=store, schema=SCHEMA_VERSION)


def made(file: Path, runs: int, blobs: int, damaged: list[str], *, encrypted: bool) -> Made:
    """Return what is told of a backup that is there."""
    size = file.stat().st_size
    return Made(file=str(file), size=size, runs=runs, blobs=blobs, encrypted=encrypted, damaged=damaged)


def restore(file: Path, data: Path, key: bytes | None, tell: Tell) -> Restored:
    """Make a data folder from a backup, in which nothing moves until it is released; the folder is there whole or not at all."""
    with BackupReader(file, key) as source:
        if source.header.store != "sqlite":
            raise WrongStoreError(
                f"{file} is a backup of a PostgreSQL database.", hint="Name an empty one with --database."
            )
        refuse_full(data)
        staging = new_staging(data)
        folder = DataFolder.claim(staging)
        try:
            blobs = _unpack(source, folder, tell)
            runs, unfinished = look_through(folder.database)
            key_of_store = check_database(folder.database, immutable=True)
            folder.write_marker(key_of_store, held=held_words(source.header))
            KnownFolders.of(os.environ).remember(key_of_store, data)
            put_in_place(staging, data.absolute())
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        finally:
            folder.release()
    return Restored(
        where=str(data), made_at=source.header.made_at, runs=runs, unfinished=unfinished, blobs=blobs
    )


def held_words(header: Header) -> str:
    """Return why nothing moves in what was restored."""
    made = datetime.fromtimestamp(header.made_at / 1_000_000, tz=UTC)
    return f"Nothing moves here: it was restored from a backup of {made:%Y-%m-%d %H:%M:%S} UTC and not released yet."


def refuse_full(data: Path) -> None:
    """Raise `TargetNotEmptyError` unless there is nothing in the way."""
    if data.is_symlink() or (data.exists() and (not data.is_dir() or any(data.iterdir()))):
        raise TargetNotEmptyError(
            f"{data} is not empty.",
            hint="Restore into a new folder, and move it where you want it afterwards.",
        )


def new_staging(data: Path) -> Path:
    """Return the folder in which the wanted one is made: beside it, or in it where it is a disk of its own. What a killed
    restore left there goes.
    """
    parent = data.absolute() if data.is_mount() else data.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    for rest in parent.glob(f".{data.absolute().name}.restoring-*"):
        if not is_held(rest):
            shutil.rmtree(rest, ignore_errors=True)
    return parent / f".{data.absolute().name}.restoring-{SystemClock().new_id()}"


def put_in_place(staging: Path, data: Path) -> None:
    """Move the finished folder to where it belongs. On a disk of its own the marker goes first: as long as the database is
    missing beside it, the folder is refused.
    """
    sync_folders(staging)
    if staging.parent != data:
        staging.replace(data)
        sync_folder(data.parent)
        return
    for name in ("auraos.json", "blobs", "auraos.db"):
        if (staging / name).exists():
            (staging / name).replace(data / name)
            sync_folder(data)
    shutil.rmtree(staging)


def _unpack(source: BackupReader, folder: DataFolder, tell: Tell) -> int:
    blobs, seen = 0, False
    for name, pieces in source.contents():
        if name == DATABASE and not seen:
            seen = True
            write(folder.database, pieces, source, tell)
        else:
            put_blob(name, pieces, folder.blobs, source, tell)
            blobs += 1
    if not seen:
        raise BackupDamagedError(f"{source.file} holds no database.")
    return blobs
