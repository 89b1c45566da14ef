"""One simulated process: a real engine and a real keeper of shards, on loops of their own and one database with others."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from auraos.core.errors import AuraError
from auraos.engine.clock import uuid7
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.engine.ownership import ShardKeeper
from auraos.engine.owning import Owner
from auraos.engine.pooling import PoolKeeper
from auraos.engine.shards import Shards
from simulation.cluster_workflows import POOLS, catalogue
from simulation.simulated_database import SimulatedAllotments, SimulatedOwnership, SimulatedStore
from simulation.simulated_loop import SimulatedLoop, WaitsError
from simulation.soundness import BrokenPromiseError

if TYPE_CHECKING:
    from simulation.cluster import ClusterWorld

EPOCH = 1_767_600_000_000_000
GRACE = 1.0


class NoDoor:
    """A door that leads nowhere: no step of these worlds opens it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"No step of a simulated world may use {name}.")


class NoBlobs:
    """Holds nothing: no value of these worlds is large."""

    def fetch(self, workspace: str, run: str, hash: str) -> bytes:  # noqa: A002 (as in the port)
        raise AssertionError("No value of a simulated world is large.")

    def sealer(self, run: str) -> None:
        return None


class SimulatedClock:
    """The clock of a world, and ids that follow from its seed."""

    def __init__(self, world: "ClusterWorld") -> None:
        self._world = world

    def now(self) -> int:
        return EPOCH + round(self._world.seconds * 1_000_000)

    def monotonic(self) -> float:
        return self._world.seconds

    def new_id(self) -> str:
        self._world.ids += 1
        number = self._world.ids
        return uuid7(self.now() // 1000, number >> 8 & 0xFFF, number)


class KeeperThread:
    """Stands in for the thread of a keeper: its loop is had by the world, turn by turn."""

    def __init__(self, loop: SimulatedLoop, keeper: ShardKeeper) -> None:
        self._loop = loop
        self._keeper = keeper
        self._task: Any = None

    def start(self) -> None:
        self._task = self._loop.create_task(self._keeper._keep())

    def is_alive(self) -> bool:
        return self._task is not None and not self._task.done()

    def join(self) -> None:
        if self.is_alive():
            raise WaitsError


class Process:
    """A process of `auraos serve`, as far as it drives runs."""

    def __init__(self, world: "ClusterWorld", number: int, host: str) -> None:
        self.world = world
        self.number = number
        self.host = host
        self.is_dead = False
        self.was_disturbed = False
        """Whether something of its attempts may have been lost."""
        self.is_leaving = False
        self.was_let_go = False
        """Whether its runs may move."""
        self.is_open = False
        self.clock = SimulatedClock(world)
        self.loop = SimulatedLoop(world)
        self.loop.process = self
        self.keeper_loop = SimulatedLoop(world)
        self.tokens = [self.clock.new_id()]
        nowhere: Any = NoDoor()
        blobs: Any = NoBlobs()
        self.store = SimulatedStore(world.database, self.loop, self.tokens[0])
        self.shards = Shards(are_shared=world.is_shared)
        self.engine = Engine(
            self.store,
            catalogue(),
            world.definitions,
            Doors(http=nowhere, secrets=nowhere, sandbox=nowhere, blobs=blobs, redact=lambda value: value),
            clock=self.clock,
            parallel=world.parallel,
            pools=POOLS,
            shards=self.shards,
        )
        self.keeper: ShardKeeper | None = None
        self.pools: PoolKeeper | None = None
        self.do(self._begin)

    @property
    def loops(self) -> tuple[SimulatedLoop, SimulatedLoop]:
        return self.loop, self.keeper_loop

    @property
    def stands_still(self) -> bool:
        return self.loop.stands_still

    def do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let something be done in this process."""
        self.loop.call_soon(lambda: self.loop.create_task(work()))

    async def carry_out(self, settings: dict[str, Any], context: Any) -> Any:
        """Carry out an attempt of a step."""
        try:
            return await self.world.effects.carry_out(self, settings, context)
        except BrokenPromiseError as error:  # the engine would take it for a failure of the step
            self.world.broke(error)
            raise

    async def _begin(self) -> None:
        """Begin as `serve` does, once nothing is held any more; a process that cannot, ends."""
        while self.world.is_held:
            self.engine.hold("It was restored.")
            await asyncio.sleep(0.1)
        self.was_let_go = True
        try:
            if self.world.is_shared:
                await self._share()
            else:
                self.world.database.claim(self.store.token)
                await self.engine.open()
            self.is_open = True
        except AuraError as error:
            self.world.say(f"process {self.number} could not begin: {error}")
            self.world.end_process(self)

    async def _share(self) -> None:
        moves = self.engine.moves
        ownership = SimulatedOwnership(self.world.database, self.keeper_loop)
        keeper = self.keeper = ShardKeeper(
            ownership, moves, self._renew, token=self.store.token, lease=self.world.lease, clock=self.clock
        )
        keeper._me = Owner(token=self.store.token, host=self.host, process=self.number, boot="boot")
        stand_in: Any = KeeperThread(self.keeper_loop, keeper)
        keeper._thread = stand_in
        self.pools = PoolKeeper(
            SimulatedAllotments(self.world.database, self.loop),
            self.engine._runner.granting,
            keeper._me,
            is_alive=self.world.is_alive,
        )
        self.pools._now = self.clock.monotonic
        self.pools.begin()
        moves.on_fenced = keeper.fenced
        await self.engine.open()
        await keeper.start()
        await moves.settled()

    async def _renew(self, token: str) -> None:
        self.world.sometimes["a process began anew under another token"] += 1
        self.tokens.append(token)
        self.was_disturbed = True
        await self.store.renew(token)
        if self.pools is not None:
            self.pools.renew(token)

    async def leave(self) -> None:
        """Leave in good order."""
        self.is_leaving = True
        self.was_disturbed = True  # what may be repeated is stopped
        if self.keeper is not None:
            self.keeper.retire()
        if self.pools is not None:
            self.pools.retire()
        await self.engine.close(GRACE)
        if self.keeper is not None:
            await self.keeper.leave()
        if self.pools is not None:
            await self.pools.leave()
        await self.store.close()
        self.world.sometimes["a process left in good order"] += 1
        self.world.end_process(self)

    def bury(self) -> None:
        """Leave nothing behind."""
        self.die()
        for loop in self.loops:
            loop.bury()

    def die(self) -> None:
        """Be gone."""
        self.is_dead = True
        self.was_disturbed = True
        for loop in self.loops:
            loop.die()
