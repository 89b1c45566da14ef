"""`Engine`: starts runs, leads them, tells what becomes of them. Whoever calls it hears only of what is
durable.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec

from auraos.core.catalogue import Catalogue
from auraos.core.run import encode_fact, refuse_vast
from auraos.core.run.commands import EndRun
from auraos.core.run.facts import (
    AnyFact,
    EventReceived,
    Inherited,
    RunFinished,
    RunStarted,
)
from auraos.core.values import Value
from auraos.engine import asks
from auraos.engine.active import ActiveRun
from auraos.engine.answers import RequestRefusedError
from auraos.engine.beginnings import DEFAULT_WORKSPACE, Beginnings
from auraos.engine.clock import SystemClock
from auraos.engine.context import Doors
from auraos.engine.control import EngineClosedError, RunControl
from auraos.engine.definitions import TRIAL, Definitions, Programs
from auraos.engine.disk import DiskGuard
from auraos.engine.endings import Ended, Endings
from auraos.engine.figures import SECOND, EngineFigures
from auraos.engine.flow.admission import Admission
from auraos.engine.handed_files import share_files
from auraos.engine.hooks import Hooks
from auraos.engine.memory import Memory
from auraos.engine.mending import Mending
from auraos.engine.moves import Moves
from auraos.engine.ports import (
    Clock,
    Privacy,
    RequestRow,
    Store,
    StoreUnavailableError,
    Version,
    Write,
)
from auraos.engine.remote import Remote
from auraos.engine.requests import Requests
from auraos.engine.retention import Retention
from auraos.engine.runner import Runner
from auraos.engine.shards import ElsewhereError, Shards
from auraos.engine.slots import Slots
from auraos.engine.stewardship import Load
from auraos.engine.stream import Change, Streams, read_facts
from auraos.engine.suspects import Suspects
from auraos.engine.waking import Waking

log = logging.getLogger("auraos.engine")
DEFAULT_PARALLEL = 100
GRACE = 10.0


class Engine(RunControl):
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
        super().__init__(store, clock, memory)
        self._largest_value = doors.largest_value
        self._programs = programs
        self._blobs = doors.blobs
        self._beginnings = Beginnings(store, clock, programs, shards)
        self._beginnings.largest_value = doors.largest_value
        self._beginnings.privacy = privacy
        self._requests = Requests(store, programs, memory, clock, doors.blobs, shards, self._beginnings)
        self._admission = Admission(store, memory, clock, partial(share_files, doors.blobs))
        self._streams = Streams(store.journal)
        self._endings = Endings()
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
        mending.stand = self._admission.stand
        self.disk: DiskGuard | None = None
        """Refuses starts while the disk is nearly full, where somebody watches it."""
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

    @property
    def figures(self) -> EngineFigures:
        """Return what it counts."""
        return self._runner.figures

    @property
    def sure_for(self) -> float:
        """Return for how many seconds this process is sure to own its shards; infinity where it shares them with nobody."""
        return self._shards.sure_until - self._clock.monotonic()

    # --- runs ---

    async def start(  # noqa: PLR0913 (a start has that many traits, all but the first optional)
        self, workflow: str | Version, *, input: Value = None, workspace: str = DEFAULT_WORKSPACE,  # noqa: A002
        variables: dict[str, Any] | None = None, trigger: Value = None, by: str = "", run: str = "",
        called: Sequence[Version] = (),
    ) -> str:  # fmt: skip
        """Start a run of a published workflow, or of this version; return its id when the start is durable. A start under an
        id that is known already is the same start once more, and starts nothing.

        `called` brings versions of workflows that it calls, which go before the published ones.
        """
        started = await self._prepare(
            workflow, input=input, workspace=workspace, variables=variables, trigger=trigger, by=by, run=run,
            called=called,
        )  # fmt: skip
        await (self._beginnings.begin_once(started) if run else self._beginnings.begin(started))
        return started.run

    async def run(  # noqa: PLR0913 (as for a start)
        self, workflow: str | Version, *, input: Value = None, workspace: str = DEFAULT_WORKSPACE,  # noqa: A002
        variables: dict[str, Any] | None = None, trigger: Value = None, by: str = "", run: str = "",
        called: Sequence[Version] = (),
    ) -> Ended:  # fmt: skip
        """Start a run and return how it ended, all of it durable."""
        started = await self._prepare(
            workflow, input=input, workspace=workspace, variables=variables, trigger=trigger, by=by, run=run,
            called=called,
        )  # fmt: skip
        if run:
            await self._beginnings.begin_once(started)
            return await self.wait(run)
        ended = self._endings.expect(started.run)
        try:
            is_here = await self._beginnings.begin(started)
        except BaseException:
            self._endings.forget(started.run)
            raise
        if not is_here:
            self._endings.gone([started.run])
        try:
            return await ended
        except ElsewhereError:
            return await self.wait(started.run)

    async def try_out(
        self, version: Version, *, input: Value, workspace: str, variables: dict[str, Any], pinned: Sequence[Inherited],  # noqa: A002
        by: str, run: str,
    ) -> None:  # fmt: skip
        """Start a trial of a version under an id; return when the start is durable. Steps that are pinned are not carried out:
        they have come to their end already.
        """
        started = await self._prepare(
            version, input=input, workspace=workspace, variables=variables, trigger=None, by=by, run=run, called=(),
        )  # fmt: skip
        await self._beginnings.begin_once(
            msgspec.structs.replace(started, trial=True, inherited=tuple(pinned))
        )

    async def retry(  # noqa: PLR0913 (what can be asked of a run that is begun once more)
        self, run: str, *, kind: Literal["retry", "fork"] = "retry", start_at: str | None = None,
        changes: dict[str, Value] | None = None, again: bool = False, workflow: Version | None = None, by: str = "",
        made: str = "",
    ) -> str:  # fmt: skip
        """Start a new run that takes over what this one finished; return its id when the start is durable.

        It goes on where the run failed, or begins again at a step; `changes` sets outputs, `again` repeats
        effects under new keys, `workflow` moves it to another version. `made` is the id of the new run: asked for again under
        it, nothing more is started.
        """
        self._refuse_when_busy()
        row = await self._row_of(run)
        if row.finished_at is None:
            raise RequestRefusedError(
                f"Run {run} is not over: it is {row.state}.", hint="Cancel it first, or wait for its end."
            )
        started = await self._beginnings.prepare_again(
            await self.facts(run), kind=kind, start_at=start_at, changes=changes, again=again,
            workflow=workflow, by=by, run=made,
        )  # fmt: skip
        await share_files(self._blobs, started, started.workspace, run, started.run)
        shard = row.shard if started.gates else None
        await (self._beginnings.begin_once if made else self._beginnings.begin)(started, shard=shard)
        return started.run

    async def facts(self, run: str) -> list[AnyFact]:
        """Return the durable facts of a run, in order."""
        row = await self._row_of(run)
        return await read_facts(self._store, self._blobs, row.workspace, run)

    async def wait(self, run: str) -> Ended:
        """Return how a run ended, once it has; one that another run has just asked to be started counts, too."""
        self._refuse_when_held()
        while True:
            await self._beginnings.begun(run)
            try:
                active = await self._memory.reach(run)
                return await (self._ended_of(run) if active is None else self._endings.expect(run))
            except ElsewhereError:
                await self._remote.until_over(run)

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

    async def _prepare(self, workflow: str | Version, **asked: Any) -> RunStarted:
        """Return the start that is asked for; refuse one that cannot be, or not now."""
        self._refuse_when_busy()
        if self.disk is not None:
            self.disk.refuse_when_full()
        return await self._beginnings.prepare(workflow, **asked)

    async def _ended_of(self, run: str) -> Ended:
        row = await self._row_of(run)
        facts = await read_facts(self._store, self._blobs, row.workspace, run, only_last=True)
        if facts and isinstance(last := facts[-1], RunFinished):
            return Ended(run, last.state, last.output, last.error)
        return Ended(run, row.state)

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
            self._admission.ended(run.id)
        self._endings.tell(Ended(run.id, wish.state, wish.output, wish.error))

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
