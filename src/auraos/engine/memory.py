"""Which runs are in memory: how one gets there from its journal, and how one that was lost or broke is
mended.

A run comes into memory when something happens to it. It leaves when it ends, and when it sleeps while many
others are there.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import TypeAlias

import msgspec

from auraos.core.errors import AuraError, OperationalError, UnexpectedError
from auraos.core.run import RunState, outstanding
from auraos.core.run.commands import Compute, Continue, EndRun, ExecuteStep, QueueStep
from auraos.core.run.facts import RunQuarantined, RunStarted, StepError, StepUnknown
from auraos.engine.active import ActiveRun, unreleased
from auraos.engine.definitions import Programs
from auraos.engine.draft import Draft
from auraos.engine.folding import fold_into, lighten, take_apart
from auraos.engine.ports import (
    Batch,
    Blobs,
    Clock,
    FencedError,
    RunRow,
    Store,
    StoredRun,
    Write,
    WriteRefusedError,
)
from auraos.engine.runner import Runner
from auraos.engine.shards import ElsewhereError, Shards
from auraos.engine.sleepers import Sleepers

log = logging.getLogger("auraos.engine")
READ_AT_ONCE = 64
LINGER = 0.5
"""For so many seconds a run stays that was brought into memory, so that whoever wanted it finds it there."""
MOST_BREAKS = 3
BROKE_THE_ENGINE = "Its facts broke the engine again and again; the engine's log says how."
LONGEST_PAUSE = 5.0
RESUMED = (QueueStep, Compute, Continue)
"""What has to be begun again after a restart; timers, children and subscriptions have rows of their own."""

Reached: TypeAlias = "ActiveRun | Exception | None"
"""A run that was looked for: it is in memory now, cannot be read, or is over."""


class Memory:
    """The runs in memory, by id."""

    def __init__(
        self,
        store: Store,
        programs: Programs,
        clock: Clock,
        shards: Shards,
        *,
        mended: Callable[[], Awaitable[None]],
        blobs: Blobs,
    ) -> None:
        self._blobs = blobs
        self._store = store
        self._programs = programs
        self._clock = clock
        self._shards = shards
        self._mended = mended
        self._wanted: dict[str, asyncio.Future[ActiveRun | None]] = {}
        self._line: deque[str] = deque()
        self._loader: asyncio.Task[None] | None = None
        self._sleepers = Sleepers(self._drop)
        self._mending: set[asyncio.Task[None]] = set()
        self.runner: Runner
        self.stand: Callable[[ActiveRun], None]
        """Hears of a run that stands before its gates."""
        self.lost: Callable[[ActiveRun, Draft, AuraError], None]
        """Hears of a write that failed because another process leads the run."""

    @property
    def is_busy(self) -> bool:
        return bool(self._wanted or self._mending)

    async def reach(self, run: str) -> ActiveRun | None:
        """Return a run that is not final, from memory or from its journal; None when there is none."""
        while (found := self.runner.runs.get(run)) is None:
            brought = await asyncio.shield(self._want(run))
            if brought is None or (brought.state is not None and brought.state.is_final):
                return brought
        return found  # the one that is there now: it may have left again since it was brought

    async def reach_all(self, runs: Collection[str]) -> dict[str, Reached]:
        """Return each of these runs, or what stands against it."""
        found: dict[str, Reached] = {run: self.runner.runs.get(run) for run in runs}
        wanted = {run: self._want(run) for run, active in found.items() if active is None}
        if wanted:
            await asyncio.wait(wanted.values())
        for run, future in wanted.items():
            error = future.exception()
            found[run] = error if isinstance(error, Exception) else future.result()
        return found

    async def awake(self, shards: Collection[int], size: int) -> AsyncIterator[list[RunRow]]:
        """Yield the runs that the process before this one had under way, page by page."""
        begun, after = self._clock.now(), ""
        while rows := await self._store.awake(shards, after=after, limit=size):
            yield rows
            after = rows[-1].run
            if all(row.started_at > begun for row in rows):
                return

    def let_sleep(self, run: ActiveRun) -> None:
        """Keep a run that sleeps only while not many others do."""
        if run.id in self.runner.runs and run.is_quiet:
            lighten(run)
            self._sleepers.put(run.id, run.seq, run.large.bytes if run.large is not None else 0)

    def forget(self, run: ActiveRun) -> None:
        """Count a run no more among those that sleep: it is over."""
        self._sleepers.forget(run.id)
        self.runner.suspects.absolve(run.id)
        lighten(run)

    def is_moving(self, run_id: str) -> bool:
        """Return whether a run is in memory and something of it is under way."""
        return (run := self.runner.runs.get(run_id)) is not None and not run.is_quiet

    def _drop(self, run_id: str) -> None:
        run = self.runner.runs.get(run_id)
        if run is not None and run.is_quiet:
            del self.runner.runs[run_id]
            take_apart(run)

    def stop(self) -> None:
        """Mend nothing more: what is not durable will be found so by the next process."""
        for task in tuple(self._mending):
            task.cancel()
        if self._loader is not None:
            self._loader.cancel()

    def lose_all(self) -> None:
        """Mend and bring nothing of what belongs to another process, and tell so whoever waits for a run."""
        self.stop()
        self._loader = None
        self._line.clear()
        wanted, self._wanted = self._wanted, {}
        for run, future in wanted.items():
            _refuse(future, ElsewhereError(f"Another process leads run {run}."))

    def write_failed(self, run: ActiveRun, draft: Draft, error: BaseException) -> None:
        """Throw a run out of memory after its write failed, and read it again as soon as the store answers."""
        if run.is_lost or isinstance(error, FencedError):
            self.lost(run, draft, self.runner.as_error(error))
            return
        if isinstance(error, WriteRefusedError):
            run.breaks += 1
        self._unlearn(run, draft, self.runner.as_error(error))
        self._begin_mending(run, draft)

    def broke(self, run: ActiveRun, error: Exception) -> None:
        """Set a run apart that broke the machine: read it again, and quarantine it."""
        if run.state is None:
            return
        run.breaks = max(MOST_BREAKS, run.breaks + 1)
        draft = run.writing or Draft()
        self._unlearn(run, draft, self.runner.as_error(error))
        run.held.clear()
        self._begin_mending(run, draft)

    def _unlearn(self, run: ActiveRun, draft: Draft, error: AuraError) -> None:
        """Forget all that is not durable, tell those who wait, and keep the outside facts and the slots until more is known."""
        run.state = None
        given = [*draft.given, *run.draft.given, *run.held]
        run.held = []
        for each in given:
            if each.waiter is None:
                run.held.append(each)
            elif not each.waiter.done():
                each.waiter.set_exception(error)
        logs = [*draft.logs, *run.draft.logs]
        run.todo.clear()
        run.queued.clear()
        run.grants.clear()
        run.draft = Draft()
        if logs:
            run.draft.logs = logs

    def _begin_mending(self, run: ActiveRun, draft: Draft) -> None:
        task = asyncio.create_task(self._mend(run, draft))
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)

    async def _mend(self, run: ActiveRun, draft: Draft) -> None:
        await self._store_answers(run)
        try:
            row = await self._store.find(run.id)
            if row is None:
                self._begin_anew(run)
                return
            self._shards.require(row.shard, row.run)
            run.row, run.shard = row, row.shard
            journal = await self._read(run, row)
        except ElsewhereError as error:
            self._leave_to_another(run, error)
            return
        except OperationalError:  # the store is away once more
            await asyncio.sleep(0.1)
            self._begin_mending(run, draft)
            return
        except (AuraError, msgspec.DecodeError) as error:
            await self.park(run.row, error)
            return
        if run.is_lost:
            return
        self._relearn(run, draft, journal)
        if run.breaks > MOST_BREAKS:
            await self.park(run.row, UnexpectedError("It broke the engine even while it was set apart."))
            return
        if run.breaks == MOST_BREAKS:
            self._quarantine(run)
            return
        self._go_on(run, {(wish.path, wish.attempt): wish for wish in unreleased([draft])})
        await self._mended()

    def _leave_to_another(self, run: ActiveRun, error: AuraError) -> None:
        """Drop a run that was begun here and in another process under one id, and became durable there."""
        self.runner.runs.pop(run.id, None)
        self.runner.granting.free(run)
        run.is_lost = True
        self.lost(run, run.draft, error)

    def _relearn(self, run: ActiveRun, draft: Draft, journal: list[Batch]) -> None:
        """Give nothing again of a write that was made after all, and of which only the answer was lost."""
        if not draft.facts or draft.sealed not in [(batch.seq, batch.facts) for batch in journal]:
            return
        durable = {id(each) for each in (*draft.given, *draft.logs)}
        run.held = [given for given in run.held if id(given) not in durable]
        run.draft.logs = [line for line in run.draft.logs if id(line) not in durable]
        self.runner.found_durable(draft)

    async def _store_answers(self, run: ActiveRun) -> None:
        """Wait until the store takes writes again."""
        pause = 0.1
        while True:
            try:
                await self._store.commit(Write(workspace=run.workspace, run=run.id, seq=0))
            except OperationalError as error:
                log.warning("store.unavailable", extra={"reason": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                return

    def _begin_anew(self, run: ActiveRun) -> None:
        """Start again a run whose start never became durable, if nobody was told so; else forget it."""
        self.runner.granting.free(run)
        first = run.held[0].fact if run.held else None
        if not isinstance(first, RunStarted):
            self.runner.runs.pop(run.id, None)
            return
        run.state, run.seq, run.created = RunState(run.program), 0, True
        self._give_held(run)

    def _want(self, run: str) -> "asyncio.Future[ActiveRun | None]":
        """Let a run be brought into memory, together with all that are wanted meanwhile."""
        wanted = self._wanted.get(run)
        if wanted is None:
            wanted = self._wanted[run] = asyncio.get_running_loop().create_future()
            self._line.append(run)
            if self._loader is None:
                self._loader = asyncio.create_task(self._load_wanted())
        return wanted

    async def _load_wanted(self) -> None:
        mine = self._loader
        try:
            while self._line:
                runs = [self._line.popleft() for _ in range(min(READ_AT_ONCE, len(self._line)))]
                try:
                    stored = {each.row.run: each for each in await self._store.read(runs)}
                except Exception:  # noqa: BLE001 (one that cannot be read must not keep the others from going on)
                    stored = None
                for run in runs:
                    await self._load(run, stored)
                asyncio.get_running_loop().call_later(LINGER, self._let_all_sleep, runs)
                await asyncio.sleep(0)
        finally:
            if self._loader is mine:  # else another one has begun after all was lost
                self._loader = None

    async def _load(self, run_id: str, found: dict[str, StoredRun] | None) -> None:
        """Bring a run into memory that was read, or is to be read alone."""
        try:
            if found is None:
                found = {each.row.run: each for each in await self._store.read([run_id])}
            stored, run = found.get(run_id), self.runner.runs.get(run_id)
            if run is None and stored is not None and stored.row.finished_at is None:
                run = await self._bring(stored)
        except Exception as error:  # noqa: BLE001 (the border: one journal must not keep the others from going on)
            _refuse(self._wanted.pop(run_id), error)
        else:
            wanted = self._wanted.pop(run_id)
            if not wanted.done():
                wanted.set_result(run)

    async def _bring(self, stored: StoredRun) -> ActiveRun:
        row = stored.row
        self._shards.require(row.shard, row.run)
        run = ActiveRun(row.run, row.workspace, await self._programs.program(row.version), row.shard)
        run.row, run.awaited = row, row.awaited
        with self.runner.suspects.reading(row.run):
            if not await fold_into(run, self._blobs, stored.journal, stored.snapshot):
                await self._read(run, row)
        self._shards.require(row.shard, row.run)  # it may have gone to another process meanwhile
        self.runner.runs[row.run] = run
        deadly = self.runner.suspects.words(row.run)
        self._quarantine(run, deadly) if deadly else self._go_on(run, {})
        return run

    def _let_all_sleep(self, runs: Sequence[str]) -> None:
        for run_id in runs:
            run = self.runner.runs.get(run_id)
            if run is not None:
                self.let_sleep(run)

    async def _read(self, run: ActiveRun, row: RunRow) -> list[Batch]:
        """Fold the whole journal into the run's state; return the journal."""
        journal = await self._store.journal(row.run)
        await fold_into(run, self._blobs, journal)
        return journal

    def _go_on(self, run: ActiveRun, unstarted: dict[tuple[str, int], ExecuteStep]) -> None:
        """Begin again what a run had under way, and tell it which attempts were lost."""
        state = run.state
        assert state is not None
        in_flight = state.attempts_in_flight()
        self.runner.granting.free(run, {found[:2] for found in in_flight if found[:2] in unstarted})
        if state.is_final:
            self.runner.end(run, EndRun(state.status, state.output, state.error))
            self._give_held(run)
            return
        if not state.is_admitted:
            self.stand(run)
        run.todo.extend(wish for wish in outstanding(state) if isinstance(wish, RESUMED))
        self.runner.follow(run)
        self._give_held(run)
        for path, attempt, _ in in_flight:
            self._account_for(run, path, attempt, unstarted.get((path, attempt)))

    def _account_for(self, run: ActiveRun, path: str, attempt: int, unstarted: ExecuteStep | None) -> None:
        if (path, attempt) in run.attempts or run.state is None:
            return
        if (path, attempt) not in {found[:2] for found in run.state.attempts_in_flight()}:
            return
        if unstarted is not None:
            self.runner.resume_attempt(run, unstarted)
            return
        message = "The process that carried out this attempt ended before its outcome was known."
        now = self._clock.now()
        error = StepError(
            class_="unknown", code="process-lost", message=message, path=path, attempt=attempt, at=now
        )
        self.runner.give(run, StepUnknown(at=now, path=path, attempt=attempt, error=error, lost=True))

    def _give_held(self, run: ActiveRun) -> None:
        held, run.held = run.held, []
        for given in held:
            if run.seq and isinstance(given.fact, RunStarted):  # another start of this run became durable
                run.draft.answered = (*run.draft.answered, given.answers)
            else:
                self.runner.give(run, given.fact, given.waiter, answers=given.answers)
        self.runner.flush(run)

    def _quarantine(self, run: ActiveRun, reason: str = BROKE_THE_ENGINE) -> None:
        run.held.clear()
        self.runner.give(run, RunQuarantined(at=self._clock.now(), reason=reason))

    async def park(self, row: RunRow | None, error: Exception) -> None:
        """Leave a run that cannot be read as it stands, saying why; the next start tries again."""
        if row is None:
            return
        run = self.runner.runs.pop(row.run, None)
        if run is not None:
            self.runner.granting.free(run)
        log.error("run.parked", extra={"run": row.run, "reason": str(error)})
        parked = msgspec.structs.replace(
            row, why=f"It cannot go on: {error}", changed_at=self._clock.now(), asleep=False
        )
        await self._store.commit(
            Write(workspace=row.workspace, run=row.run, seq=0, shard=row.shard, row=parked)
        )


def _refuse(wanted: "asyncio.Future[ActiveRun | None]", error: Exception) -> None:
    if not wanted.done():
        wanted.set_exception(error)
        wanted.exception()  # nobody may be waiting any more
