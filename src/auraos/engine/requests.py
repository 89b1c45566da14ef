"""Requests between runs: starts, ends and cancellations of children, and events.

A request is written with the facts of the run that sends it and deleted with the facts of the run that
receives it, so a crash in between neither loses nor repeats it. Handling one twice is harmless: a child's id
follows from its parent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, cast

import msgspec

from auraos.core.errors import AuraError, UserError
from auraos.core.run import Program, Reading, decode_fact, encode_fact, has_references, inherit
from auraos.core.run.facts import ChildFinished, OutsideFact, RunStarted
from auraos.engine.active import ActiveRun
from auraos.engine.asks import tell
from auraos.engine.begun import is_begun, is_same_work, refuse_twice
from auraos.engine.child_refusals import lost, refusal_of, words_of_refusal
from auraos.engine.definitions import Programs
from auraos.engine.flow.starts import stand_before
from auraos.engine.handed_files import files_in
from auraos.engine.keyed_calls import KeyedCalls
from auraos.engine.memory import Memory
from auraos.engine.ports import Blobs, Clock, NotFoundError, RequestRow, RunRow, Store, Write
from auraos.engine.runner import Runner
from auraos.engine.shards import ElsewhereError, Shards
from auraos.engine.stream import facts_of

log = logging.getLogger("auraos.engine")
PAUSE = 5.0
LOOK = 0.1
MOST_SENT = 1000
_NONE: Iterator[int] = iter(())


class Requests:
    """Starts runs, and carries requests from run to run."""

    def __init__(
        self, store: Store, programs: Programs, memory: Memory, clock: Clock, blobs: Blobs, shards: Shards
    ) -> None:
        self._store = store
        self._programs = programs
        self._memory = memory
        self._clock = clock
        self._blobs = blobs
        self._shards = shards
        self._numbers: dict[str, Iterator[int]] = {}
        self._numbering = asyncio.Lock()
        self._under_way: dict[str, int] = {}
        """Request → the shard of its run."""
        self._sent: dict[str, str] = {}
        """The latest runs whose start was left to another process → the request."""
        self._looks = 0
        self._gone: set[str] = set()
        """Those whose rows went while rows were being read."""
        self.asked: Callable[[RequestRow], Awaitable[None]]
        """Carries out what a person asked of a run through another process."""
        self.gathered: Callable[[RequestRow], None]
        """Hears that a run is to end whose input another one got."""
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._keyed = KeyedCalls(store, memory, clock, shards, blobs, passed_on=self.pass_on)
        self.runner: Runner

    @property
    def is_busy(self) -> bool:
        return bool(self._tasks)

    async def recover(self) -> None:
        """Take up what the process before this one left; cancellations first, before what they cancel
        begins.
        """
        await self.look(self._shards.own)

    async def look(self, shards: Collection[int]) -> None:
        """Take up every request that waits in the store for runs of these shards."""
        self._looks += 1
        try:
            rows = await self._store.requests(shards)
            for row in sorted(rows, key=lambda row: (row.kind != "cancel", row.id)):
                if row.id not in self._gone:
                    self.take(row)
        finally:
            self._looks -= 1
            if not self._looks:
                self._gone.clear()

    def busy_shards(self) -> frozenset[int]:
        """Return the shards in which a request is under way."""
        return frozenset(self._under_way.values())

    def clear(self) -> None:
        """Leave all requests to another process."""
        self.stop()
        self._later.clear()
        self._under_way.clear()

    def take(self, row: RequestRow) -> None:
        """Carry a durable request to the run it is for."""
        if row.id in self._under_way or row.id in self._later or row.shard not in self._shards.own:
            return
        self._under_way[row.id] = row.shard
        if row.kind == "ask":
            self._begin_task(self._carry_ask(row))
            return
        if row.kind == "gathered":
            self.gathered(row)
        run = self.runner.runs.get(row.run)
        fact = cast("OutsideFact", decode_fact(row.body))
        if run is not None and not isinstance(fact, RunStarted) and not _must_be_fetched(row, fact):
            self._deliver(row, run, fact)
            return
        task = self._begin_task(self._carry(row, fact, self._starting.get(row.run)))
        if isinstance(fact, RunStarted):
            self._starting[row.run] = task
            task.add_done_callback(partial(self._started, row.run))

    def _started(self, run: str, task: "asyncio.Task[None]") -> None:
        if self._starting.get(run) is task:
            del self._starting[run]

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def begun(self, run: str) -> None:
        """Return once a run is there whose start another run has asked for already."""
        starting = self._starting.get(run)
        if starting is not None:
            await asyncio.wait([starting])
        while (request := self._sent.get(run)) is not None:
            try:
                await self._store.answer(request)
                await asyncio.sleep(LOOK)
            except NotFoundError:
                self._sent.pop(run, None)

    async def is_begun(self, run: str) -> bool:
        """Return whether a run is there, durably."""
        return await is_begun(run, self._store, self.runner.runs)

    def is_sent(self, run: str) -> bool:
        """Return whether the start of a run was just left to another process."""
        return run in self._sent

    def answered(self, requests: Sequence[str]) -> None:
        """Note that the rows of these requests are gone."""
        for request in requests:
            self._under_way.pop(request, None)
            if (later := self._later.pop(request, None)) is not None:
                later.cancel()
        if self._looks:
            self._gone.update(requests)

    def late(self, run: str, request: str) -> None:
        """Answer a request that came to a run which was over."""
        self._begin_task(self._answer_late(run, request))

    def stop(self) -> None:
        """Take up nothing more."""
        for handle in self._later.values():
            handle.cancel()
        for task in tuple(self._tasks):
            task.cancel()

    async def begin(
        self, started: RunStarted, program: Program, waiter: "asyncio.Future[None] | None" = None, *,
        answers: str = "", awaited: bool = False, shard: int | None = None,
    ) -> None:  # fmt: skip
        """Begin a run on a program in use; a child is born into the shard of its parent."""
        self.runner.suspects.refuse_deadly(started.run)
        resolved, number = started.resolved, 0
        if started.page is None:
            if self._programs.calls_of(started.version):
                resolved = await self._programs.resolve_calls(started.workspace, started.version, resolved)
            number = next(self._numbers.get(started.workspace, _NONE), 0)
            if not number:
                number = await self._next_number(started.workspace)
        now = self._clock.now()
        started = msgspec.structs.replace(started, at=now, number=number, resolved=resolved)
        if started.page is None and not started.gates and program.gates:
            started, home = stand_before(started, program)
            shard = home if started.gates else shard  # one that goes on with another may have no gates left
        if started.gates and shard is not None and shard not in self._shards.own:
            await self._send_home(started, shard, answers=answers, awaited=awaited)
            if waiter is not None:
                waiter.set_result(None)
            return
        refuse_twice(started.run, self.runner.runs)
        run = ActiveRun(
            started.run, started.workspace, program, self._shards.home() if shard is None else shard
        )
        run.created, run.awaited = True, awaited
        run.row = RunRow(
            workspace=started.workspace, run=started.run, number=number, workflow=started.workflow,
            version=started.version, state="queued", started_at=now, changed_at=now, by=started.by,
            parent=started.parent.run if started.parent is not None else "", origin=started.origin,
            awaited=awaited, shard=run.shard,
        )  # fmt: skip
        versions = self._programs.unkept(started.version, *resolved.values())
        if versions:
            run.draft.versions = versions
        self.runner.begin(run, started, waiter, answers=answers)

    async def _send_home(self, started: RunStarted, shard: int, *, answers: str, awaited: bool) -> None:
        """Leave a start to the process that owns the shard where all runs of its gates live."""
        kind = "call" if awaited or started.keyed is not None else "start"
        request = RequestRow(self._clock.new_id(), started.run, kind, encode_fact(started), shard)
        versions = self._programs.unkept(started.version, *started.resolved.values())
        await self._store.commit(
            Write(
                started.workspace, "", 0, shard, requests=[request], answered=[answers] if answers else (),
                versions=versions,
            )
        )  # fmt: skip
        self._programs.kept(versions)
        if answers:
            self.answered([answers])
        self._sent[started.run] = request.id
        if len(self._sent) > MOST_SENT:
            del self._sent[next(iter(self._sent))]

    async def _next_number(self, workspace: str) -> int:
        """Return the next number of a workspace when the block that this process had is used up."""
        async with self._numbering:
            while (number := next(self._numbers.get(workspace, _NONE), None)) is None:
                self._numbers[workspace] = iter(await self._store.numbers(workspace))
        return number

    async def _carry(self, row: RequestRow, fact: Any, starting: "asyncio.Task[None] | None") -> None:
        try:
            try:
                if not isinstance(fact, RunStarted):
                    await self._carry_fact(row, fact)
                    return
                if starting is not None:
                    await asyncio.wait([starting])
                if fact.keyed is None or not await self._keyed.join(row, fact):
                    source = fact.parent.run if fact.parent is not None else ""
                    await self._start_child(row, await self._whole(row, fact, fact.workspace, source))
            except ElsewhereError:
                if not await self._readdress(row):
                    raise
        except AuraError as error:  # the store is away, or the run cannot be read: the row stays
            self._postpone(row, error)

    async def _carry_fact(self, row: RequestRow, fact: Any) -> None:
        await self.begun(row.run)
        run = await self._memory.reach(row.run)
        if run is None:  # it has ended, so nothing of this concerns it any more
            await self._answer_late(row.run, row.id)
            return
        source = getattr(fact, "run", "")
        try:
            fact = await self._whole(row, fact, run.workspace, source)
            await self.share_files(fact, run.workspace, source, run.id)
        except NotFoundError as error:  # who sent it was deleted meanwhile
            if not isinstance(fact, ChildFinished):
                raise
            fact = lost(fact, error)
        self._deliver(row, run, fact)

    async def _readdress(self, row: RequestRow) -> bool:
        """Send a request on that came to another shard than its run lives in; return whether it did."""
        found = await self._store.find(row.run)
        if found is None or found.shard == row.shard:
            return False
        anew = RequestRow(self._clock.new_id(), row.run, row.kind, row.body, found.shard)
        await self._store.commit(
            Write(found.workspace, row.run, 0, row.shard, requests=[anew], answered=[row.id])
        )
        self.pass_on(row, anew)
        return True

    def pass_on(self, answered: RequestRow, following: RequestRow) -> None:
        """Note that a request is done with, and take up the one that follows from it."""
        self.answered([answered.id])
        self.take(following)

    async def _answer_late(self, run: str, request: str) -> None:
        await self._store.commit(Write(workspace="default", run=run, seq=0, answered=[request]))
        self.answered([request])

    async def _carry_ask(self, row: RequestRow) -> None:
        """Do what a person asked through another process, or say in the row of the request why not."""
        try:
            try:
                await self.asked(row)
                self.answered([row.id])
            except UserError as error:
                why = msgspec.json.encode(tell(error))
                await self._store.commit(Write("default", row.run, 0, row.shard, refused=[(row.id, why)]))
                self.answered([row.id])
        except AuraError as error:
            self._postpone(row, error)

    def _postpone(self, row: RequestRow, error: AuraError) -> None:
        log.warning("request.postponed", extra={"request": row.id, "run": row.run, "reason": str(error)})
        self._under_way.pop(row.id, None)
        self._later[row.id] = asyncio.get_running_loop().call_later(PAUSE, self._again, row)

    async def _whole(self, row: RequestRow, fact: Any, workspace: str, source: str) -> Any:
        """Return the fact of a request with its large values, which lie with the run that sent it."""
        if not has_references(row.body):
            return fact
        reading = Reading(lambda reference: self._blobs.fetch(workspace, source, reference.hash))
        return await asyncio.to_thread(decode_fact, row.body, reading)

    def _again(self, row: RequestRow) -> None:
        self._later.pop(row.id, None)
        self.take(row)

    def _deliver(self, row: RequestRow, run: ActiveRun, fact: OutsideFact) -> None:
        self.runner.give(run, msgspec.structs.replace(fact, at=self._clock.now()), answers=row.id)

    async def _start_child(self, row: RequestRow, started: RunStarted) -> None:
        if await is_begun(started.run, self._store, self.runner.runs):
            await self._store.commit(
                Write(workspace=started.workspace, run=row.run, seq=0, answered=[row.id])
            )
            self.answered([row.id])
            return
        try:
            version = started.version or await self._programs.resolve(started.workspace, started.workflow)
            program = await self._programs.program(version)
            is_page = started.page is not None
            given = started.input if is_page else self._programs.take_input(version, started.input)
            started = msgspec.structs.replace(started, version=version, input=given)
            parent = started.parent.run if started.parent is not None else ""
            await self.share_files(started, started.workspace, parent, started.run)
            started = await self._take_over(started, program)
            keyed = started.keyed
            if keyed is None or keyed.caller.wants_end:
                awaited = keyed is None and row.kind == "call"
                await self.begin(started, program, answers=row.id, awaited=awaited, shard=row.shard)
            else:
                await self._start_and_tell(row, started, program)
        except UserError as error:
            await self._refuse_child(row, started, error)

    async def _start_and_tell(self, row: RequestRow, started: RunStarted, program: Program) -> None:
        """Start a run with a key for a caller that only wants to hear that it is there."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.begin(started, program, durable, shard=row.shard)
        await durable
        while not await self._keyed.join(row, started):  # noqa: ASYNC110 (it is on its way to the home of its gates)
            await asyncio.sleep(LOOK)

    async def _take_over(self, started: RunStarted, program: Program) -> RunStarted:
        """Let a called run or a page of a retry begin with what the one before did, if that one was given the same."""
        earlier = started.parent.takes_over if started.parent is not None else None
        if earlier is None:
            return started
        batches = await self._store.journal(earlier.run)
        fetch = partial(self._blobs.fetch, started.workspace, earlier.run)
        journal = await asyncio.to_thread(facts_of, batches, fetch)
        first = journal[0] if journal else None
        if not isinstance(first, RunStarted) or not is_same_work(first, started):
            return started
        inherited = inherit(program, journal, undone=earlier.undone)
        return msgspec.structs.replace(started, inherited=inherited, origin=first.origin or first.run)

    async def _refuse_child(self, row: RequestRow, started: RunStarted, error: UserError) -> None:
        """Tell the parent that its child cannot run; of one that was only sent off, the parent's log tells."""
        answer = Write(workspace=started.workspace, run=row.run, seq=0, answered=[row.id])
        if row.kind == "call" and started.parent is not None:
            told = refusal_of(started, error, self._clock.now())
            shard = row.shard if started.keyed is None else started.keyed.caller.shard
            request = RequestRow(
                self._clock.new_id(), started.parent.run, "finished", encode_fact(told), shard
            )
            await self._store.commit(msgspec.structs.replace(answer, requests=[request]))
            self.take(request)
        else:
            lines = words_of_refusal(started, error, self._clock.now())
            await self._store.commit(msgspec.structs.replace(answer, logs=lines))
        self.answered([row.id])

    async def share(self, started: RunStarted, source: str) -> None:
        """Let a run that takes over from another one hold the files that it is handed."""
        await self.share_files(started, started.workspace, source, started.run)

    async def share_files(self, fact: Any, workspace: str, source: str, target: str) -> None:
        """Let the receiver hold the files that it is handed."""
        if not source:
            return
        for reference in files_in(fact):
            await self._blobs.share(reference, workspace=workspace, source=source, target=target)


def _must_be_fetched(row: RequestRow, fact: Any) -> bool:
    return bool(files_in(fact)) or has_references(row.body)
