"""How a run goes on that was read from its journal: anew in memory, after a write of it failed, or after it broke the machine."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from auraos.core.errors import AuraError, OperationalError, UnexpectedError
from auraos.core.run import RunState, outstanding
from auraos.core.run.commands import Compute, Continue, EndRun, ExecuteStep, QueueStep
from auraos.core.run.facts import RunQuarantined, RunStarted, StepError, StepUnknown
from auraos.engine.active import ActiveRun, unreleased
from auraos.engine.draft import Draft
from auraos.engine.folding import fold_into
from auraos.engine.ports import Batch, Blobs, Clock, FencedError, RunRow, Store, Write, WriteRefusedError
from auraos.engine.runner import Runner
from auraos.engine.shards import ElsewhereError, Shards

log = logging.getLogger("auraos.engine")
MOST_BREAKS = 3
BROKE_THE_ENGINE = "Its facts broke the engine again and again; the engine's log says how."
LONGEST_PAUSE = 5.0
RESUMED = (QueueStep, Compute, Continue)
"""What has to be begun again after a restart; timers, children and subscriptions have rows of their own."""


class Mending:
    """Reads runs again that are not as the store has them, and lets runs go on that were read. `mended` hears of each that was
    read again.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        shards: Shards,
        blobs: Blobs,
        *,
        mended: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._shards = shards
        self._blobs = blobs
        self._mended = mended
        self._tasks: set[asyncio.Task[None]] = set()
        self.runner: Runner
        self.stand: Callable[[ActiveRun], None]
        """Hears of a run that stands before its gates."""
        self.lost: Callable[[ActiveRun, Draft, AuraError], None]
        """Hears of a write that failed because another process leads the run."""

    @property
    def is_busy(self) -> bool:
        return bool(self._tasks)

    def stop(self) -> None:
        """Mend nothing more: what is not durable will be found so by the next process."""
        for task in tuple(self._tasks):
            task.cancel()

    def write_failed(self, run: ActiveRun, draft: Draft, error: BaseException) -> None:
        """Throw a run out of memory after its write failed, and read it again as soon as the store answers."""
        if run.is_lost or isinstance(error, FencedError):
            self.lost(run, draft, _as_error(error))
            return
        if isinstance(error, WriteRefusedError):
            run.breaks += 1
        self._unlearn(run, draft, _as_error(error))
        self._begin_mending(run, draft)

    def broke(self, run: ActiveRun, error: Exception) -> None:
        """Set a run apart that broke the machine: read it again, and quarantine it."""
        if run.state is None:
            return
        run.breaks = max(MOST_BREAKS, run.breaks + 1)
        draft = run.writing or Draft()
        self._unlearn(run, draft, _as_error(error))
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
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _mend(self, run: ActiveRun, draft: Draft) -> None:
        await self._store_answers(run)
        try:
            row = await self._store.find(run.id)
            if row is None:
                self._begin_anew(run)
                return
            self._shards.require(row.shard, row.run)
            run.row, run.shard = row, row.shard
            journal = await self._store.journal(run.id)
            await fold_into(run, self._blobs, journal)
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
            self.quarantine(run)
            return
        self.go_on(run, {(wish.path, wish.attempt): wish for wish in unreleased([draft])})
        await self._mended()

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

    def _begin_anew(self, run: ActiveRun) -> None:
        """Start again a run whose start never became durable, if nobody was told so; else forget it."""
        self.runner.granting.free(run)
        first = run.held[0].fact if run.held else None
        if not isinstance(first, RunStarted):
            self.runner.runs.pop(run.id, None)
            return
        run.state, run.seq, run.created = RunState(run.program), 0, True
        self._give_held(run)

    def go_on(self, run: ActiveRun, unstarted: dict[tuple[str, int], ExecuteStep]) -> None:
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

    def quarantine(self, run: ActiveRun, reason: str = BROKE_THE_ENGINE) -> None:
        """Set a run apart, until a person lets it go on."""
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


def _as_error(error: BaseException) -> AuraError:
    """Return what a waiter is told of something that went wrong."""
    return error if isinstance(error, AuraError) else UnexpectedError(f"The engine broke: {error}.")
