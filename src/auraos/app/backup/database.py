"""A backup of a PostgreSQL database with the files of its runs, and an empty database filled from one.

All tables are read in one transaction, which sees the database as of one moment; whoever works on it goes on. A database is
filled in one transaction, too: all of it is there, or nothing.
"""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from auraos.app.backup.blobs import Passing, Tell, add_blobs, put_blob, size_of
from auraos.app.backup.file import BackupDamagedError, BackupReader, BackupWriter, Header
from auraos.app.backup.folder import (
    Made,
    Restored,
    WrongStoreError,
    file_for,
    held_words,
    made,
    new_header,
    put_in_place,
    refuse_full,
)
from auraos.app.keeping import prepare_folder
from auraos.core.errors import UserError
from auraos.storage.blobs.walking import keep_blobs
from auraos.storage.migrations import MIGRATIONS, DatabaseNewerError, Migration
from auraos.storage.postgres import migrate
from auraos.storage.postgres.dumping import Dump, Load, open_dump, open_load
from auraos.storage.postgres.holding import key_of


class BackupNewerError(UserError):
    """The backup was made by a newer release than this one."""

    code = "backup-newer"


class TargetNewerError(UserError):
    """The database that was to be filled has newer tables than the backup."""

    code = "target-newer"


def back_up_database(url: str, data: Path, target: Path, key: bytes | None, tell: Tell) -> Made:
    """Write a backup of a database, and of the files in the folder beside it, into a new file."""
    return asyncio.run(_back_up(url, data, target, key, tell))


async def _back_up(url: str, data: Path, target: Path, key: bytes | None, tell: Tell) -> Made:
    file = file_for(target, data)
    prepare_folder(data, await key_of(url))
    with keep_blobs(data):
        async with open_dump(url) as dump:
            runs, _ = await dump.counts()
            passing = Passing("writing the backup", await dump.size() + size_of(data / "blobs"), tell)
            with BackupWriter(file, new_header("postgresql"), key) as out:
                for table in await dump.tables():
                    out.add(f"columns/{table}", [msgspec.json.encode(await dump.columns(table))])
                    await _add_table(out, dump, table, passing)
                blobs, damaged = add_blobs(out, data / "blobs", passing)
    return made(file, runs, blobs, damaged, encrypted=key is not None)


async def _add_table(out: BackupWriter, dump: Dump, table: str, passing: Passing) -> None:
    out.begin(f"table/{table}")
    async for piece in dump.rows(table):
        for passed in passing(iter([piece])):
            out.put(passed)
    out.end()


def restore_database(
    file: Path,
    url: str,
    data: Path,
    key: bytes | None,
    tell: Tell,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> Restored:
    """Fill an empty database from a backup, and a new folder with its files; nothing moves there until it is released.

    The tables are made as they were when the backup was, and brought up to this release with the rows in them.
    """
    with BackupReader(file, key) as source:
        if source.header.store != "postgresql":
            raise WrongStoreError(
                f"{file} is a backup of a folder with SQLite.", hint="Leave --database out."
            )
        refuse_full(data)
        return asyncio.run(_restore(source, url, data, tell, migrations))


async def _restore(
    source: BackupReader, url: str, data: Path, tell: Tell, migrations: Sequence[Migration]
) -> Restored:
    then = await _make_tables(source.header, url, migrations)
    folder = data.absolute()  # noqa: ASYNC240 (a command waits for nothing else)
    staging = folder.parent / f".{folder.name}.restoring"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True, mode=0o700)
    try:
        async with open_load(url, then) as load:
            blobs = await _unpack(source, load, staging, tell)
            runs, unfinished = await load.finish(held_words(source.header))
            put_in_place(staging, folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    await migrate(url, migrations)
    prepare_folder(folder, await key_of(url), held=held_words(source.header))
    return Restored(
        where=str(data), made_at=source.header.made_at, runs=runs, unfinished=unfinished, blobs=blobs
    )


async def _make_tables(header: Header, url: str, migrations: Sequence[Migration]) -> list[Migration]:
    """Make the tables of the backup's time in an empty database, and return the migrations that lead to them."""
    newest = migrations[-1].number
    if header.schema > newest:
        raise BackupNewerError(
            f"The backup was made by a newer release ({header.release}): its schema is {header.schema}, this release"
            f" knows {newest}.",
            hint="Restore it with that release, or a later one.",
        )
    then = [migration for migration in migrations if migration.number <= header.schema]
    try:
        await migrate(url, then)
    except DatabaseNewerError as error:
        raise TargetNewerError(
            f"The tables of the database are newer than those of the backup, whose schema is {header.schema}.",
            hint="Restore into a new database without tables: they are made as they were, and brought up to this release.",
        ) from error
    return then


async def _unpack(source: BackupReader, load: Load, staging: Path, tell: Tell) -> int:
    blobs, columns = 0, dict[str, list[str]]()
    for name, pieces in source.contents():
        kind, _, rest = name.partition("/")
        if kind == "columns":
            columns[rest] = msgspec.json.decode(b"".join(pieces), type=list[str])
        elif kind == "table" and rest in columns:
            await load.fill(rest, columns[rest], _told(pieces, source, tell))
        else:
            put_blob(name, pieces, staging / "blobs", source, tell)
            blobs += 1
    if not {"runs", "journal", "meta"} <= set(columns):
        raise BackupDamagedError(f"{source.file} holds no database.")
    return blobs


def _told(pieces: Iterator[bytes], source: BackupReader, tell: Tell) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        tell("restoring", source.read_bytes, source.size)
