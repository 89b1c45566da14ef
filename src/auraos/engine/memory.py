"""Which runs are in memory: how one gets there from its journal, and how one that was lost or broke is
mended.

A run comes into memory when something happens to it. It leaves when it ends, and when it sleeps while many
others are there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from auraos.core.errors import AuraError, OperationalError, UnexpectedError
from auraos.core.run import RunState, decode_fact, fold, outstanding
from auraos.core.run.commands import Compute, Continue, EndRun, ExecuteStep, QueueStep
from auraos.core.run.facts import AnyFact, RunQuarantined, RunStarted, StepError, StepUnknown
from auraos.engine.active import ActiveRun, Draft, Given, unreleased
from auraos.engine.definitions import Programs
from auraos.engine.ports import Batch, Clock, RunRow, Store, Write, WriteRefusedError
from auraos.engine.runner import Runner
from auraos.engine.shards import Shards

log = logging.getLogger("auraos.engine")
MOST_SLEEPERS = 10_000
MOST_BREAKS = 3
LONGEST_PAUSE = 5.0
RESUMED = (QueueStep, Compute, Continue)
"""What has to be begun again after a restart; timers, children and subscriptions have rows of their own."""


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
    ) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock
        self._shards = shards
        self._mended = mended
        self._loading: dict[str, asyncio.Task[ActiveRun | None]] = {}
        self._mending: set[asyncio.Task[None]] = set()
        self.runner: Runner

    @property
    def is_busy(self) -> bool:
        return bool(self._loading or self._mending)

    async def reach(self, run: str) -> ActiveRun | None:
        """Return a run that is not final, from memory or from its journal; None when there is none."""
        found = self.runner.runs.get(run)
        if found is not None:
            return found
        loading = self._loading.get(run)
        if loading is None:
            loading = self._loading[run] = asyncio.create_task(self._load(run))
            loading.add_done_callback(lambda _: self._loading.pop(run, None))
        return await asyncio.shield(loading)

    async def recover(self) -> None:
        """Go on with every run that was under way when the process before this one ended."""
        after = ""
        while rows := await self._store.awake(self._shards.own, after=after):
            for row in rows:
                try:
                    await self.reach(row.run)
                except Exception as error:  # noqa: BLE001 (the border: one journal must not keep the others from going on)
                    await self._park(row, error)
            after = rows[-1].run

    def let_sleep(self, run: ActiveRun) -> None:
        """Forget a run that sleeps, when there are many in memory."""
        if len(self.runner.runs) > MOST_SLEEPERS and run.is_quiet:
            self.runner.runs.pop(run.id, None)

    def stop(self) -> None:
        """Mend nothing more: what is not durable will be found so by the next process."""
        for task in tuple(self._mending):
            task.cancel()

    def write_failed(self, run: ActiveRun, draft: Draft, error: BaseException) -> None:
        """Throw a run out of memory after its write failed, and read it again as soon as the store
        answers.
        """
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
        """Forget all that is not durable, tell those who wait, and keep the outside facts for later."""
        run.state = None
        given = [*draft.given, *run.draft.given, *run.held]
        run.held = []
        for each in given:
            if each.waiter is None:
                run.held.append(each)
            elif not each.waiter.done():
                each.waiter.set_exception(error)
        for wish in unreleased([draft, run.draft]):
            pool = run.holding.pop((wish.path, wish.attempt), None)
            if pool is not None:
                self.runner.slots.give_back(pool)
        logs = [*draft.logs, *run.draft.logs]
        run.todo.clear()
        run.queued.clear()
        run.grants.clear()
        run.draft = Draft()
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
            run.row = row
            journal = await self._read(run, row)
        except (AuraError, msgspec.DecodeError) as error:
            await self._park(run.row, error)
            return
        self._relearn(run, draft, journal)
        if run.breaks > MOST_BREAKS:
            await self._park(run.row, UnexpectedError("It broke the engine even while it was set apart."))
            return
        if run.breaks == MOST_BREAKS:
            self._quarantine(run)
            return
        self._go_on(run, {(wish.path, wish.attempt): wish for wish in unreleased([draft])})
        await self._mended()

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
        first = run.held[0].fact if run.held else None
        if not isinstance(first, RunStarted):
            self.runner.runs.pop(run.id, None)
            return
        run.state, run.seq, run.created = RunState(run.program), 0, True
        self._give_held(run)

    async def _load(self, run_id: str) -> ActiveRun | None:
        row = await self._store.find(run_id)
        if row is None or row.finished_at is not None:
            return None
        run = ActiveRun(run_id, row.workspace, await self._programs.program(row.version), row.shard)
        run.row, run.awaited = row, row.awaited
        await self._read(run, row)
        self.runner.runs[run_id] = run
        self._go_on(run, {})
        return run

    async def _read(self, run: ActiveRun, row: RunRow) -> list[Batch]:
        """Fold the journal into the run's state; return the journal."""
        facts: list[AnyFact] = []
        journal = await self._store.journal(row.run)
        for batch in journal:
            facts.extend(decode_fact(line) for line in batch.facts.split(b"\n"))
        for fact in facts:
            run.note(fact)
        run.draft.results = ()
        run.state = fold(run.program, facts)
        run.seq = len(facts)
        run.created = False
        return journal

    def _go_on(self, run: ActiveRun, unstarted: dict[tuple[str, int], ExecuteStep]) -> None:
        """Begin again what a run had under way, and tell it which attempts were lost."""
        state = run.state
        assert state is not None
        if state.is_final:
            self.runner.end(run, EndRun(state.status, state.output, state.error))
            return
        in_flight = state.attempts_in_flight()
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
        held: list[Given] = run.held
        run.held = []
        for given in held:
            self.runner.give(run, given.fact, given.waiter, answers=given.answers)

    def _quarantine(self, run: ActiveRun) -> None:
        reason = "Its facts broke the engine again and again; the engine's log says how."
        run.held.clear()
        self.runner.give(run, RunQuarantined(at=self._clock.now(), reason=reason))

    async def _park(self, row: RunRow | None, error: Exception) -> None:
        """Leave a run that cannot be read as it stands, saying why; the next start tries again."""
        if row is None:
            return
        self.runner.runs.pop(row.run, None)
        log.error("run.parked", extra={"run": row.run, "reason": str(error)})
        parked = msgspec.structs.replace(
            row, why=f"It cannot go on: {error}", changed_at=self._clock.now(), asleep=False
        )
        await self._store.commit(
            Write(workspace=row.workspace, run=row.run, seq=0, shard=row.shard, row=parked)
        )
