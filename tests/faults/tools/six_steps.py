"""The program that is injured: an engine on a folder, and a run of six steps whose effects a witness sees.

    six_steps.py FOLDER PORT start [COUNT]   starts runs, says `ACK <run>` when one is durable, and waits for all ends
    six_steps.py FOLDER PORT recover         goes on with what is there, answering doubts by what the witness saw

It says `END <run> <state>` for each run that ended.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from auraos.core.catalogue import Catalogue, Effect, StepType
from auraos.core.errors import AuraError
from auraos.core.run import Program, compile_workflow
from auraos.core.workflow import Link, Scope, Step, Workflow
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.engine.ports import RunQuery, Version
from auraos.steps.transform import transform
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore

EFFECTS = ("reserve", "charge", "ship", "tell")
PURE = {"set": {"n": "{{ input.n }}"}}
STEPS = {
    "price": Step(id="price", type="transform", settings=PURE),
    "reserve": Step(id="reserve", type="test.idempotent"),
    "charge": Step(id="charge", type="test.write"),
    "note": Step(id="note", type="transform", settings=PURE),
    "ship": Step(id="ship", type="test.write"),
    "tell": Step(id="tell", type="test.idempotent"),
}
NAMES = list(STEPS)
LINKS = tuple(Link(a, "out", b) for a, b in zip(NAMES, NAMES[1:], strict=False))
WORKFLOW = Workflow(name="six", scope=Scope(steps=STEPS, links=LINKS))
VERSION = Version(hash="six-1", kind="workflow", name="six", text="six")


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


async def ask(port: int, method: str, path: str, key: str = "") -> int:
    head = f"{method} /{path} HTTP/1.0\r\nIdempotency-Key: {key}\r\nBegan: {time.monotonic()}\r\nContent-Length: 0\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


def make_catalogue(port: int) -> Catalogue:
    async def execute(settings: dict[str, Any], context: Any) -> Any:
        await ask(port, "POST", context.path, context.key)
        return {"done": context.path}

    async def stop(settings: dict[str, Any], context: Any) -> Any:
        if os.getpid() == settings["process"]:
            os.kill(os.getpid(), signal.SIGSTOP)

    effects = {"test.write": Effect.WRITE, "test.idempotent": Effect.IDEMPOTENT}
    types = [StepType(name=n, title=n, summary="Posts.", effect=e, execute=execute) for n, e in effects.items()]
    types.append(StepType(name="test.stop", title="Stop", summary="Stands still.", effect=Effect.IDEMPOTENT, execute=stop))
    return Catalogue([transform, *types])


class OneVersion:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def resolve(self, workspace: str, name: str) -> Version:
        return VERSION

    def compile(self, version: Version) -> Program:
        return compile_workflow(WORKFLOW, self._catalogue, version=version.hash)


async def settle_doubts(engine: Engine, store: SqliteStore, run: str, port: int) -> None:
    """Answer as an honest person would, who looks at the other side first."""
    await engine.drive_until_idle()
    active = await engine._memory.reach(run)
    while active is not None and active.state is not None and not active.state.is_final:
        doubts = [act for act in active.state.activations.values() if act.status == "asked"]
        for doubt in doubts:
            seen = await ask(port, "GET", doubt.key) == 200
            await engine.resolve(run, "succeeded" if seen else "retry", path=doubt.path, output={"done": doubt.path})
        await engine.drive_until_idle()


async def start_one(engine: Engine) -> int:
    try:
        say("ACK", await engine.start(VERSION, input={"n": 7}))
    except AuraError as error:
        say("REFUSED", error.code)
        return 1
    return 0


async def main(folder: Path, port: int, mode: str, count: int) -> int:
    claimed = DataFolder.claim(folder)
    try:
        store = SqliteStore.open(claimed)
    except AuraError as error:
        say("REFUSED", error.code)
        return 1
    catalogue = make_catalogue(port)
    nowhere: Any = None
    doors = Doors(http=nowhere, secrets=nowhere, sandbox=nowhere, blobs=LocalBlobs(claimed.blobs), redact=lambda v: v)
    engine = Engine(store, catalogue, OneVersion(catalogue), doors)
    await engine.open()
    code = 0
    if mode == "start":
        code = max(await asyncio.gather(*(start_one(engine) for _ in range(count))))
    for row in await store.runs(RunQuery(limit=1000)):
        if row.finished_at is None and mode == "recover":
            await settle_doubts(engine, store, row.run, port)
        if not code:
            say("END", row.run, (await engine.wait(row.run)).state)
    await engine.close(1.0)
    await store.close()
    return code


if __name__ == "__main__":
    number = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    sys.exit(asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], number)))
