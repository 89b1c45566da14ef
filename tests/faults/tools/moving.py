"""The program that is injured: an engine on a folder, and a run that is moved to another version of its workflow.

    moving.py FOLDER start     starts the run, moves it, says `ACK <run> <new run>` when that is durable
    moving.py FOLDER recover   goes on with what is there

It says `RUN <run> <workflow> <state> <parent>` for each run.
"""

import asyncio
import os
import sys
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

OLD = """kind: workflow
name: moving
spec:
  steps: {one: {type: noop, with: {value: 1}}, hold: {type: wait.signal, with: {name: go, expires: 3d}}}
  links: [one -> hold]
"""
NEW = OLD.replace("name: go", "name: on")


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


async def main(folder: Path, mode: str) -> int:
    claimed = DataFolder.claim(folder)
    store = SqliteStore.open(claimed)
    catalogue = load_installed().catalogue
    definitions = FolderDefinitions(None, catalogue)
    old, new = definitions.add(OLD), definitions.add(NEW)
    nowhere: Any = None
    doors = Doors(
        http=nowhere, secrets=nowhere, sandbox=nowhere, blobs=LocalBlobs(claimed.blobs), redact=lambda v: v
    )
    engine = Engine(store, catalogue, definitions, doors)
    await engine.open()
    if mode == "start":
        run = await engine.start(old)
        say("BEGAN", run)
        say("ACK", run, await engine.move(run, new))
    await engine.drive_until_idle()
    for row in await store.runs(RunQuery(limit=1000)):
        say("RUN", row.run, row.workflow, row.state, row.parent)
    await engine.close(1.0)
    await store.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2])))
