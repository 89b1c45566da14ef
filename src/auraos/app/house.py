"""One data folder, opened: for reading, for driving runs, or through the process that holds it already."""

import asyncio
import errno
import os
import shlex
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from auraos.app.secrets.sealing import open_store, seal_store
from auraos.core.errors import OperationalError, UserError
from auraos.engine.ports import NotFoundError, RunRow
from auraos.storage.folder import DataFolder, FolderInUseError, is_held, read_marker
from auraos.storage.reads import Reads
from auraos.storage.veil import veiled

if TYPE_CHECKING:
    from auraos.app.definitions.versions import FolderDefinitions
    from auraos.app.installed import Installed
    from auraos.core.run import Program, RunView
    from auraos.core.run.facts import AnyFact
    from auraos.engine.client import EngineClient
    from auraos.engine.engine import Engine
    from auraos.engine.stewardship import InspectedStore

# ruff: noqa: PLC0415 (a list of runs needs neither the engine nor step types, and imports neither)

Lead: TypeAlias = "Engine | EngineClient"
"""Whoever starts and leads runs: an engine of our own, or the one of another process."""


PAUSE = 0.1
SHORT_WAIT, LONG_WAIT = 3.0, 15.0
"""For how many seconds a folder is waited for whose process only just begins or ends, or ends while a run is followed."""


class NoDataFolderError(UserError):
    """There is no data folder here."""

    code = "no-data-folder"


class ForeignFolderError(UserError):
    """The folder holds runs that would go on, and it is not known to be this user's own."""

    code = "foreign-folder"


class NoServerError(OperationalError):
    """No process serves this folder."""

    code = "no-server"


class House:
    """What the commands work with: the store, perhaps an engine, and what is installed.

    What is installed is looked up when it is first wanted.
    """

    def __init__(
        self,
        data: Path,
        store: "InspectedStore | EngineClient",
        *,
        client: "EngineClient | None" = None,
        engine: "Engine | None" = None,
        installed: "Installed | None" = None,
        definitions: "FolderDefinitions | None" = None,
    ) -> None:
        self.data = data
        self.store = store
        self.own_engine = engine
        """The engine of this process, None where another process drives the runs, or nobody."""
        self._engine = engine or client
        self._installed = installed
        self._definitions = definitions
        self._programs: dict[str, Program] = {}

    @property
    def engine(self) -> Lead:
        """Return what leads runs; only a house that was opened for it has one."""
        assert self._engine is not None
        return self._engine

    @property
    def installed(self) -> "Installed":
        """Return the step types that are installed."""
        if self._installed is None:
            from auraos.app.installed import load_installed

            self._installed = load_installed()
        return self._installed

    @property
    def definitions(self) -> "FolderDefinitions":
        """Return the definitions that runs are started on and compiled from."""
        if self._definitions is None:
            from auraos.app.definitions.versions import FolderDefinitions

            self._definitions = FolderDefinitions(None, self.installed.catalogue)
        return self._definitions

    @property
    def is_driven(self) -> bool:
        """Return whether some process drives the runs of this folder now."""
        return self._engine is not None and not self.held

    @property
    def held(self) -> str:
        """Return why nothing may move since the folder was restored; nothing when all may."""
        return held_words(self.data)

    @property
    def is_remote(self) -> bool:
        """Return whether it is a server, which is asked over HTTP."""
        return False

    @property
    def driver(self) -> str:
        """Return who drives the runs where this process does not, in a sentence."""
        return f"Another process holds {self.data} and drives the run, with its own --allow-net."

    async def find(self, name: str) -> RunRow:
        """Return the run of this number, id, or beginning of an id; raise `NotFoundError` if there is none."""
        row = await self.store.find(name, workspace="default")
        if row is None:
            raise NotFoundError(f"There is no run {name!r} in {self.data}.", hint="See `auraos runs list`.")
        return row

    async def facts(self, run: str) -> "list[AnyFact]":
        """Return the durable facts of a run."""
        from auraos.engine.stream import facts_of

        batches = await self.store.journal(run)
        return await asyncio.to_thread(facts_of, batches, await self.fetching(run))

    async def fetching(self, run: str) -> Callable[[str], bytes]:
        """Return what fetches the large values of a run by their hash."""
        from auraos.storage.blobs import LocalBlobs

        row = await self.store.find(run)
        workspace = row.workspace if row is not None else "default"
        return partial(LocalBlobs(self.data / "blobs").fetch, workspace, run)

    async def program(self, row: RunRow) -> "Program":
        """Return the program that a run lives by, from the text that the store kept."""
        if row.version not in self._programs:
            kept = await self.store.version(row.version)
            if kept is None:
                raise NotFoundError(f"The text of version {row.version[:12]!r} is not in {self.data}.")
            self._programs[row.version] = self.definitions.compile(kept)
        return self._programs[row.version]

    async def view(self, row: RunRow, upto: int | None = None) -> "RunView":
        """Return a run as its journal tells it, as a whole or up to a fact."""
        from auraos.core.run import view

        facts = await self.facts(row.run)
        return view(await self.program(row), facts if upto is None else facts[:upto])


