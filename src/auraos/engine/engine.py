"""`Engine`: starts runs, leads them, tells what becomes of them. Whoever calls it hears only of what is
durable.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from functools import partial

from auraos.core.catalogue import Catalogue
from auraos.core.run import encode_fact, refuse_vast
from auraos.core.run.commands import EndRun
from auraos.core.run.facts import (
    EventReceived,
    RunFinished,
)
from auraos.core.values import Value
from auraos.engine import asks
from auraos.engine.active import ActiveRun
from auraos.engine.answers import RequestRefusedError
from auraos.engine.beginnings import DEFAULT_WORKSPACE, Beginnings
from auraos.engine.clock import SystemClock
from auraos.engine.context import Doors
from auraos.engine.control import EngineClosedError
from auraos.engine.definitions import TRIAL, Choose, Definitions, Programs
from auraos.engine.endings import Ended
from auraos.engine.figures import SECOND, EngineFigures
from auraos.engine.flow.admission import Admission
from auraos.engine.handed_files import share_files
from auraos.engine.hooks import Hooks
from auraos.engine.memory import Memory
from auraos.engine.mending import Mending
from auraos.engine.migrating import Migrating
from auraos.engine.moves import Moves
from auraos.engine.ports import (
    Clock,
    Privacy,
    RequestRow,
    Store,
    StoreUnavailableError,
    Write,
)
from auraos.engine.remote import Remote
from auraos.engine.requests import Requests
from auraos.engine.retention import Retention
from auraos.engine.runner import Runner
from auraos.engine.shards import Shards
from auraos.engine.slots import Slots
from auraos.engine.starts import RunStarts
from auraos.engine.stewardship import Load
from auraos.engine.stream import Change, Streams
from auraos.engine.suspects import Suspects
from auraos.engine.waking import Waking
from auraos.observability.traces import Tracer

log = logging.getLogger("auraos.engine")
DEFAULT_PARALLEL = 100
GRACE = 10.0


class Engine(RunStarts):
    """One engine on one store. Make it, `await open()`, and `await close()` it before the store is closed."""

    def __init__(  # noqa: PLR0913 (what an engine is made of)
        self, store: Store, catalogue: Catalogue, definitions: Definitions, doors: Doors, *,
        clock: Clock | None = None, parallel: int = DEFAULT_PARALLEL, pools: Mapping[str, int] | None = None,
        shards: Shards | None = None, suspects: Suspects | None = None, privacy: Privacy | None = None,
    ) -> None:  # fmt: skip
        clock = clock or SystemClock()
        programs = Programs(store, definitions)
        self._shards = shards = shards or Shards()
        mending = Mending(store, clock, shards, doors.blobs, mended=self._look_again)
        memory = Memory(store, programs, clock, shards, doors.blobs, mending)
        super().__init__(store, clock, memory, doors.blobs)
        self._largest_value = doors.largest_value
        self._programs = programs
        self._beginnings = Beginnings(store, clock, programs, shards)
        self._beginnings.largest_value = doors.largest_value
        self._beginnings.privacy = privacy
        self._migrating = Migrating(store, clock, doors.blobs, programs, self._beginnings)
        self._requests = Requests(store, programs, memory, clock, doors.blobs, shards, self._beginnings)
        self._admission = Admission(store, memory, clock, partial(share_files, doors.blobs))
        self._streams = Streams(store.journal)
        self._waking = Waking(memory, clock, self._requests.late)
        self._idle: list[asyncio.Future[None]] = []
        hooks = Hooks(
            requested=self._requests.take,
            born=self._admission.stand,
            gathered=self._admission.end_gathered,
            ended=self._run_ended,
            failed=mending.write_failed,
            broke=mending.broke,
            settled=self._settled,
            strayed=self._waking.give_again,
            timer_fired=self._waking.fire,
            kept=programs.kept,
            answered=self._requests.answered,
        )
        self._runner = Runner(
            store,
            catalogue,
            clock,
            doors,
            shards=shards,
            slots=Slots(parallel, pools, now=clock.monotonic),
            streams=self._streams,
            hooks=hooks,
            suspects=Suspects() if suspects is None else suspects,
        )
        self.granting = self._runner.granting
        self.watching = self._runner.watching
        self._timers = self._runner.timers
        memory.runner = mending.runner = self._runner
        self._beginnings.runner = self._requests.runner = self._admission.runner = self._runner
        self._migrating.runner = self._runner
        mending.stand = self._admission.stand
        self.retention = Retention(store, programs, clock, doors.blobs)
        self._remote = Remote(store, clock, shards, self._requests.take)
        self.moves = Moves(
            store, clock, shards, runner=self._runner, memory=memory, requests=self._requests,
            waking=self._waking, admission=self._admission, gone=self._gone,
        )  # fmt: skip
        mending.lost = self.moves.write_lost
        self._requests.gathered = self._admission.expect_end
        self._requests.asked = lambda row: self._obey(asks.from_line(row.body), row.id)

    def hold(self, words: str) -> None:
        """Let nothing move, and refuse whatever would; `open` ends it."""
        self._held = words

    async def open(self) -> None:
        """Go on with everything that the process before this one left."""
        self._held = ""
        await self._requests.recover()
        await self._admission.recover(self._shards.own)
        await self._waking.recover(self._shards.own)
        await self._timers.start()
        if self._shards.are_shared:
            self.moves.begin_to_look()

    async def close(self, grace: float = GRACE) -> None:
        """Start nothing more, wait for started writes up to the grace, and make durable what they bring."""
        self._closing = True
        self.moves.stop()
        self._timers.stop()
        self._waking.stop()
        self.retention.stop()
        self._admission.stop()
        self._requests.stop()
        await self._runner.stop(grace)
        self._memory.stop()
        self._streams.close()

    def count_writes(self) -> int:
        """Return how many attempts are under way that `close` would wait for."""
        attempts = (attempt for run in self._runner.runs.values() for attempt in run.attempts.values())
        return sum(not attempt.may_repeat for attempt in attempts)

    def load(self) -> Load:
        """Return what there is to do now."""
        runner = self._runner
        return Load(
            shards=len(self._shards.own),
            runs=len(runner.runs),
            attempts=sum(len(run.attempts) for run in runner.runs.values()),
            writing=self.count_writes(),
            unwritten=runner.outbox.unwritten,
            pools=runner.slots.pools(),
        )

    def trace_by(self, tracer: Tracer) -> None:
        """Tell what happens as spans from now on."""
        self._runner.tracer = tracer

    def choose_by(self, choose: Choose) -> None:
        """Ask this from now on on which version a run begins whose name pins none."""
        self._programs.choose = choose

    @property
    def figures(self) -> EngineFigures:
        """Return what it counts."""
        return self._runner.figures

    @property
    def sure_for(self) -> float:
        """Return for how many seconds this process is sure to own its shards; infinity where it shares them with nobody."""
        return self._shards.sure_until - self._clock.monotonic()

    # --- runs ---

    async def subscribe(self, run: str, after: int = 0) -> AsyncIterator[Change]:
        """Yield every durable fact of a run after this number, its log and progress, until it ends."""
        row = await self._row_of(run)
        while True:
            is_here = row.shard in self._shards.own
            async for change in (
                self._streams.follow(run, after) if is_here else self._remote.follow(row, after)
            ):
                after = max(after, change.seq)
                yield change
                if type(change.fact) is RunFinished:
                    return
            if self._closing or not self._shards.are_shared:
                return

    async def drive_until_idle(self) -> None:
        """Return when nothing is under way: all runs have ended or wait for a time, a person, a signal, an
        event.
        """
        while not self._is_idle:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(future)
            await asyncio.wait([future], timeout=0.05)

    async def publish(
        self, type: str, *, data: Value = None, id: str = "", workspace: str = DEFAULT_WORKSPACE  # noqa: A002 (an event's)
    ) -> int:  # fmt: skip
        """Bring an event to every run of a workspace that waits for its type; return how many there are. It is read as
        `{type, id, data}`.
        """
        refuse_vast(data, self._largest_value)
        self._refuse_when_busy()
        named = id or self._clock.new_id()
        told = {"type": type, "id": named, "data": data}
        event = EventReceived(at=self._clock.now(), id=named, type=type, event=told)
        runs = {found.run: found.shard for found in await self._store.subscribers(type, workspace)}
        rows = [
            RequestRow(self._clock.new_id(), run, "event", encode_fact(event), shard)
            for run, shard in sorted(runs.items())
        ]
        if rows:
            try:
                await self._remote.write(Write(workspace=workspace, run="", seq=0, requests=rows))
            except StoreUnavailableError:  # they may be durable all the same
                self.moves.look_soon()
                raise
        for row in rows:
            self._requests.take(row)
        return len(rows)

    # --- inside ---

    def _run_ended(self, run: ActiveRun, wish: EndRun) -> None:
        self._memory.forget(run)
        self._waking.rested(run.id)
        if run.state is not None and run.state.page is None and not run.state.trial:
            figures, took = self._runner.figures, self._clock.now() - run.state.started_at
            figures.ended.add(run.workspace, run.program.workflow.name, wish.state)
            figures.durations.note(took / SECOND, wish.state)
        if run.program.version.startswith(TRIAL):
            self._programs.forget(run.program.version)
        if run.state is not None and run.state.gates:
            if run.state.moved is not None:
                self._admission.pass_on(run, run.state.moved)
            self._admission.ended(run.id)
        row = None if self._beginnings.is_private(run.id, run.program) else run.row
        self._endings.tell(Ended(run.id, wish.state, wish.output, wish.error, row))

    def _gone(self, runs: Collection[str]) -> None:
        """Tell whoever waits for these runs that another process leads them."""
        for run in runs:
            self._streams.part(run)
        self._endings.gone(runs)

    def _settled(self, run: ActiveRun) -> None:
        self._memory.let_sleep(run)
        self._waking.rested(run.id)
        if self._idle and self._is_idle:
            for waiting in self._idle:
                if not waiting.done():
                    waiting.set_result(None)
            self._idle.clear()

    @property
    def _is_idle(self) -> bool:
        if self._memory.is_busy or self._requests.is_busy or self._waking.is_busy:
            return False
        if self._admission.is_busy:
            return False
        return all(run.is_quiet for run in self._runner.runs.values())

    async def _look_again(self) -> None:
        await self.moves.look_again()


__all__ = ["Change", "Ended", "Engine", "EngineClosedError", "RequestRefusedError"]
