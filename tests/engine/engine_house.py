"""A whole engine on a real SQLite file, for tests: opened, closed, killed in memory and opened again on the same folder."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue, Effect, StepType
from auraos.engine.clock import SystemClock
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.sdk import Http, StepContext
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore

Work = Callable[[dict[str, Any], StepContext], Awaitable[Any]]


class NoDoor:
    """A door that leads nowhere: a step that opens it fails the test."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"No step of this test may use {name}.")


class MovableClock(SystemClock):
    """The clock of this machine, moved forward by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0
        self.skipped = 0.0

    def now(self) -> int:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        self.skipped += seconds
        self.ahead += int(seconds * 1_000_000)


class Steps:
    """What the steps `test.write`, `test.idempotent` and `test.read` do: what the test says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.keys: list[str] = []
        self.work: Work = echo
        self.started = asyncio.Event()

    async def execute(self, settings: dict[str, Any], context: StepContext) -> Any:
        self.calls.append((context.path, context.attempt))
        self.keys.append(context.key)
        self.started.set()
        return await self.work(settings, context)

    def types(self) -> list[StepType]:
        effects = {"test.write": Effect.WRITE, "test.idempotent": Effect.IDEMPOTENT, "test.read": Effect.READ}
        return [
            StepType(name=name, title=name, summary="A step of a test.", effect=effect, execute=self.execute)
            for name, effect in effects.items()
        ]


async def echo(settings: dict[str, Any], context: StepContext) -> Any:
    return settings


class House:
    """A folder, and the engine that runs on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.steps = Steps()
        self.clock = MovableClock()
        self.use(Catalogue([*load_installed().catalogue.all(), *self.steps.types()]))
        self.masked = "no-secret"

    def use(self, catalogue: Catalogue) -> None:
        """Let these be the installed step types from the next opening on."""
        self.catalogue = catalogue
        self.definitions = FolderDefinitions(None, catalogue)

    async def open(
        self, *, parallel: int = 100, pools: dict[str, int] | None = None, http: Http | None = None
    ) -> Engine:
        self.folder = DataFolder.claim(self.path)
        self.store = await self.open_store()
        self.blobs = LocalBlobs(self.folder.blobs)
        nowhere: Any = NoDoor()
        doors = Doors(
            http=nowhere if http is None else http,
            secrets=nowhere,
            sandbox=nowhere,
            blobs=self.blobs,
            redact=self.redact,
        )
        self.engine = Engine(
            self.store,
            self.catalogue,
            self.definitions,
            doors,
            clock=self.clock,
            parallel=parallel,
            pools=pools,
        )
        await self.engine.open()
        return self.engine

    async def open_store(self) -> Any:
        return SqliteStore.open(self.folder)

    async def close(self) -> None:
        await self.engine.close()
        await self.store.close()
        self.folder.release()

    async def crash(self) -> None:
        """Let the process die as far as one can within a test: nothing that is under way is ever told."""
        runner = self.engine._runner
        self.engine._timers.stop()
        for run in runner.runs.values():
            for attempt in list(run.attempts.values()):
                attempt.abandon()
            run.state = None
        await self.store.close()
        self.folder.release()

    def redact(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(self.masked, "***")
        if isinstance(value, dict):
            return {key: self.redact(item) for key, item in value.items()}
        return value

    async def start(self, text: str, **given: Any) -> str:
        """Start a run of this workflow text."""
        return await self.engine.start(self.definitions.add(text), **given)

    async def kinds(self, run: str) -> list[str]:
        """Return the kinds of the facts of a run, in order."""
        return [type(fact).__name__ for fact in await self.engine.facts(run)]


def flow(steps: str, *, name: str = "w", links: str = "", extra: str = "") -> str:
    """Return the text of a workflow with these steps."""
    linked = f"\n  links: [{links}]" if links else ""
    indented = "\n".join("    " + line for line in steps.strip().splitlines())
    return f"kind: workflow\nname: {name}\nspec:\n  steps:\n{indented}{linked}\n{extra}"