@asynccontextmanager
async def open_for_reading(data: Path) -> AsyncIterator[House]:
    """Open a data folder to look at it: nothing in it moves. Another process may hold it, or nobody may write it."""
    _require(data)
    async with AsyncExitStack() as stack:
        try:
            folder = await claim_or_connect(data, stack, SHORT_WAIT)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            yield House(data, await _look_into(data, stack))
            return
        if not isinstance(folder, DataFolder):
            yield House(data, folder, client=folder)
            return
        stack.callback(folder.release)
        store = await open_store(folder, stack)
        yield House(data, veiled(store, store.tables))


@asynccontextmanager
async def open_server(data: Path, *, wait: float = SHORT_WAIT) -> AsyncIterator[House]:
    """Talk to the process that serves a folder; one that only just begins is waited for. Raise `NoServerError` without one."""
    from auraos.engine.client import EngineGoneError

    last = asyncio.get_running_loop().time() + wait
    while True:
        try:
            client = await connect(data)
            break
        except EngineGoneError as gone:
            if not is_held(data) or asyncio.get_running_loop().time() > last:
                raise NoServerError(
                    f"No process serves {data}.",
                    hint=f"Start one: auraos serve --data {data}. `auraos run FILE` needs none.",
                ) from gone
        await asyncio.sleep(PAUSE)
    try:
        yield House(data, client, client=client)
    finally:
        await client.close()


def sockets_of(data: Path) -> list[Path]:
    """Return where processes may listen that lead the runs of a folder."""
    return [data / "engine.sock", *sorted(data.glob("engine-*.sock"))]


async def connect(data: Path) -> "EngineClient":
    """Connect to a process that leads the runs of a folder; of several that share a database, to any."""
    from auraos.engine.client import EngineClient, EngineGoneError

    for socket in sockets_of(data):
        try:
            return await EngineClient.connect(socket)
        except EngineGoneError as gone:
            refused = gone
    raise refused


@asynccontextmanager
async def open_for_driving(
    data: Path,
    *,
    files: Path | None = None,
    installed: "Installed | None" = None,
    allow_net: Iterable[str] = (),
    pools: Mapping[str, int] | None = None,
    create: bool = False,
    wait: float = SHORT_WAIT,
) -> AsyncIterator[House]:
    """Open a data folder with an engine that drives its runs; where another process does so, talk to that one.

    `files` is the folder whose workflows can be called by name. `wait` is for how long a process that has the folder and
    does not answer is waited for. Raise `ForeignFolderError` for a folder of somebody else in which something would go on.
    """
    from auraos.app.definitions.versions import FolderDefinitions
    from auraos.app.installed import load_installed
    from auraos.app.outside.world import World
    from auraos.app.settings.step_flags import step_flags_on
    from auraos.engine.clock import SystemClock
    from auraos.engine.engine import Engine
    from auraos.engine.socket import EngineSocket
    from auraos.storage.blobs import LocalBlobs
    from auraos.storage.blobs.sealed import SealedBlobs

    if not create:
        _require(data)
    async with AsyncExitStack() as stack:
        installed = installed or load_installed()
        definitions = FolderDefinitions(files, installed.catalogue)
        world = World(allow_net)
        stack.push_async_callback(world.close)
        folder = await claim_or_connect(data, stack, wait)
        if not isinstance(folder, DataFolder):
            yield House(data, folder, client=folder, installed=installed, definitions=definitions)
            return
        stack.callback(folder.release)
        store = await open_store(folder, stack)
        refuse_foreign(folder, data)
        _refuse_held(folder, data)
        sealing = seal_store(store, folder.path, _identity(folder))
        flags = await stack.enter_async_context(step_flags_on(store.tables, files, SystemClock().now))
        doors = world.doors(SealedBlobs(LocalBlobs(folder.blobs), sealing), flags=flags.of)
        engine = Engine(store, installed.catalogue, definitions, doors, pools=pools, privacy=sealing)
        await engine.open()
        stack.push_async_callback(engine.close)
        shown = veiled(store, store.tables)
        listening = EngineSocket(engine, shown, folder.socket)
        await listening.open()
        stack.push_async_callback(listening.close)
        yield House(data, shown, engine=engine, installed=installed, definitions=definitions)


