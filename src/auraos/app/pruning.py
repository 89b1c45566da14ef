"""Pruning the runs of a folder that nobody serves."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from auraos.app.definitions import FolderDefinitions
from auraos.app.house import NoDataFolderError
from auraos.app.installed import load_installed
from auraos.engine.clock import SystemClock
from auraos.engine.definitions import Programs
from auraos.engine.retention import Pruned, Retention
from auraos.storage.blobs import LocalBlobs
from auraos.storage.blobs.walking import are_kept
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore


async def prune_folder(data: Path, older_than: timedelta, *, is_dry: bool) -> Pruned:
    """Delete every run of a folder that ended longer ago than this; with `is_dry` only count them."""
    if not (data / "auraos.db").exists():
        raise NoDataFolderError(f"There are no runs in {str(data)!r}.", hint="--data names another folder.")
    async with AsyncExitStack() as stack:
        folder = DataFolder.claim(data)
        stack.callback(folder.release)
        store = SqliteStore.open(folder)
        stack.push_async_callback(store.close)
        programs = Programs(store, FolderDefinitions(None, load_installed().catalogue))
        retention = Retention(
            store, programs, SystemClock(), LocalBlobs(folder.blobs), may_sweep=lambda: not are_kept(data)
        )
        return await retention.prune(older_than, is_dry=is_dry)
