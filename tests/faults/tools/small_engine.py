"""What small programs that are injured have in common: an engine on a folder, driven until all is quiet."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.engine.ports import RunQuery
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


def run_program(begin: Callable[[Engine, FolderDefinitions], Awaitable[None]]) -> None:
    """Go on in the folder that the first argument names, after `begin` where the second one is `start`. Say
    `RUN <run> <workflow> <state> <parent>` for each run.
    """
    asyncio.run(_drive(Path(sys.argv[1]), begin if sys.argv[2] == "start" else None))


async def _drive(
    folder: Path, begin: Callable[[Engine, FolderDefinitions], Awaitable[None]] | None
) -> None:
    claimed = DataFolder.claim(folder)
    store = SqliteStore.open(claimed)
    catalogue = load_installed().catalogue
    definitions = FolderDefinitions(None, catalogue)
    nowhere: Any = None
    doors = Doors(
        http=nowhere, secrets=nowhere, sandbox=nowhere, blobs=LocalBlobs(claimed.blobs), redact=lambda v: v
    )
    engine = Engine(store, catalogue, definitions, doors)
    await engine.open()
    if begin is not None:
        await begin(engine, definitions)
    await engine.drive_until_idle()
    for row in await store.runs(RunQuery(limit=1000)):
        say("RUN", row.run, row.workflow, row.state, row.parent)
    await engine.close(1.0)
    await store.close()
