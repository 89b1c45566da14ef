"""One data folder, opened: for reading, for driving runs, or through the process that holds it already."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from auraos.app.definitions import FolderDefinitions
from auraos.app.installed import Installed, load_installed
from auraos.app.sandbox import LateSandbox
from auraos.core.errors import UserError
from auraos.core.run import Program, RunView, view
from auraos.core.run.facts import AnyFact
from auraos.engine.client import EngineClient, EngineGoneError
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.engine.ports import NotFoundError, RunRow, RunStore, Store
from auraos.engine.socket import EngineSocket
from auraos.engine.stream import changes_of
from auraos.storage.folder import DataFolder, FolderInUseError

Lead: TypeAlias = Engine | EngineClient
"""Whoever starts and leads runs: an engine of our own, or the one of another process."""


_PAUSE = 0.1
SHORT_WAIT, LONG_WAIT = 3.0, 15.0
"""For how many seconds a folder is waited for whose process only just begins or ends, or ends while a run is followed."""


class NoDataFolderError(UserError):
    """There is no data folder here."""

    code = "no-data-folder"


class House:
    """What the commands work with: the store, perhaps an engine, and what is installed."""

    def __init__(
        self,
        data: Path,
        installed: Installed,
        definitions: FolderDefinitions,
        store: "RunStore | EngineClient",
        engine: Lead | None,
    ) -> None:
        self.data = data
        self.installed = installed
        self.definitions = definitions
        self.store = store
        self._engine = engine
        self._programs: dict[str, Program] = {}

    @property
    def engine(self) -> Lead:
        """Return what leads runs; only a house that was opened for it has one."""
        assert self._engine is not None
        return self._engine

    @property
    def own_engine(self) -> Engine | None:
        """Return the engine of this process, None where another process drives the runs."""
        return self._engine if isinstance(self._engine, Engine) else None

    @property
    def is_driven(self) -> bool:
        """Return whether some process drives the runs of this folder now."""
        return self._engine is not None

    async def find(self, name: str) -> RunRow:
        """Return the run of this number, id, or beginning of an id; raise `NotFoundError` if there is none."""
        row = await self.store.find(name, workspace="default")
        if row is None:
            raise NotFoundError(f"There is no run {name!r} in {self.data}.", hint="See `auraos runs list`.")
        return row

    async def facts(self, run: str) -> list[AnyFact]:
        """Return the durable facts of a run."""
        batches = await self.store.journal(run)
        return [
            change.fact for batch in batches for change in changes_of(run, batch) if change.fact is not None
        ]

    async def program(self, row: RunRow) -> Program:
        """Return the program that a run lives by, from the text that the store kept."""
        if row.version not in self._programs:
            kept = await self.store.version(row.version)
            if kept is None:
                raise NotFoundError(f"The text of version {row.version[:12]!r} is not in {self.data}.")
            self._programs[row.version] = self.definitions.compile(kept)
        return self._programs[row.version]

    async def view(self, row: RunRow, upto: int | None = None) -> RunView:
        """Return a run as its journal tells it, as a whole or up to a fact."""
        facts = await self.facts(row.run)
        return view(await self.program(row), facts if upto is None else facts[:upto])


@asynccontextmanager
async def open_for_reading(data: Path) -> AsyncIterator[House]:
    """Open a data folder to look at it: nothing in it moves. Another process may hold it."""
    _require(data)
    async with AsyncExitStack() as stack:
        installed = load_installed()
        definitions = FolderDefinitions(None, installed.catalogue)
        folder = await _claim_or_connect(data, stack, SHORT_WAIT)
        if isinstance(folder, EngineClient):
            yield House(data, installed, definitions, folder, folder)
            return
        stack.callback(folder.release)
        yield House(data, installed, definitions, await _open_store(folder, stack), None)


@asynccontextmanager
async def open_for_driving(
    data: Path,
    *,
    files: Path | None = None,
    installed: Installed | None = None,
    allow_net: Iterable[str] = (),
    create: bool = False,
    wait: float = SHORT_WAIT,
) -> AsyncIterator[House]:
    """Open a data folder with an engine that drives its runs; where another process does so, talk to that one.

    `files` is the folder whose workflows can be called by name. `wait` is for how long a process that has the folder and
    does not answer is waited for.
    """
    from auraos.security.egress import Egress  # noqa: PLC0415 (only a run needs what it needs)
    from auraos.security.redaction import Redactor  # noqa: PLC0415
    from auraos.security.reveal import Reveal  # noqa: PLC0415
    from auraos.storage.blobs import LocalBlobs  # noqa: PLC0415

    if not create:
        _require(data)
    async with AsyncExitStack() as stack:
        installed = installed or load_installed()
        definitions = FolderDefinitions(files, installed.catalogue)
        redactor = Redactor()
        reveal = Reveal(os.environ, redactor)
        egress = Egress(allow_net, secrets=reveal)
        stack.push_async_callback(egress.close)
        folder = await _claim_or_connect(data, stack, wait)
        if isinstance(folder, EngineClient):
            yield House(data, installed, definitions, folder, folder)
            return
        stack.callback(folder.release)
        store = await _open_store(folder, stack)
        sandbox = LateSandbox()
        stack.push_async_callback(sandbox.close)
        doors = Doors(
            http=egress,
            secrets=reveal,
            sandbox=sandbox,
            blobs=LocalBlobs(folder.blobs),
            redact=redactor.redact,
        )
        engine = Engine(store, installed.catalogue, definitions, doors)
        await engine.open()
        stack.push_async_callback(engine.close)
        listening = EngineSocket(engine, store, folder.socket)
        await listening.open()
        stack.push_async_callback(listening.close)
        yield House(data, installed, definitions, store, engine)


def _require(data: Path) -> None:
    if not (data / "auraos.json").exists() and not (data / "auraos.db").exists():
        raise NoDataFolderError(
            f"There are no runs in {str(data)!r}: it is no data folder of AuraOS.",
            hint="`auraos run FILE` makes one; --data names another.",
        )


async def _open_store(folder: DataFolder, stack: AsyncExitStack) -> Store:
    from auraos.storage.sqlite.store import SqliteStore  # noqa: PLC0415 (a client needs no database)

    store = SqliteStore.open(folder)
    stack.push_async_callback(store.close)
    return store


async def _claim_or_connect(data: Path, stack: AsyncExitStack, wait: float) -> "DataFolder | EngineClient":
    """Take the folder, or reach the process that has it; one that only just begins or ends is waited for a little."""
    for _ in range(round(wait / _PAUSE)):
        try:
            return DataFolder.claim(data)
        except FolderInUseError as in_use:
            refused = in_use
        try:
            client = await EngineClient.connect(data / "engine.sock")
        except EngineGoneError:
            await asyncio.sleep(_PAUSE)
            continue
        stack.push_async_callback(client.close)
        return client
    raise refused
