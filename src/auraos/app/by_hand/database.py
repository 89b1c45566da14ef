"""A database named by its address, looked at and cleaned up by a command of its own: no process need serve it on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.house import House
from auraos.app.installed import load_installed
from auraos.app.keeping import WrongFolderError
from auraos.app.privacy.holding import holding
from auraos.engine.clock import SystemClock
from auraos.engine.definitions import Programs
from auraos.engine.ownership import LEASE
from auraos.engine.retention import Pruned, Retention
from auraos.storage.blobs import LocalBlobs
from auraos.storage.blobs.walking import are_kept
from auraos.storage.folder import read_marker
from auraos.storage.postgres import PostgresStore
from auraos.storage.postgres.cleaning import CleaningStore
from auraos.storage.postgres.holding import DatabaseHold, count_living, key_of
from auraos.storage.reads import Reads
from auraos.storage.veil import veiled


class DatabaseHouse(House):
    """What commands work with that only look at a database."""

    def __init__(self, data: Path, store: Reads, *, held: str, processes: int) -> None:
        super().__init__(data, store)
        self.processes = processes
        """So many processes drive its runs."""
        self._held = held

    @property
    def is_driven(self) -> bool:
        """Return whether some process drives the runs of the database now."""
        return self.processes > 0 and not self._held

    @property
    def held(self) -> str:
        """Return why nothing may move since the database was restored; nothing when all may."""
        return self._held


@asynccontextmanager
async def open_database(data: Path, url: str) -> AsyncIterator[DatabaseHouse]:
    """Open a database to look at it: nothing in it moves. The folder beside it need not be on this machine."""
    await refuse_another_folder(data, url)
    store = await PostgresStore.open(url)
    try:
        held = await DatabaseHold(url).words()
        processes = await count_living(url, LEASE)
        yield DatabaseHouse(data, veiled(store, store.tables), held=held, processes=processes)
    finally:
        await store.close()


async def refuse_another_folder(data: Path, url: str) -> None:
    """Raise `WrongFolderError` where the folder is there and belongs to another store."""
    marker = read_marker(data)
    is_sqlite = (data / "auraos.db").exists()
    if is_sqlite or (
        marker is not None and (marker.store != "postgresql" or marker.key != await key_of(url))
    ):
        raise WrongFolderError(
            f"{data} belongs to another store than this database.",
            hint="Name a folder of its own with --data. To look at this one, leave --database and AURAOS_DATABASE out.",
        )


async def prune_database(url: str, data: Path, older_than: timedelta, *, is_dry: bool) -> Pruned:
    """Delete every run of a database that ended longer ago than this, also while processes serve it."""
    await refuse_another_folder(data, url)
    store = await CleaningStore.open(url)
    try:
        programs = Programs(store, FolderDefinitions(None, load_installed().catalogue))
        blobs = LocalBlobs(data / "blobs")
        retention = Retention(store, programs, SystemClock(), blobs, may_sweep=lambda: not are_kept(data))
        retention.held = holding(store.tables)
        return await retention.prune(older_than, is_dry=is_dry)
    finally:
        await store.close()
