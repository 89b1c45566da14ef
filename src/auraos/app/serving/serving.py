"""One process of `auraos serve`: it takes the store, drives the runs, answers at its doors, and leaves in good order.

It leaves in this order: nothing new is taken; steps that write are waited for; what they brought is made durable, and whoever
waits for it is answered; then the doors close and the store is let go.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from auraos.app.audit.console import console_notes
from auraos.app.definitions.flag_files import FlagFiles
from auraos.app.health import Health, Phase, PortRefusedError
from auraos.app.installed import load_installed
from auraos.app.keeping import Keeping, claim, open_keeping
from auraos.app.outside.world import World
from auraos.app.privacy.holding import holding
from auraos.app.runs.releases import Releases
from auraos.app.serving.desk import Desk
from auraos.app.serving.desks import Services, open_services, refuse_without_owner
from auraos.app.serving.steward import ProcessSteward
from auraos.app.serving.watching import watch
from auraos.app.settings.step_flags import StepFlags
from auraos.core.catalogue import Catalogue
from auraos.core.errors import OperationalError
from auraos.core.run import LARGEST
from auraos.engine.disk import DiskGuard
from auraos.engine.engine import DEFAULT_PARALLEL, Engine
from auraos.engine.ownership import ShardKeeper, is_alive, this_process
from auraos.engine.pooling import PoolKeeper
from auraos.engine.ports import Store, Write
from auraos.engine.process import settle
from auraos.engine.shards import Shards
from auraos.engine.socket import EngineSocket
from auraos.engine.suspects import Suspects
from auraos.engine.watchdog import Watchdog
from auraos.storage.blobs.walking import are_kept
from auraos.storage.folder import is_held

if TYPE_CHECKING:
    from auraos.storage.postgres import PostgresStore

log = logging.getLogger("auraos.serve")
LOOK_FOR_RELEASE = 2.0
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8321
GRACE = 30.0
"""For so many seconds a step that writes is waited for when the process leaves."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wishes of a process."""

    data: Path
    database: str = ""
    files: Path | None = None
    url: str = ""
    """The address that browsers know it by; without one, whatever address they name."""
    proxies: tuple[str, ...] = ()
    """The networks of the proxies in front of it."""
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    allow_net: tuple[str, ...] = ()
    parallel: int = DEFAULT_PARALLEL
    pools: dict[str, int] = {}
    grace: float = GRACE
    settings: dict[str, str] = {}
    """What the command line sets, which holds whatever is stored."""
    largest_value: int = LARGEST
    """So many bytes of JSON a value may have."""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process answers, once it does."""

    url: str
    socket: Path
    keeps: str
    first_owner: str = ""
    """The token by which the first owner is made, where there was none yet."""


class FrontDoor(Protocol):
    """The door that programs and browsers come through."""

    async def open(self, host: str, port: int) -> int:
        """Listen, telling only of the process's health, and return the port: 0 asks for a free one."""
        ...

    def admit(self, desk: Desk, wishes: Wishes) -> None:
        """Let others in from now on, who are served by this desk."""
        ...

    async def dismiss(self) -> None:
        """Let nobody in any more, and return when those who were in are served; it still tells of the health."""
        ...

    async def close(self) -> None:
        """Take nothing new, answer what was taken, and close."""
        ...


