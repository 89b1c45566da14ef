"""The long works of a process, put together on its store."""

from collections.abc import Callable
from pathlib import Path

from auraos.app.chores.chores import Chores
from auraos.app.chores.deleting import Deleting
from auraos.app.chores.exporting import Exporting
from auraos.app.runs.runs import Runs
from auraos.documents.definitions.service import Definitions
from auraos.engine.ports import Blobs, Store
from auraos.security.access.service import Access
from auraos.security.secrets.keys import Keys
from auraos.storage.tables.chores import ChoreTables
from auraos.storage.tables.secrets import SecretTables
from auraos.storage.tables.statement import Tables


def chores_on(  # noqa: PLR0913 (a whole workspace is in all of these)
    tables: Tables, store: Store, blobs: Blobs, data: Path, *, runs: Runs, definitions: Definitions, access: Access,
    keys: Keys, now: Callable[[], int], new_id: Callable[[], str],
) -> Chores:  # fmt: skip
    """Return what exports and deletes workspaces; `data` is the data folder."""
    rows = ChoreTables(tables)
    exporting = Exporting(
        rows, definitions, runs, blobs, data / "blobs", secrets=SecretTables(tables), keys=keys, now=now
    )
    deleting = Deleting(rows, store, blobs, runs.engine, keys)
    return Chores(rows, access, exporting, deleting, data / "exports", now=now, new_id=new_id)
