"""The runner: it tells runs what happened, makes what they decided durable, and only then does what they
wish.

    give(fact) → advance → draft → one write at a time for each run → durable → release the wishes → …

While a write of a run is on its way, further facts gather in its next draft. After a write that failed, the
run is thrown out of memory and read again from the store; outside facts that were not durable are given to it
once more.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from auraos.core.catalogue import Catalogue
from auraos.core.errors import UnexpectedError
from auraos.core.run import LARGE, StepMade, advance
from auraos.core.run.commands import (
    AwaitAdmission,
    CancelChild,
    CancelStep,
    Command,
    Compute,
    Continue,
    Continued,
    EndGathered,
    EndRun,
    ExecuteStep,
    Nudge,
    QueueStep,
    StartChild,
    StartTimer,
    StopTimer,
    Subscribe,
    Unsubscribe,
)
from auraos.core.run.facts import Computed, OutsideFact, Result
from auraos.engine.active import NOTED, ActiveRun
from auraos.engine.attempts import Attempt, Outcome
from auraos.engine.context import Doors
from auraos.engine.draft import Draft, Given
from auraos.engine.family import requests_of
from auraos.engine.figures import OUTCOMES, SECOND, EngineFigures
from auraos.engine.granting import Granting
from auraos.engine.heavy import HeavyWrites
from auraos.engine.hooks import Hooks
from auraos.engine.outbox import Outbox, Outcomes
from auraos.engine.ports import Clock, Store, Timer
from auraos.engine.shards import ElsewhereError, Shards
from auraos.engine.slots import Slots
from auraos.engine.stream import Change, Streams
from auraos.engine.suspects import Suspects
from auraos.engine.timers import Timers
from auraos.engine.tracing import attempt_ended, became_durable
from auraos.engine.watching import Watching
from auraos.engine.work import Work
from auraos.observability.traces import Tracer

log = logging.getLogger("auraos.engine")


class Runner:
    """Drives the runs in memory."""

    def __init__(  # noqa: PLR0913 (the parts of one engine)
        self, store: Store, catalogue: Catalogue, clock: Clock, doors: Doors, *, shards: Shards, slots: Slots,
        streams: Streams, hooks: Hooks, suspects: Suspects,
    ) -> None:  # fmt: skip
        self.runs: dict[str, ActiveRun] = {}
        self.suspects = suspects
        self.slots = slots
        self.granting = Granting(slots, self.runs, clock.now, advance=self._advance, follow=self.follow)
        self.timers = Timers(store, clock, shards, hooks.timer_fired)
        self.streams = streams
        self.watching = Watching()
        self._clock = clock
        self._hooks = hooks
        self.figures = EngineFigures()
        self.tracer: Tracer | None = None
        """Tells what happens as spans, where somebody wants to know."""
        self.outbox = Outbox(
            store, clock.monotonic, shards, told=self._told, strained=self._strain, took=self.figures.commits.note
        )  # fmt: skip
        self._heavy = HeavyWrites(doors.blobs, self.outbox.put, hooks.failed)
        self._stirred: asyncio.Event | None = None
        self._work = Work(
            store, catalogue, clock, doors, shards=shards, suspects=suspects, runs=self.runs, streams=streams,
            ended=self._attempt_ended, computed=self._computed, flush=self.flush,
        )  # fmt: skip
        self._gather: dict[type, Callable[[ActiveRun, Any], None]] = {
            QueueStep: self.granting.queue,
            StartTimer: lambda run, wish: run.draft.start_timer(run.id, wish),
            StopTimer: lambda run, wish: run.draft.stop_timer(run.id, wish),
            Subscribe: lambda run, wish: run.draft.subscribe(run.id, wish),
            Unsubscribe: lambda run, wish: run.draft.unsubscribe(run.id, wish),
            StartChild: self._draft_request,
            CancelChild: self._draft_request,
            EndRun: self._draft_request,
            Compute: self._count_computing,
            EndGathered: hooks.gathered,
        }
        self._release: dict[type, Callable[[ActiveRun, Any], None]] = {
            ExecuteStep: self._work.execute,
            CancelStep: self._work.cancel,
            Compute: self._work.compute,
            Continue: self._continue,
            StartTimer: lambda run, wish: self.timers.add(Timer(run.id, wish.path, wish.timer, wish.due)),
            StopTimer: lambda run, wish: self.timers.drop(run.id, wish.path, wish.timer),
            EndRun: self.end,
            AwaitAdmission: lambda run, _: hooks.born(run),
        }

    # --- what happens to a run ---

    def give(
        self,
        run: ActiveRun,
        fact: OutsideFact,
        waiter: "asyncio.Future[None] | None" = None,
        *,
        answers: str = "",
    ) -> bool:
        """Let something happen to a run; return whether it took notice. The waiter hears when it is durable."""
        given = Given(fact, waiter, answers)
        if run.state is None:
            self._hold(run, given)
            return True
        if self.runs.get(run.id) is not run:  # it left memory after it was looked up, and may be there anew
            self._hooks.strayed(run.id, given)
            return True
        made = self._advance(run, fact, self.granting.offer(run))
        if made is None:  # what breaks the machine is not given to it again
            if waiter is not None:
                waiter.set_exception(UnexpectedError(f"Run {run.id} broke the engine and is set apart."))
            return True
        run.draft.given.append(given)
        if answers:
            run.draft.answered = (*run.draft.answered, answers)
        if run.todo:
            self.follow(run)
        else:
            self.flush(run)
        return bool(made.facts)

    def _hold(self, run: ActiveRun, given: Given) -> None:
        """Keep what happened until a run was read again; one that was dropped is another process's."""
        if not run.is_lost:
            run.held.append(given)
        elif given.waiter is not None:
            given.waiter.set_exception(ElsewhereError(f"Another process leads run {run.id} now."))

    def follow(self, run: ActiveRun) -> None:
        """Take up what the machine wished, and write what it decided."""
        gather, todo = self._gather, run.todo
        while todo:
            wish = todo.popleft()
            handler = gather.get(type(wish))
            if handler is not None:
                handler(run, wish)
            if type(wish) is not QueueStep:
                run.draft.wishes.append(wish)
        self.flush(run)

    def flush(self, run: ActiveRun) -> None:
        """Send off the draft, unless a write of this run is on its way."""
        if run.writing is not None or run.state is None or run.draft.is_empty:
            return
        write = run.seal(self._clock.now())
        if (len(write.facts) > LARGE or run.seq >= run.snapshot_at or write.requests) and self._heavy.takes(
            run, write
        ):
            return
        self.outbox.put(run, write)

    def _advance(self, run: ActiveRun, given: OutsideFact | Nudge, slots: int = 0) -> StepMade | None:
        assert run.state is not None
        self.suspects.work_on(run.id)
        try:
            made = advance(run.program, run.state, given, slots=slots)
        except Exception as error:
            log.exception("run.broke", extra={"run": run.id}, exc_info=not run.is_private)
            self._hooks.broke(run, error)
            return None
        finally:
            self.suspects.rest()
        draft = run.draft
        for wish in made.commands:
            if type(wish) is not ExecuteStep:
                run.todo.append(wish)
                continue
            draft.wishes.append(wish)
            if slots:  # it was granted one of the slots that were offered
                self.granting.hold(run, wish, "")
        for fact in made.facts:
            note = NOTED.get(type(fact))
            if note is not None:
                note(run, fact)
        draft.facts += made.facts
        return made

    def _told(self, runs: Sequence[ActiveRun], outcomes: Outcomes) -> None:
        """Hear what became of writes, and go on with each of their runs."""
        for place, run in enumerate(runs):
            draft, run.writing = run.writing, None
            assert draft is not None
            error = outcomes[place] if outcomes is not None else None
            if error is not None:
                self._hooks.failed(run, draft, error)
            else:
                self.durable(run, draft)
        if self._stirred is not None:
            self._stirred.set()

    def _strain(self, is_high: bool) -> None:
        """Begin no steps while the store is behind; go on when it has caught up."""
        if self._stirred is None:
            self.granting.open_up(not is_high)

    def durable(self, run: ActiveRun, draft: Draft) -> None:
        """Tell whoever waits that this draft is durable, show it, and do what the run wished."""
        for given in draft.given:
            if given.waiter is not None and not given.waiter.done():
                given.waiter.set_result(None)
        if draft.versions or draft.answered:
            self.found_durable(draft)
        if draft.sealed[0] == 1 or self.tracer is not None:
            self._count(run, draft)
        if draft.row is not None:
            self.watching.tell(draft.row)
        if run.id in self.streams.listeners:
            self._show(run, draft)
        release = self._release
        for wish in draft.wishes:
            handler = release.get(type(wish))
            if handler is not None:
                handler(run, wish)
        for request in draft.requests:
            self._hooks.requested(request)
        if not run.draft.is_empty:
            self.flush(run)
        elif not run.holding:
            self._hooks.settled(run)

    def _count(self, run: ActiveRun, draft: Draft) -> None:
        """Count a run that began, and tell spans of what became durable."""
        if draft.sealed[0] == 1 and run.state is not None and run.state.page is None:
            self.figures.started.add(run.workspace, run.program.workflow.name)
        if self.tracer is not None:
            became_durable(self.tracer, run, draft.facts)

    def found_durable(self, draft: Draft) -> None:
        """Note which versions are kept now and which requests are gone."""
        if draft.versions:
            self._hooks.kept(draft.versions)
        if draft.answered:
            self._hooks.answered(draft.answered)

    def _show(self, run: ActiveRun, draft: Draft) -> None:
        first = run.seq - len(draft.facts) + 1
        for line in draft.logs:
            self.streams.publish(Change(run=run.id, log=line))
        for place, fact in enumerate(draft.facts):
            self.streams.publish(Change(run=run.id, seq=first + place, fact=fact))

    # --- what goes into the draft ---

    def _draft_request(self, run: ActiveRun, wish: StartChild | CancelChild | EndRun) -> None:
        for row in requests_of(run, wish, self._clock.new_id):
            run.draft.ask(row)

    def _count_computing(self, run: ActiveRun, _: Command) -> None:
        run.computing += 1

    # --- what is done when it is durable ---

    def _attempt_ended(self, attempt: Attempt, outcome: Outcome) -> None:
        """Hand the outcome to the run, and its slot to the next: both may share one write."""
        run: ActiveRun = attempt.owner
        command = attempt.command
        key = (command.path, command.attempt)
        run.attempts.pop(key, None)
        took = (outcome.at - command.granted_at) / SECOND
        self.figures.attempts.note(took, command.type, OUTCOMES[type(outcome)])
        if self.tracer is not None:
            attempt_ended(self.tracer, run, command, outcome)
        self.granting.give_back(run, *key)
        run.stored = attempt.stored
        self.give(run, outcome)
        if self.granting.slots.is_wanted:
            self.granting.fill()
        if self._stirred is not None:
            self._stirred.set()

    def _computed(self, run: ActiveRun, future: "asyncio.Future[Result]") -> None:
        run.computing -= 1
        if future.cancelled():
            return
        error = future.exception()
        if isinstance(error, Exception):
            self._hooks.broke(run, error)
            return
        computed = Computed(at=self._clock.now(), results=[future.result()])
        self.give(run, cast("OutsideFact", computed))  # the one decision that a runtime brings

    def _continue(self, run: ActiveRun, _: Continue) -> None:
        asyncio.get_running_loop().call_soon(self._nudge, run)

    def _nudge(self, run: ActiveRun) -> None:
        if run.state is not None and self._advance(run, Continued(self._clock.now())) is not None:
            self.follow(run)

    def end(self, run: ActiveRun, wish: EndRun) -> None:
        """Let go of a run whose end is durable."""
        self.granting.leave(run)
        self.runs.pop(run.id, None)
        self._hooks.ended(run, wish)

    def resume_attempt(self, run: ActiveRun, wish: ExecuteStep) -> None:
        """Start an attempt whose grant turned out to be durable."""
        step = run.program.find(wish.path)
        self.granting.hold(run, wish, "" if step is None else step.line)
        self._work.execute(run, wish)

    # --- the end ---

    async def stop(self, grace: float) -> None:
        """Start nothing more; stop what may be repeated, wait for the rest, and write what they bring."""
        self.granting.slots.is_open = False
        stirred = self._stirred = asyncio.Event()
        end = self._clock.monotonic() + grace
        while (left := end - self._clock.monotonic()) > 0:
            stirred.clear()
            for run in tuple(self.runs.values()):
                self.flush(run)
            if not (self._work.must_be_awaited() or self._heavy.is_busy or not self.outbox.is_empty):
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(stirred.wait(), left)
        await self._work.close()