async def serve(
    wishes: Wishes,
    world: World,
    *,
    front: Callable[[Health], FrontDoor],
    leave: asyncio.Event,
    ready: Callable[[Ready], None],
) -> None:
    """Serve until `leave` is set, and leave in good order; `ready` hears when the doors are open."""
    health = Health()
    await refuse_without_owner(wishes.host, wishes.data, wishes.database)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(world.close)
        door = front(health)
        try:
            port = await door.open(wishes.host, wishes.port)
        except PortRefusedError:
            await _refuse_held_folder(wishes)
            raise
        stack.push_async_callback(door.close)
        keeping = await open_keeping(wishes.data, wishes.database, stack)
        shards = Shards(are_shared=keeping.shared is not None)
        catalogue = load_installed().catalogue
        services = open_services(
            wishes.data, keeping, catalogue, world, stack, files=wishes.files, settings=wishes.settings
        )
        engine = _make_engine(wishes, keeping, world, shards, catalogue, services)
        settle()
        _watch_loop(stack)
        stack.push_async_callback(engine.close, 0.0)
        await watch(health, engine, keeping, services, wishes.data, stack)
        conduct = _Conduct(engine, keeping, health, leave, shards)
        conduct.begun = lambda: _look_after_room(engine, keeping, wishes, health, stack)
        stack.push_async_callback(conduct.close)
        if not await _or_leave(conduct.begin(), leave):
            return
        steward = ProcessSteward(engine, keeping, conduct)
        listening = EngineSocket(
            engine, keeping.shown, keeping.socket, steward=steward, largest_value=wishes.largest_value,
            witness=console_notes(services.witness, keeping.store),
        )  # fmt: skip
        await listening.open()
        stack.push_async_callback(listening.close)
        await services.begin(alone=keeping.shared is None)
        token = await services.identity.ownership.token_for_first_start()
        desk = _open_desk(services, engine, keeping, stack)
        door.admit(desk, wishes)
        stack.push_async_callback(door.dismiss)
        health.has_doors = True
        url = f"http://{wishes.host}:{port}"
        log.info("serve.ready", extra={"url": url, "keeps": keeping.words})
        ready(Ready(url=url, socket=keeping.socket, keeps=keeping.words, first_owner=token or ""))
        await leave.wait()
        health.phase = "draining"
        conduct.retire()
        await _drain(engine, desk, wishes.grace)
        await conduct.close()
        await listening.close()
    log.info("serve.left")


def _watch_loop(stack: AsyncExitStack) -> None:
    """Say what holds the event loop up, until the stack is closed."""
    watchdog = Watchdog()
    watchdog.start()
    stack.callback(watchdog.stop)


async def _refuse_held_folder(wishes: Wishes) -> None:
    """Raise `FolderInUseError` where another process has the folder: it most likely has the port for that reason."""
    if not wishes.database and is_held(wishes.data):
        (await claim(wishes.data)).release()


def _look_after_room(
    engine: Engine, keeping: Keeping, wishes: Wishes, health: Health, stack: AsyncExitStack
) -> None:
    """Let finished runs go in time, and watch the disk."""
    retention = engine.retention
    retention.may_sweep = lambda: not are_kept(wishes.data)
    retention.held = holding(keeping.tables)
    retention.start()
    guard = engine.disk = DiskGuard(wishes.data, retention.prune)
    health.disk = lambda: guard.words if guard.is_refusing else ""
    guard.start()
    stack.callback(guard.stop)


