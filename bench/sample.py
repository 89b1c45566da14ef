"""An engine for a measurement, wired as `auraos serve` wires it, with two step types more; and the workflows it runs."""

import asyncio
import time
from pathlib import Path
from typing import Any, TypeAlias

from auraos.app.definitions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.app.world import World
from auraos.core.catalogue import Catalogue, Effect, StepType
from auraos.engine.engine import Engine
from auraos.engine.ports import Version
from auraos.engine.process import settle_memory
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.postgres import PostgresStore
from auraos.storage.sqlite import SqliteStore

AnyStore: TypeAlias = SqliteStore | PostgresStore
AT_ONCE = 100
STEPS = 10


class Sample:
    """An engine on a data folder: its SQLite, or a PostgreSQL store beside it. `await engine.open()` before it is used."""

    def __init__(self, folder: Path, store: AnyStore | None = None) -> None:
        self.folder = DataFolder.claim(folder)
        self.store = store or SqliteStore.open(self.folder)
        self.world = World()
        self.catalogue = Catalogue([*load_installed().catalogue.all(), EFFECT, HANGING])
        self.definitions = FolderDefinitions(None, self.catalogue)
        doors = self.world.doors(LocalBlobs(self.folder.blobs))
        self.engine = Engine(self.store, self.catalogue, self.definitions, doors)

    async def open(self, workflow: str) -> Version:
        """Let the engine begin, as a process does before its first run; return this workflow, ready to be run."""
        await self.engine.open()
        version = self.definitions.add(workflow)
        settle_memory()
        return version

    async def run_many(self, version: Version, runs: int, at_once: int = AT_ONCE) -> float:
        """Carry out so many runs, and return how many a second became durable."""
        numbers = iter(range(runs))
        states = set()

        async def one_after_the_other() -> None:
            for _ in numbers:
                states.add((await self.engine.run(version, input={"n": 1})).state)

        begun = time.perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        took = time.perf_counter() - begun
        if states != {"succeeded"}:
            message = f"not every run succeeded: {states}"
            raise RuntimeError(message)
        return runs / took

    async def close(self, grace: float = 10.0) -> None:
        """Let go of the store."""
        await self.engine.close(grace)
        await self.store.close()
        await self.world.close()
        self.folder.release()


def chain_of(kind: str) -> str:
    """Return the text of a chain of ten steps, `pure` or `effect`, each with expressions over the one before."""
    steps = []
    for number in range(STEPS):
        before = f"steps.s{number - 1}.n" if number else "input.n"
        values = f'{{n: "{{{{ {before} * 2 - {number} }}}}", big: "{{{{ {before} > 3 }}}}"}}'
        given = (
            f"type: transform, with: {{set: {values}}}"
            if kind == "pure"
            else f"type: bench.effect, with: {values}"
        )
        steps.append(f"    s{number}: {{{given}}}")
    links = ", ".join(f"s{number} -> s{number + 1}" for number in range(STEPS - 1))
    return "\n".join([f"kind: workflow\nname: {kind}\nspec:\n  steps:", *steps, f"  links: [{links}]\n"])


async def _effect(settings: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 (as every step)
    return settings


async def _hang(settings: dict[str, Any], context: Any) -> None:  # noqa: ARG001 (as every step)
    await asyncio.Event().wait()


EFFECT = StepType(
    name="bench.effect", title="Effect", summary="Does next to nothing.", effect=Effect.WRITE, execute=_effect
)
HANGING = StepType(name="bench.hang", title="Hang", summary="Never ends.", effect=Effect.READ, execute=_hang)
