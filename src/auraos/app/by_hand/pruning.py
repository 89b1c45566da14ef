"""Pruning the runs of a folder: by the process that serves it, else here."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.house import SHORT_WAIT, NoDataFolderError, claim_or_connect
from auraos.app.installed import load_installed
from auraos.app.privacy.holding import holding
from auraos.app.secrets.sealing import open_store
from auraos.engine.clock import SystemClock
from auraos.engine.definitions import Programs
from auraos.engine.retention import Pruned, Retention
from auraos.storage.blobs import LocalBlobs
from auraos.storage.blobs.walking import are_kept
from auraos.storage.folder import DataFolder, read_marker


async def prune_folder(data: Path, older_than: timedelta, *, is_dry: bool) -> Pruned:
    """Delete every run of a folder that ended longer ago than this; with `is_dry` only count them."""
    if read_marker(data) is None and not (data / "auraos.db").exists():
        raise NoDataFolderError(f"There are no runs in {str(data)!r}.", hint="--data names another folder.")
    async with AsyncExitStack() as stack:
        folder = await claim_or_connect(data, stack, SHORT_WAIT)
        if not isinstance(folder, DataFolder):
            return await folder.prune(older_than, is_dry=is_dry)
        stack.callback(folder.release)
        store = await open_store(folder, stack)
        programs = Programs(store, FolderDefinitions(None, load_installed().catalogue))
        retention = Retention(
            store, programs, SystemClock(), LocalBlobs(folder.blobs), may_sweep=lambda: not are_kept(data)
        )
        retention.held = holding(store.tables)
        return await retention.prune(older_than, is_dry=is_dry)