async def adopt(data: Path) -> None:
    """Know a data folder as this user's own from now on: what is unfinished in it may go on."""
    from auraos.storage.known_folders import KnownFolders

    _require(data)
    async with AsyncExitStack() as stack:
        folder = await claim_or_connect(data, stack, SHORT_WAIT)
        if not isinstance(folder, DataFolder):
            return  # a process that leads its runs has it, so it is known
        stack.callback(folder.release)
        await open_store(folder, stack)
        KnownFolders.of(os.environ).remember(_identity(folder), folder.path)


async def release(data: Path) -> str:
    """Let go on what is held since a restore, in the process that serves the folder or else from the next one on; return why
    it was held, nothing when it was not.
    """
    _require(data)
    async with AsyncExitStack() as stack:
        folder = await claim_or_connect(data, stack, SHORT_WAIT)
        if not isinstance(folder, DataFolder):
            return await folder.release_hold() if held_words(data) else ""
        held = held_words(data)
        folder.release_hold()
        folder.release()
        return held


def held_words(data: Path) -> str:
    """Return why nothing in a folder may move since it was restored; nothing when all may."""
    marker = read_marker(data)
    return marker.held if marker is not None else ""


def release_command(data: Path) -> str:
    """Return the command that lets a held folder go on, as a person would type it."""
    return shlex.join(["auraos", "engine", "release", "--data", str(data)])


def _refuse_held(folder: DataFolder, data: Path) -> None:
    from auraos.engine.stewardship import HeldError

    held = held_words(folder.path)
    if held:
        raise HeldError(held, hint=f"Look at what is there; `{release_command(data)}` lets it go on.")


def refuse_foreign(folder: DataFolder, data: Path) -> None:
    """Refuse a folder that is not known and in which something would go on; know all others from now on."""
    from auraos.storage.known_folders import KnownFolders
    from auraos.storage.sqlite.looking import has_open_work

    known, identity = KnownFolders.of(os.environ), _identity(folder)
    if identity in known:
        return
    if has_open_work(folder.database):
        raise ForeignFolderError(
            f"{data} holds runs that would go on with your secrets, and you neither made nor adopted this folder.",
            hint=f"Look at them with `auraos runs list --data {data}`. If they are yours, as after a move to another"
            f" machine: auraos data adopt {data}",
        )
    known.remember(identity, folder.path)


def _identity(folder: DataFolder) -> str:
    """Return the id that the folder was given when it was made; opening its store has written it down."""
    marker = folder.marker
    assert marker is not None
    return marker.key


def _require(data: Path) -> None:
    if not (data / "auraos.json").exists() and not (data / "auraos.db").exists():
        raise NoDataFolderError(
            f"There are no runs in {str(data)!r}: it is no data folder of AuraOS.",
            hint="`auraos run FILE` makes one; --data names another.",
        )


async def _look_into(data: Path, stack: AsyncExitStack) -> Reads:
    """Open the store of a folder that may not be written."""
    from auraos.storage.sqlite.looking import open_for_looking

    store = open_for_looking(data / "auraos.db")
    stack.push_async_callback(store.close)
    return veiled(store, store.looked_at)


@asynccontextmanager
async def _serving_client(data: Path, wait: float) -> "AsyncIterator[EngineClient]":
    from auraos.engine.client import EngineClient

    async with open_server(data, wait=wait) as house:
        assert isinstance(house.store, EngineClient)
        yield house.store


async def claim_or_connect(data: Path, stack: AsyncExitStack, wait: float) -> "DataFolder | EngineClient":
    """Take the folder, or reach the process that has it; one that only just begins or ends is waited for a little."""
    marker = read_marker(data)
    if (
        marker is not None and marker.store != "sqlite"
    ):  # its runs are in a database, and only who serves it gets there
        return await stack.enter_async_context(_serving_client(data, wait))
    for _ in range(round(wait / PAUSE)):
        try:
            return DataFolder.claim(data)
        except FolderInUseError as in_use:
            refused = in_use
        from auraos.engine.client import EngineGoneError

        try:
            client = await connect(data)
        except EngineGoneError:
            await asyncio.sleep(PAUSE)
            continue
        stack.push_async_callback(client.close)
        return client
    raise refused
