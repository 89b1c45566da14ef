"""Bringing runs back that sleep: those whose timer is due, and after a start all that were under way.

However many there are, they come a slice at a time, and no more than so many are on the move at once: so memory stays
flat, and whatever else the engine does keeps its turn.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

from auraos.core.errors import AuraError, OperationalError, UserError
from auraos.core.run.facts import TimerFired
from auraos.engine.active import ActiveRun
from auraos.engine.draft import Given
from auraos.engine.memory import Memory, Reached
from auraos.engine.ports import Clock, RunRow, Timer
from auraos.engine.shards import ElsewhereError

log = logging.getLogger("auraos.engine")
SLICE = 64
MOST_MOVING = 512
STUCK = 1.0
"""When for so many seconds none of those on the move comes to rest, others are brought all the same."""
POSTPONED = 5.0
AGAIN = 0.5


class RunOverError(UserError):
    """The run ended while something was on its way to it."""

    code = "run-over"


class Waking:
    """Wakes runs. `late` hears of a request to one that is over."""

    def __init__(self, memory: Memory, clock: Clock, late: Callable[[str, str], None]) -> None:
        self._memory = memory
        self._clock = clock
        self._late = late
        self._due: deque[Timer] = deque()
        self._moving: set[str] = set()
        self._rested = asyncio.Event()
        self._at_work: asyncio.Task[None] | None = None
        self._recovering: set[asyncio.Task[None]] = set()
        self._giving: set[asyncio.Task[None]] = set()
        self._later: set[asyncio.TimerHandle] = set()
        self._closed = False

    @property
    def is_busy(self) -> bool:
        return bool(self._due or self._recovering or self._giving or self._at_work)

    def fire(self, timer: Timer) -> None:
        """Let a timer fire in its run, which is woken if it sleeps."""
        if self._closed:
            return
        runner = self._memory.runner
        run = runner.runs.get(timer.run)
        if run is not None:
            runner.give(run, TimerFired(at=self._clock.now(), path=timer.path, timer=timer.timer))
            return
        self._due.append(timer)
        if self._at_work is None:
            self._at_work = asyncio.create_task(self._wake_all())

    def give_again(self, run: str, given: Given) -> None:
        """Give to a run what was given to what it was before it left memory."""
        task = asyncio.create_task(self._give_again(run, given))
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)

    async def recover(self, shards: Collection[int]) -> None:
        """Go on with every run of these shards that was under way when the process before this one ended: with the first
        ones at once, with the others beside all else.
        """
        pages = self._memory.awake(shards, SLICE)
        first = await anext(pages, None)
        if first is None:
            return
        await self._go_on_with(first)
        task = asyncio.create_task(self._recover(pages, shards))
        self._recovering.add(task)
        task.add_done_callback(self._recovering.discard)

    def rested(self, run: str) -> None:
        """Note that a run sleeps again, or is over."""
        if run in self._moving:
            self._moving.discard(run)
            self._rested.set()

    def stop(self) -> None:
        """Wake nothing more."""
        self._closed = True
        self.clear()

    def clear(self) -> None:
        """Leave all runs that were to be woken to another process."""
        self._due.clear()
        self._moving.clear()
        for task in (*self._recovering, *self._giving, self._at_work):
            if task is not None:
                task.cancel()
        for handle in self._later:
            handle.cancel()
        self._later.clear()

    async def _give_again(self, run: str, given: Given) -> None:
        """Give it to the run as soon as that can be read; whoever waits for it is told at once if it cannot."""
        while True:
            try:
                found = await self._memory.reach(run)
                if found is None or (found.state is not None and found.state.is_final):
                    raise RunOverError(f"Run {run} is over.")
            except AuraError as error:
                if given.waiter is not None:
                    if not given.waiter.done():
                        given.waiter.set_exception(error)
                    return
                log.warning("run.not_reached", extra={"run": run, "reason": str(error)})
                if isinstance(error, RunOverError) and given.answers:
                    self._late(run, given.answers)
                if not isinstance(error, OperationalError) or isinstance(error, ElsewhereError):
                    return
                await asyncio.sleep(AGAIN)
            else:
                self._memory.runner.give(found, given.fact, given.waiter, answers=given.answers)
                return

    async def _wake_all(self) -> None:
        try:
            while self._due:
                await self._room()
                timers = [self._due.popleft() for _ in range(min(SLICE, len(self._due)))]
                found = await self._memory.reach_all(list(dict.fromkeys(timer.run for timer in timers)))
                for timer in timers:
                    self._fire_in(found[timer.run], timer)
                await self._next_turn(found)
        finally:
            self._at_work = None

    def _fire_in(self, found: Reached, timer: Timer) -> None:
        """Let a timer fire in a run that was brought; one that left memory since is brought again."""
        timers, runs = self._memory.runner.timers, self._memory.runner.runs
        if found is None or isinstance(found, ElsewhereError):
            timers.drop(timer.run, timer.path, timer.timer)
        elif isinstance(found, ActiveRun):
            is_over = found.state is not None and found.state.is_final
            if is_over and timer.run not in runs:
                timers.drop(timer.run, timer.path, timer.timer)
            else:
                self.fire(timer)
        else:  # the store is away, or the run cannot be read: its row stays
            log.warning("timer.postponed", extra={"run": timer.run, "reason": str(found)})
            self._postpone(timer)

    def _postpone(self, timer: Timer) -> None:
        def again() -> None:
            self._later.discard(handle)
            self.fire(timer)

        handle = asyncio.get_running_loop().call_later(POSTPONED, again)
        self._later.add(handle)

    async def _recover(self, pages: AsyncIterator[list[RunRow]], shards: Collection[int]) -> None:
        while True:
            try:
                async for rows in pages:
                    await self._room(only_if_slots=True)
                    await self._go_on_with(rows)
            except OperationalError as error:  # begin again, with those that are not here yet
                log.warning("recovery.postponed", extra={"reason": str(error)})
                await asyncio.sleep(AGAIN)
                pages = self._memory.awake(shards, SLICE)
            else:
                return

    async def _go_on_with(self, rows: Sequence[RunRow]) -> None:
        """Bring these runs back. One that cannot be read is set apart; raise what the store says when it is away."""
        found = await self._memory.reach_all([row.run for row in rows])
        await self._next_turn(found)
        for row in rows:
            error = found[row.run]
            if isinstance(error, OperationalError) and not isinstance(error, ElsewhereError):
                raise error
            if isinstance(error, Exception) and not isinstance(error, ElsewhereError):
                await self._memory.mending.park(row, error)

    async def _next_turn(self, found: Mapping[str, Reached]) -> None:
        """Count which of these are on the move now, and let others have their turn."""
        self._moving.update(
            run for run, active in found.items() if isinstance(active, ActiveRun) and not active.is_quiet
        )
        await asyncio.sleep(0)

    async def _room(self, *, only_if_slots: bool = False) -> None:
        """Return when others may be brought: when enough of them rest, or when none has come to rest for a while."""
        while len(self._moving) >= MOST_MOVING:
            self._rested.clear()
            try:
                async with asyncio.timeout(STUCK):
                    await self._rested.wait()
            except TimeoutError:
                self._moving = {run for run in self._moving if self._memory.is_moving(run)}
                if not (only_if_slots and self._memory.runner.slots.is_wanted):
                    return
