"""What is carried out for runs: attempts of their steps, what they compute beside the loop, and what attempts say meanwhile."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from auraos.core.catalogue import Catalogue
from auraos.core.run.commands import CancelStep, Compute, ExecuteStep
from auraos.core.run.facts import Result
from auraos.engine.active import ActiveRun
from auraos.engine.attempts import Attempt, Ended
from auraos.engine.cached_attempts import CachedAttempt
from auraos.engine.context import AttemptContext, Doors, Progress
from auraos.engine.ports import Clock, LogLine, Store
from auraos.engine.process import NoThreadsError, begun_threads
from auraos.engine.shards import Shards
from auraos.engine.stream import Change, Streams
from auraos.engine.suspects import Suspects
from auraos.engine.workers import Workers

log = logging.getLogger("auraos.engine")
LOG_PAUSE = 0.25
UNTIL_THREADS = 1.0
"""So many seconds later it is asked again for threads that the system did not give."""


class Work:
    """The work of the runs in memory. `ended` hears of an attempt, `computed` of what was computed, and `flush` of a run whose
    log is to be written.
    """

    def __init__(  # noqa: PLR0913 (what steps need, and who hears of them)
        self, store: Store, catalogue: Catalogue, clock: Clock, doors: Doors, *, shards: Shards, suspects: Suspects,
        runs: dict[str, ActiveRun], streams: Streams, ended: Ended,
        computed: Callable[[ActiveRun, "asyncio.Future[Result]"], None], flush: Callable[[ActiveRun], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._doors = doors
        self._suspects = suspects
        self._runs = runs
        self._streams = streams
        self._ended = ended
        self._computed = computed
        self._flush = flush
        self._workers = Workers(shards, clock)
        self._threads: ThreadPoolExecutor | None = None
        self._is_closed = False

    def execute(self, run: ActiveRun, wish: ExecuteStep) -> None:
        """Begin an attempt whose grant is durable."""
        doors = self._doors
        kind = Attempt if wish.cache is None else partial(CachedAttempt, cache=self._store)
        step_type = self._catalogue.find(wish.type, wish.version)
        attempt = kind(
            run,
            wish,
            step_type,
            AttemptContext(
                run.workspace,
                run.id,
                wish,
                doors=doors,
                listener=self,
                clock=self._clock,
                program=run.program,
                schema=step_type.settings if step_type is not None else None,
                trace=run.state.trace if run.state is not None else "",
            ),
            doors.redact,
            self._clock.now,
            self._ended,
        )
        run.attempts[wish.path, wish.attempt] = attempt
        self._workers.begin(attempt)

    def cancel(self, run: ActiveRun, wish: CancelStep) -> None:
        """Ask an attempt to stop."""
        attempt = run.attempts.get((wish.path, wish.attempt))
        if attempt is not None:
            attempt.cancel()

    def compute(self, run: ActiveRun, wish: Compute) -> None:
        """Evaluate on another thread what would hold up the loop; where the system gives none, as soon as it does."""
        loop = asyncio.get_running_loop()
        if self._is_closed:
            return
        try:
            self._threads = self._threads or begun_threads(2, "compute")
        except NoThreadsError as error:
            log.warning(
                "work.waits_for_thread", extra={"run": run.id, "why": error.message, "hint": error.hint}
            )
            loop.call_later(UNTIL_THREADS, self.compute, run, wish)
            return
        future = loop.run_in_executor(self._threads, self._suspects.beside, run.id, wish.evaluate)
        future.add_done_callback(partial(self._computed, run))

    def must_be_awaited(self) -> bool:
        """Stop the attempts that may be repeated; return whether there are others."""
        attempts = self._attempts()
        for attempt in attempts:
            if attempt.may_repeat:
                attempt.abandon()
        return any(not attempt.may_repeat for attempt in attempts)

    async def close(self) -> None:
        """Stop whatever is under way still."""
        for attempt in self._attempts():
            attempt.abandon()
        self._workers.close()
        await self._doors.places.close()
        self._is_closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _attempts(self) -> list[Attempt]:
        return [attempt for run in self._runs.values() for attempt in run.attempts.values()]

    # --- what attempts say while they run ---

    def logged(self, line: LogLine) -> None:
        """Take a line of log into the run's next write, which waits a little for more."""
        run = self._runs.get(line.run)
        if run is None:
            return
        run.draft.log([line])
        if run.flush_handle is None:
            run.flush_handle = asyncio.get_running_loop().call_later(LOG_PAUSE, self._flush_logs, run)

    def progressed(self, run: str, progress: Progress) -> None:
        """Show a sign of progress."""
        if run in self._streams.listeners:
            self._streams.publish(Change(run=run, progress=progress))

    def _flush_logs(self, run: ActiveRun) -> None:
        run.flush_handle = None
        self._flush(run)
