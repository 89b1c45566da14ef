"""Admission: it tells the entrance which runs are born and which have ended, and carries to runs what the entrance decides.

A run is born durably before it stands here, and whatever is decided becomes a fact of the run. So nothing is lost with the
process: the next one reads which runs stand before gates and which were let in, and decides again what was not told yet.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from auraos.core.errors import AuraError
from auraos.core.run import RunState, encode_fact
from auraos.core.run.commands import EndGathered
from auraos.core.run.facts import CancelRequested, OutsideFact, RunAdmitted, RunMoved, RunRefused
from auraos.core.run.gates import COUNTED_LATER
from auraos.core.values import Value
from auraos.core.workflow import FLOW_SETTINGS
from auraos.engine.flow.entrance import Entrance, counts_for
from auraos.engine.flow.standing import Admit, Cancel, Decision, Refuse, Standing
from auraos.engine.ports import ALL_SHARDS, Clock, GateRow, RequestRow, Store, Write
from auraos.engine.shards import ElsewhereError

if TYPE_CHECKING:
    from auraos.engine.active import ActiveRun
    from auraos.engine.memory import Memory
    from auraos.engine.runner import Runner

log = logging.getLogger("auraos.engine")
SHORTEST_PAUSE, PAUSE = 0.05, 5.0
LONGEST_SLEEP = 30.0
PAGE = 1000
MANY_STALE = 200
ShareFiles: TypeAlias = Callable[[Any, str, str, str], Awaitable[None]]
"""Let a run hold the files that a fact hands over: the fact, the workspace, the run that has them, and the one that gets them."""

_ORDER = {setting: place for place, setting in enumerate(FLOW_SETTINGS)}


class Decided(NamedTuple):
    """A run that is to end before it begins."""

    shard: int
    gates: tuple[str, ...] = ()
    """The names of those whose rows go."""


class Admission:
    """The entrance of this process, and the way from it to the runs."""

    def __init__(self, store: Store, memory: "Memory", clock: Clock, share_files: ShareFiles) -> None:
        self._store = store
        self._memory = memory
        self._clock = clock
        self._share_files = share_files
        self._entrance = Entrance()
        self._decided: dict[str, Decided] = {}
        """Runs that left the entrance without beginning, and are told so, until they have ended."""
        self._unknown = set(ALL_SHARDS)
        """Shards of which it is not known yet who stands and who was let in."""
        self._born_meanwhile: list[Standing] = []
        """Runs that were born in these shards; they stand once all earlier ones are known."""
        self._over_meanwhile: set[str] = set()
        """Runs that ended while rows were being read, which may still call them alive."""
        self._readings = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0
        self._stopped = False
        self.runner: Runner

    @property
    def is_busy(self) -> bool:
        """Return whether something that was decided is on its way."""
        return bool(self._tasks)

    # --- what happens to runs ---

    def stand(self, run: "ActiveRun") -> None:
        """Let a run stand before its gates, whose birth is durable; one that is known already stands where it stood."""
        state = run.state
        if state is None or run.id in self._decided or (state.is_admitted and not state.took_place):
            return
        standing = _stand(run, state)
        if run.shard in self._unknown:
            self._born_meanwhile.append(standing)
            return
        self._entrance.enter(standing, self._clock.now())
        self._obey()

    def pass_on(self, run: "ActiveRun", moved: RunMoved) -> None:
        """Let another run have the place of one that ends, before anybody else gains by that."""
        assert run.state is not None
        now = self._clock.now()
        standing = Standing(
            moved.run, run.state.started_at, moved.gates, admitted_at=now, shard=run.shard,
            priority=run.program.workflow.settings.priority,
        )  # fmt: skip
        if run.shard in self._unknown:
            self._born_meanwhile.append(standing)
        elif moved.gates:
            self._entrance.enter(standing, now)

    def ended(self, run: str) -> None:
        """Let go of a run that has ended."""
        self._decided.pop(run, None)
        if self._readings:
            self._over_meanwhile.add(run)
        self._entrance.ended(run, self._clock.now())
        self._obey()

    def end_gathered(self, leader: "ActiveRun", wish: EndGathered) -> None:
        """Write, with the facts of the run that leads a batch, that another one in it is to end and stands here no more."""
        refusal = RunRefused(at=0, outcome="cancelled", code="gathered", message=wish.message)
        row = RequestRow(self._clock.new_id(), wish.run, "gathered", encode_fact(refusal), leader.shard)
        leader.draft.ask(row)
        decided = self._decided.setdefault(wish.run, Decided(leader.shard))
        leader.draft.left = (*leader.draft.left, *((name, wish.run) for name in decided.gates))

    def expect_end(self, row: RequestRow) -> None:
        """Hear that a run is to end whose input another one got: its rows are gone, and it stands here no more."""
        self._decided.setdefault(row.run, Decided(row.shard))

    async def prioritize(self, run: "ActiveRun", priority: int) -> bool:
        """Change the priority of a run that waits; return whether it still does."""
        state = run.state
        if state is None or not self._entrance.prioritize(run.id, priority):
            return False
        rows = [
            GateRow(run=run.id, gate=gate, born=state.started_at, priority=priority, shard=run.shard)
            for gate in state.gates
        ]
        await self._store.commit(Write(run.workspace, run.id, 0, run.shard, gates=rows))
        return True

    def explain(self, run: str) -> str:
        """Return in words how far a run has come that waits here; empty for any other."""
        return self._entrance.explain(run, self._clock.now())

    # --- from process to process ---

    async def recover(self, shards: Collection[int]) -> None:
        """Know again which runs of these shards stand before gates, and which were let in."""
        self._readings += 1
        try:
            self._take_up(frozenset(shards), await self._read(shards))
        finally:
            self._readings -= 1
            if not self._readings:
                self._over_meanwhile.clear()

    async def _read(self, shards: Collection[int]) -> list[GateRow]:
        known: list[GateRow] = []
        after = ("", "")
        while rows := await self._store.gates(shards, after=after, limit=PAGE):
            known += rows
            after = (rows[-1].gate.name, rows[-1].run)
        return known

    def _take_up(self, shards: frozenset[int], known: list[GateRow]) -> None:
        waiting: dict[str, list[GateRow]] = {}
        over: list[GateRow] = []
        for row in known:
            if row.is_over or row.run in self._over_meanwhile:
                over.append(row)
            elif row.shard in shards:
                waiting.setdefault(row.run, []).append(row)
        born, later = _part(self._born_meanwhile, shards)
        born = [run for run in born if run.run not in self._decided]
        met = {run.run for run in born}
        known_again = [self._known(own) for run, own in waiting.items() if run not in met]
        standing = [run for run in known_again if run is not None] + born
        self._unknown.difference_update(shards)
        self._born_meanwhile = later
        standing.sort(key=lambda run: (not run.admitted_at, run.admitted_at, run.born, run.run))
        now = self._clock.now()
        first = min([now, *(run.born for run in standing if not run.admitted_at)])
        for row in over:
            self._remember(row, first)
        self._entrance.enter_all(standing, now)
        self._obey()

    def _known(self, rows: list[GateRow]) -> Standing | None:
        """Return a run as its rows tell of it. Of one that was born meanwhile not all may have been read, but it is in memory;
        one that is just read again stands by itself.
        """
        found = _standing(rows)
        active = self.runner.runs.get(found.run)
        if found.admitted_at or active is None:
            return found
        return None if active.state is None else _stand(active, active.state)

    def leave(self, shards: Collection[int]) -> None:
        """Forget the runs of shards that belong to another process now."""
        self._unknown.update(shards)
        self._decided = {run: at for run, at in self._decided.items() if at.shard not in shards}
        self._born_meanwhile = _part(self._born_meanwhile, shards)[1]
        self._entrance.forget(frozenset(shards))

    def stop(self) -> None:
        """Decide nothing more."""
        self._stopped = True
        if self._alarm is not None:
            self._alarm.cancel()
        for task in tuple(self._tasks):
            task.cancel()

    def _remember(self, row: GateRow, now: int) -> None:
        """Count a run that has ended for a limit that speaks of a time, if it may count for a start of this time or later."""
        at = row.born if row.gate.setting == "rate" else row.admitted_at
        if row.admitted_at and row.gate.setting in COUNTED_LATER and at + counts_for(row.gate) > now:
            self._entrance.remember(row.gate, row.run, at, row.shard)
        else:
            self._entrance.stale.append((row.gate.name, row.run))

    # --- what is decided ---

    def _obey(self) -> None:
        entrance = self._entrance
        while entrance.decisions and not self._stopped:
            decisions, entrance.decisions = entrance.decisions, []
            for decision in decisions:
                self._tell(decision)
        if len(entrance.stale) >= MANY_STALE:
            self._do(self._sweep())
        self._set_alarm()

    def _tell(self, decision: Decision) -> None:
        if isinstance(decision, Admit) and decision.gathered:
            for follower in decision.gathered[1:]:
                self._decided[follower] = Decided(decision.shard)
            self._do(self._begin_batch(decision))
            return
        if isinstance(decision, Refuse):
            self._decided[decision.run] = Decided(decision.shard)
        run = self.runner.runs.get(decision.run)
        if run is None:
            self._do(self._carry(decision))
        else:
            self._give(run, decision)

    def _give(self, run: "ActiveRun", decision: Decision) -> None:
        fact = self._fact_of(decision)
        self.runner.give(run, fact)
        if isinstance(decision, Admit):
            self._entrance.began(run.id, fact.at)

    def _fact_of(self, decision: Decision) -> OutsideFact:
        now = self._clock.now()
        match decision:
            case Admit():
                return RunAdmitted(at=now)
            case Refuse(outcome=outcome, code=code, message=message):
                return RunRefused(at=now, outcome=outcome, code=code, message=message)
            case Cancel(message=message):
                return CancelRequested(at=now, by="flow control", reason=message)

    async def _carry(self, decision: Decision) -> None:
        """Tell a run that is not in memory."""
        run = await self._reach(decision.run)
        if run is None:
            self.ended(decision.run)
        else:
            self._give(run, decision)

    async def _begin_batch(self, decision: Admit) -> None:
        """Hand the inputs of all that are still gathered to the first; if that one is over, let the others stand again."""
        found = [await self._reach(name) for name in decision.gathered]
        runs = [run for run in found if run is not None]
        await self._share(decision.run, runs)
        members = [
            run
            for run in runs
            if run.state is not None and not run.state.is_admitted and not run.state.is_final
        ]
        for name in decision.gathered:
            self._decided.pop(name, None)
        if decision.run not in [run.id for run in members]:
            self.ended(decision.run)
            for run in members:
                self.stand(run)
            return
        inputs: list[Value] = []
        for run in members:
            assert run.state is not None
            inputs.append(run.state.input)
            if run.id != decision.run:
                self._decided[run.id] = Decided(run.shard, tuple(gate.name for gate in run.state.gates))
        gathered = tuple(run.id for run in members)
        now = self._clock.now()
        self.runner.give(members[0], RunAdmitted(at=now, input=inputs, gathered=gathered))
        self._entrance.began(decision.run, now)

    async def _share(self, leader: str, runs: "list[ActiveRun]") -> None:
        """Let the run that leads a batch hold the files that the others were given."""
        for run in runs:
            if run.state is not None and run.id != leader:
                await self._share_files(
                    RunAdmitted(at=0, input=run.state.input), run.workspace, run.id, leader
                )

    async def _reach(self, run: str) -> "ActiveRun | None":
        """Return a run, however long the store is away; None when it is over."""
        pause = SHORTEST_PAUSE
        while True:
            try:
                found = await self._memory.reach(run)
                if found is None or found.state is not None:
                    return found
            except ElsewhereError:
                return None
            except AuraError as error:
                log.warning("admission.postponed", extra={"run": run, "reason": str(error)})
                pause = min(pause * 2, PAUSE)
            await asyncio.sleep(pause)

    async def _sweep(self) -> None:
        """Remove the rows of runs that have ended and count for nothing any more."""
        stale, self._entrance.stale = self._entrance.stale, []
        try:
            await self._store.commit(Write("default", "", 0, left=stale))
        except AuraError as error:  # the next process sweeps them
            log.warning("admission.unswept", extra={"reason": str(error)})

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- time ---

    def _set_alarm(self) -> None:
        due = self._entrance.next_due
        if due is None or self._stopped or (self._alarm is not None and self._alarm_at <= due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        delay = min(max(0.0, (due - self._clock.now()) / 1_000_000), LONGEST_SLEEP)
        self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._entrance.tick(self._clock.now())
        self._obey()


def _part(runs: list[Standing], shards: Collection[int]) -> tuple[list[Standing], list[Standing]]:
    """Return the runs of these shards, and the others."""
    return [run for run in runs if run.shard in shards], [run for run in runs if run.shard not in shards]


def _stand(run: "ActiveRun", state: RunState) -> Standing:
    """Return a run as it is in memory."""
    priority = run.program.workflow.settings.priority
    admitted_at = state.started_at if state.is_admitted else 0
    return Standing(
        run.id, state.started_at, state.gates, priority=priority, admitted_at=admitted_at, shard=run.shard
    )


def _standing(rows: list[GateRow]) -> Standing:
    """Return a run as its rows tell of it."""
    rows = sorted(rows, key=lambda row: _ORDER[row.gate.setting])
    first = rows[0]
    gates = tuple(row.gate for row in rows)
    admitted = max(row.admitted_at for row in rows)
    return Standing(
        first.run, first.born, gates, priority=first.priority, admitted_at=admitted, shard=first.shard
    )
