"""An engine for a measurement, wired as `auraos serve` wires it, with two step types more; and the workflows it runs."""

import asyncio
import time
from pathlib import Path
from typing import Any

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.app.outside.world import World
from auraos.core.catalogue import Catalogue, Effect, StepType
from auraos.engine.disk import DiskGuard
from auraos.engine.engine import Engine
from auraos.engine.ownership import ShardKeeper
from auraos.engine.ports import Version
from auraos.engine.process import settle
from auraos.engine.shards import Shards
from auraos.engine.suspects import Suspects
from auraos.engine.watchdog import Watchdog
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.postgres import PostgresStore
from auraos.storage.sqlite import SqliteStore

AT_ONCE = 100
STEPS = 10


class Sample:
    """An engine on a data folder: its SQLite, or a PostgreSQL store beside it. Make it, and `begin` or `open` it."""

    def __init__(self, folder: Path, store: PostgresStore | None = None) -> None:
        self.folder = DataFolder.claim(folder)
        self.store: SqliteStore | PostgresStore = store or SqliteStore.open(self.folder)
        self.world = World()
        self.catalogue = Catalogue([*load_installed().catalogue.all(), EFFECT, HANGING])
        self.definitions = FolderDefinitions(None, self.catalogue)
        self._shared = store
        self._shards = Shards(are_shared=store is not None)
        self._keeper: ShardKeeper | None = None
        self._watchdog = Watchdog()
        self.engine = Engine(
            self.store,
            self.catalogue,
            self.definitions,
            self.world.doors(LocalBlobs(self.folder.blobs)),
            shards=self._shards,
            suspects=Suspects(folder / "engine.work"),
        )
        self.engine.disk = DiskGuard(folder, self.engine.retention.prune)
        self.engine.disk.ballast.touch()  # it is laid down once in the life of a folder, and not measured

    async def begin(self) -> None:
        """Go on with what is there, and see to all that a process sees to while it serves."""
        self._watchdog.start()
        if self._shared is None:
            await self.engine.open()
        else:
            await self._share(self._shared)
        assert self.engine.disk is not None
        self.engine.disk.start()
        self.engine.retention.start()

    async def open(self, workflow: str) -> Version:
        """Begin; return this workflow, ready to be run."""
        await self.begin()
        version = self.definitions.add(workflow)
        settle()
        return version

    async def _share(self, store: PostgresStore) -> None:
        """Own the shards of a database as one of its processes; there is no other, so it gets them all."""
        moves = self.engine.moves
        self._keeper = ShardKeeper(store.ownership(), moves, store.renew, token=store.token)
        moves.on_fenced = self._keeper.fenced
        await store.hints(moves.hint, lambda: self._shards.own)
        await self.engine.open()
        await self._keeper.start()
        await moves.settled()

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
        assert self.engine.disk is not None
        self.engine.disk.stop()
        await self.engine.close(grace)
        if self._keeper is not None:
            await self._keeper.leave()
        await self.store.close()
        self._watchdog.stop()
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
