"""What an engine does when shards come and go: it takes up their runs, lets go of them, or loses them all at once.

A shard goes to another process only while nothing of its runs is under way and everything is durable. What was lost because
another process took over is dropped from memory on the spot. Attempts that may be repeated end; those that write go on, and
what they bring is sent to whoever leads the run by then.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from auraos.core.errors import AuraError, OperationalError
from auraos.core.run import encode_fact
from auraos.core.run.facts import StepFailed, StepSucceeded
from auraos.engine.active import ActiveRun
from auraos.engine.attempts import Attempt, Outcome
from auraos.engine.draft import Draft, Given
from auraos.engine.flow.admission import Admission
from auraos.engine.memory import Memory
from auraos.engine.ports import ALL_SHARDS, Clock, FencedError, RequestRow, Store, Write
from auraos.engine.requests import Requests
from auraos.engine.runner import Runner
from auraos.engine.shards import Shards
from auraos.engine.waking import Waking

log = logging.getLogger("auraos.engine")

POLL = 0.25
"""So often, in seconds, requests are looked for that other processes wrote."""
AGAIN = 0.25
LONGEST_DRAIN = 3.0
"""For so many seconds a shard takes nothing new, so that it can be handed over."""
STUBBORN = 15.0
"""A shard in which something lasted longer is left alone for so many seconds."""
LOOK = 0.02


class Moves:
    """The shards of one engine, as they come and go. `gone` hears of runs that another process leads from now on."""

    def __init__(  # noqa: PLR0913 (the parts of one engine that know of runs)
        self, store: Store, clock: Clock, shards: Shards, *, runner: Runner, memory: Memory, requests: Requests,
        waking: Waking, admission: Admission, gone: Callable[[Collection[str]], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._shards = shards
        self._runner = runner
        self._memory = memory
        self._requests = requests
        self._waking = waking
        self._admission = admission
        self._gone = gone
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking: set[asyncio.Task[None]] = set()
        self._late: list[tuple[str, RequestRow]] = []
        self._stopped = False
        self._stubborn: dict[int, float] = {}
        self._hinted = asyncio.Event()
        self.on_fenced: Callable[[], None] | None = None
        """Hears when a commit was fenced."""

    # --- shards come ---

    def take_up(self, shards: frozenset[int]) -> None:
        """Own these shards too, and go on with their runs."""
        self._shards.hold(self._shards.own | shards, leaving=self._shards.leaving - shards)
        if self._stopped:
            return
        task = self._do(self._go_on_with(shards))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def settled(self) -> None:
        """Return once all that was taken up is under way again."""
        while self._taking:
            await asyncio.wait(self._taking)

    async def _go_on_with(self, shards: frozenset[int]) -> None:
        stages: tuple[Callable[[Collection[int]], Awaitable[None]], ...] = (
            self._requests.look,
            self._admission.recover,
            self._waking.recover,
            self._look_for_timers,
        )
        for stage in stages:
            while mine := shards & self._shards.own:
                try:
                    await stage(mine)
                except OperationalError as error:
                    log.warning("shards.postponed", extra={"reason": str(error)})
                    await asyncio.sleep(AGAIN)
                else:
                    break

    def look_soon(self) -> None:
        """Take up what may have become durable and was not told of."""
        self._do(self.look_again())

    async def look_again(self) -> None:
        """Take up anew what was asked of a run, and its timers, after it was lost from memory and read again."""
        while True:
            try:
                await self._requests.look(self._shards.own)
                await self._runner.timers.look()
            except OperationalError as error:
                log.info("requests.away", extra={"reason": str(error)})
                await asyncio.sleep(AGAIN)
            else:
                return

    async def _look_for_timers(self, _: Collection[int]) -> None:
        await self._runner.timers.look()

    def begin_to_look(self) -> None:
        """Take up what other processes ask of runs here, from now on."""
        self._do(self._keep_looking())

    def hint(self, shards: frozenset[int]) -> None:
        """Hear that another process asked something of runs in these shards."""
        if shards & self._shards.own:
            self._hinted.set()

    async def _keep_looking(self) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL):
                    await self._hinted.wait()
            except TimeoutError:
                pass
            self._hinted.clear()
            if not self._shards.own:
                continue
            try:
                await self._requests.look(self._shards.own)
            except OperationalError as error:
                log.info("requests.away", extra={"reason": str(error)})

    # --- shards go ---

    async def let_go(self, count: int) -> frozenset[int]:
        """Own up to so many shards less, and return which: of their runs nothing is under way, and all is durable.

        Nothing new begins in them meanwhile. Those in which something lasts too long stay.
        """
        await self.settled()  # what is just being read of a shard is not to be known after it went
        chosen = self._choose(count)
        self._shards.hold(self._shards.own - chosen, leaving=chosen)
        self._runner.granting.rest(chosen)
        end = self._clock.monotonic() + LONGEST_DRAIN
        while (busy := self._busy() & chosen) and self._clock.monotonic() < end:  # noqa: ASYNC110 (of many things, none tells)
            await asyncio.sleep(LOOK)
        if self._shards.leaving != chosen:  # all was lost meanwhile
            return frozenset()
        going = chosen - busy
        self._forget([run for run in self._runner.runs.values() if run.shard in going])
        self._admission.leave(going)
        self._shards.hold(self._shards.own)
        self._runner.granting.rest(frozenset())
        if busy:
            self._stubborn |= dict.fromkeys(busy, end + STUBBORN)
            self.take_up(busy)
        return going

    def _choose(self, count: int) -> frozenset[int]:
        """Return the shards that are given away with the least trouble."""
        now = self._clock.monotonic()
        self._stubborn = {shard: end for shard, end in self._stubborn.items() if end > now}
        attempts = Counter(run.shard for run in self._runner.runs.values() if run.holding)
        willing = [shard for shard in self._shards.own if shard not in self._stubborn]
        return frozenset(sorted(willing, key=lambda shard: (attempts[shard], shard))[:count])

    def _busy(self) -> frozenset[int]:
        """Return the shards in which something is under way."""
        moving = {run.shard for run in self._runner.runs.values() if not _is_at_rest(run)}
        return self._requests.busy_shards() | moving

    def _forget(self, runs: Collection[ActiveRun]) -> None:
        for run in runs:
            del self._runner.runs[run.id]
            self._memory.forget(run)
            self._waking.rested(run.id)
            run.is_lost, run.state = True, None
            self._runner.slots.leave(run.id, run.queued)
        self._gone([run.id for run in runs])

    # --- all are lost ---

    def be_sure_until(self, moment: float) -> None:
        """Hear until when nobody takes over what this process owns."""
        self._shards.sure_until = moment

    def lose_all(self) -> None:
        """Drop everything at once: another process leads these runs. Nothing of them is written any more."""
        self.be_sure_until(math.inf)
        if not self._shards.own and not self._shards.leaving:
            return
        self._runner.outbox.post()
        self._shards.hold(())
        runs = tuple(self._runner.runs.values())
        log.error("fenced", extra={"runs": len(runs)})
        for task in tuple(self._tasks):
            task.cancel()
        self._requests.clear()
        self._waking.clear()
        self._memory.lose_all()
        self._runner.timers.clear()
        self._admission.leave(ALL_SHARDS)
        fenced = FencedError("Another process has taken over what this one owned.")
        self._forget(runs)
        for run in runs:
            self._drop(run, fenced)
        self._runner.granting.rest(frozenset())
        self.begin_to_look()

    def _drop(self, run: ActiveRun, error: AuraError) -> None:
        if run.writing is not None:  # its fate is told later; what it wished is another process's to do
            run.writing.wishes.clear()
            run.writing.requests = ()
        self._salvage(run, [*run.draft.given, *run.held], error)
        run.draft = Draft()
        run.held.clear()
        run.todo.clear()
        run.queued.clear()
        for key, attempt in tuple(run.attempts.items()):
            if attempt.may_repeat or not attempt.has_begun:
                attempt.abandon()
                del run.attempts[key]
            else:
                attempt.tell(self._ended_late)
        for key in [key for key in run.holding if key not in run.attempts]:
            self._runner.slots.give_back(run.holding.pop(key))

    def write_lost(self, run: ActiveRun, draft: Draft, error: AuraError) -> None:
        """Hear that a write was refused because this process was fenced, or that one failed of a run that was dropped."""
        self._salvage(run, draft.given, error)
        if isinstance(error, FencedError) and (self._shards.own or self._shards.leaving):
            self.lose_all()
            if self.on_fenced is not None:
                self.on_fenced()

    def begin_anew(self) -> None:
        """Send what attempts brought that had begun before all was lost: this process may write again."""
        self._do(self._send_late())

    def stop(self) -> None:
        """Go on with nothing more; shards may still be let go of."""
        self._stopped = True
        for task in tuple(self._tasks):
            task.cancel()

    def _salvage(self, run: ActiveRun, given: Collection[Given], error: AuraError) -> None:
        """Keep the outcomes that are not durable for whoever leads the run now, and tell all who wait."""
        for each in given:
            self._keep_late(run, each.fact)
            if each.waiter is not None and not each.waiter.done():
                each.waiter.set_exception(error)

    def _ended_late(self, attempt: Attempt, outcome: Outcome) -> None:
        run: ActiveRun = attempt.owner
        key = (attempt.command.path, attempt.command.attempt)
        run.attempts.pop(key, None)
        pool = run.holding.pop(key, None)
        if pool is not None:
            self._runner.slots.give_back(pool)
        self._keep_late(run, outcome)
        self.begin_anew()

    def _keep_late(self, run: ActiveRun, fact: object) -> None:
        if isinstance(fact, StepSucceeded | StepFailed):
            row = RequestRow(self._clock.new_id(), run.id, "result", encode_fact(fact), run.shard)
            self._late.append((run.workspace, row))

    async def _send_late(self) -> None:
        while self._late:
            late, self._late = self._late, []
            writes = [Write(workspace, row.run, 0, row.shard, requests=[row]) for workspace, row in late]
            done = await asyncio.gather(*map(self._store.commit, writes), return_exceptions=True)
            failed = [each for each, error in zip(late, done, strict=True) if error is not None]
            for _, row in late:
                self._requests.take(row)
            if failed:
                self._late = [*failed, *self._late]
                await asyncio.sleep(AGAIN)

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _is_at_rest(run: ActiveRun) -> bool:
    """Return whether nothing of a run is under way here, though it may stand in line for a slot."""
    under_way = (
        run.holding or run.attempts or run.computing or run.todo or run.held or run.writing is not None
    )
    return run.state is not None and not under_way and run.draft.is_empty