class _Conduct:
    """What the process does next: begin, end a hold, leave."""

    def __init__(
        self, engine: Engine, keeping: Keeping, health: Health, leave: asyncio.Event, shards: Shards
    ) -> None:
        self._engine = engine
        self._keeping = keeping
        self._shards = shards
        self.begun: Callable[[], None] = lambda: None
        """Hears that runs move: after a restore nothing is cleaned up before it is released."""
        self._keeper: ShardKeeper | None = None
        self._pools: PoolKeeper | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._hold = keeping.hold
        self._health = health
        self._leave = leave
        self._releasing = asyncio.Lock()

    @property
    def phase(self) -> Phase:
        return self._health.phase

    async def begin(self) -> None:
        """Go on with what is there, unless it is held since a restore."""
        words = await self._hold.words()
        if words:
            self._engine.hold(words)
            self._health.phase = "held"
            log.warning("serve.held", extra={"why": words, "hint": "auraos engine release"})
            self._waiting = asyncio.create_task(self._look_for_release())
            return
        self._health.ask_store = _asking(self._keeping.store)
        shared = self._keeping.shared
        if shared is None:
            await self._engine.open()
        else:
            await self._share(shared)
        self._health.phase = "serving"
        self.begun()

    async def _share(self, store: "PostgresStore") -> None:
        """Own some of the runs, as long as the store hears of this process, and share them with others."""
        moves, shards = self._engine.moves, self._shards
        keeper = self._keeper = ShardKeeper(store.ownership(), moves, self._renew, token=store.token)
        pools = PoolKeeper(
            store.allotments(), self._engine.granting, this_process(store.token), is_alive=is_alive
        )
        if pools.has_any:
            pools.begin()
            self._pools = pools
        moves.on_fenced = keeper.fenced
        await store.hints(moves.hint, lambda: shards.own)
        await self._engine.open()
        await keeper.start()
        await moves.settled()

    async def _renew(self, token: str) -> None:
        """Go by another token, for this process was fenced."""
        store = self._keeping.shared
        assert store is not None
        await store.renew(token)
        if self._pools is not None:
            self._pools.renew(token)

    async def _look_for_release(self) -> None:
        """Go on when the hold has ended, which another process may have been told."""
        while self._health.phase == "held":
            await asyncio.sleep(LOOK_FOR_RELEASE)
            try:
                held = await self._hold.words()
            except OperationalError:
                continue
            if not held:
                await self.release()

    def retire(self) -> None:
        """Let others have, from now on, what nothing is under way in."""
        if self._keeper is not None:
            self._keeper.retire()
        if self._pools is not None:
            self._pools.retire()

    async def close(self) -> None:
        """Let others have what this process owns."""
        if self._waiting is not None:
            self._waiting.cancel()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.leave()
        if self._pools is not None:
            await self._pools.leave()

    async def release(self) -> str:
        """End a hold, durably, and go on with what is there; return why there was one."""
        async with self._releasing:
            if self._health.phase != "held":
                return ""
            words = await self._hold.words()
            await self._hold.release()
            log.info("serve.released")
            await self.begin()
            return words

    def drain(self) -> None:
        """Leave in good order."""
        log.info("serve.told_to_leave", extra={"by": "auraos engine drain"})
        self._leave.set()


def _make_engine(
    wishes: Wishes,
    keeping: Keeping,
    world: World,
    shards: Shards,
    catalogue: Catalogue,
    services: Services,
) -> Engine:
    flags = StepFlags(services.flags, FlagFiles(wishes.files))
    doors = world.doors(keeping.blobs, largest_value=wishes.largest_value, flags=flags.of)
    suspects = Suspects(wishes.data / "engine.work")
    for run, deaths in suspects.deaths.items():
        log.warning("serve.process_died", extra={"run": run, "times": deaths})
    engine = Engine(
        keeping.store,
        catalogue,
        services.published,
        doors,
        parallel=wishes.parallel,
        shards=shards,
        pools=wishes.pools,
        suspects=suspects,
        privacy=keeping.sealing,
    )
    engine.choose_by(Releases(services.flags).choose)
    return engine


def _open_desk(services: Services, engine: Engine, keeping: Keeping, stack: AsyncExitStack) -> Desk:
    """Return the desk of the process, which goes on with what others left to be done in the background."""
    desk = services.desk(engine, keeping)
    desk.bulks.start()
    stack.push_async_callback(desk.bulks.close)
    stack.push_async_callback(desk.chores.close)
    stack.callback(desk.feeds.close)
    desk.key_uses.start()
    stack.push_async_callback(desk.key_uses.close)
    desk.chores.start(alone=keeping.shared is None)
    desk.usage.start(desk.identity.access.known_workspaces)
    return desk


async def _drain(engine: Engine, desk: Desk, grace: float) -> None:
    desk.feeds.close()
    await desk.bulks.close()
    await desk.chores.close()
    writes = engine.count_writes()
    log.info("serve.draining", extra={"writes": writes, "grace": grace})
    await engine.close(grace)
    left = engine.count_writes()
    if left:
        log.warning("serve.writes_cut_off", extra={"writes": left})


async def _or_leave(opening: Coroutine[Any, Any, None], leave: asyncio.Event) -> bool:
    """Return whether it was done before the process is to leave."""
    done = asyncio.create_task(opening)
    leaving = asyncio.create_task(leave.wait())
    try:
        await asyncio.wait({done, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            return False
        done.result()
        return True
    finally:
        leaving.cancel()
        done.cancel()


def _asking(store: Store) -> Callable[[], asyncio.Future[None]]:
    """Return what asks a store whether it takes writes."""
    return lambda: store.commit(Write(workspace="default", run="", seq=0))
