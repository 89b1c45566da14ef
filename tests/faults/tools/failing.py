"""The program that is injured: an engine on a folder, and a run that fails and whose failure another workflow hears of.

    failing.py FOLDER start     starts the run, says `ACK <run>` when it is durable, and waits until all is quiet
    failing.py FOLDER recover   goes on with what is there

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

TELL = "kind: workflow\nname: tell\nspec: {steps: {say: {type: noop, with: {value: '{{ input.run }}'}}}}\n"
BREAK = """kind: workflow
name: breaking
spec:
  settings: {on_failure: tell}
  steps: {one: {type: noop}, two: {type: fail, with: {message: It broke.}}}
  links: [one -> two]
"""


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


async def main(folder: Path, mode: str) -> int:
    claimed = DataFolder.claim(folder)
    store = SqliteStore.open(claimed)
    catalogue = load_installed().catalogue
    definitions = FolderDefinitions(None, catalogue)
    tell, breaking = definitions.add(TELL), definitions.add(BREAK)
    nowhere: Any = None
    doors = Doors(
        http=nowhere, secrets=nowhere, sandbox=nowhere, blobs=LocalBlobs(claimed.blobs), redact=lambda v: v
    )
    engine = Engine(store, catalogue, definitions, doors)
    await engine.open()
    if mode == "start":
        say("ACK", await engine.start(breaking, called=[tell]))
    await engine.drive_until_idle()
    for row in await store.runs(RunQuery(limit=1000)):
        say("RUN", row.run, row.workflow, row.state, row.parent)
    await engine.close(1.0)
    await store.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2])))
