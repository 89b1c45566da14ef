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
from auraos.core.run.facts import ChildFinished, OutsideFact, Page, RunStarted, StepError
from auraos.core.values import FileReference, Value
from auraos.engine.active import ActiveRun
from auraos.engine.asks import tell
from auraos.engine.begun import is_begun, refuse_twice
from auraos.engine.definitions import Programs
from auraos.engine.flow.starts import stand_before
from auraos.engine.memory import Memory
from auraos.engine.ports import Blobs, Clock, LogLine, NotFoundError, RequestRow, RunRow, Store, Write
from auraos.engine.runner import Runner
from auraos.engine.shards import Shards
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
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: dict[str, asyncio.TimerHandle] = {}
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
        run = self.runner.runs.get(row.run)
        fact = cast("OutsideFact", decode_fact(row.body))
        if run is not None and not isinstance(fact, RunStarted) and not _must_be_fetched(row, fact):
            self._deliver(row, run, fact)
            return
        task = self._begin_task(self._carry(row, fact))
        if isinstance(fact, RunStarted):
            self._starting[row.run] = task
            task.add_done_callback(lambda _: self._starting.pop(row.run, None))

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
        if self._looks:
            self._gone.update(requests)

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
        kind = "call" if awaited else "start"
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

    async def _carry(self, row: RequestRow, fact: Any) -> None:
        try:
            if isinstance(fact, RunStarted):
                source = fact.parent.run if fact.parent is not None else ""
                await self._start_child(row, await self._whole(row, fact, fact.workspace, source))
                return
            starting = self._starting.get(row.run)
            if starting is not None:
                await asyncio.wait([starting])
            run = await self._memory.reach(row.run)
            if run is None:  # it has ended, so nothing of this concerns it any more
                await self._store.commit(Write(workspace="default", run=row.run, seq=0, answered=[row.id]))
                self.answered([row.id])
                return
            source = getattr(fact, "run", "")
            fact = await self._whole(row, fact, run.workspace, source)
            await self.share_files(fact, run.workspace, source, run.id)
            self._deliver(row, run, fact)
        except AuraError as error:  # the store is away, or the run cannot be read: the row stays
            self._postpone(row, error)

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
            if started.page is None:
                self._programs.check_input(version, started.input)
            parent = started.parent.run if started.parent is not None else ""
            await self.share_files(started, started.workspace, parent, started.run)
            started = msgspec.structs.replace(started, version=version)
            started = await self._take_over(started, program)
            await self.begin(started, program, answers=row.id, awaited=row.kind == "call", shard=row.shard)
        except UserError as error:
            await self._refuse_child(row, started, error)

    async def _take_over(self, started: RunStarted, program: Program) -> RunStarted:
        """Let a called run or a page of a retry begin with what the one before did, if that one was given the same."""
        earlier = started.parent.takes_over if started.parent is not None else None
        if earlier is None:
            return started
        batches = await self._store.journal(earlier.run)
        fetch = partial(self._blobs.fetch, started.workspace, earlier.run)
        journal = await asyncio.to_thread(facts_of, batches, fetch)
        first = journal[0] if journal else None
        if not isinstance(first, RunStarted) or not _is_same_work(first, started):
            return started
        inherited = inherit(program, journal, undone=earlier.undone)
        return msgspec.structs.replace(started, inherited=inherited, origin=first.origin or first.run)

    async def _refuse_child(self, row: RequestRow, started: RunStarted, error: UserError) -> None:
        """Tell the parent that its child cannot run; of one that was only sent off, the parent's log tells."""
        answer = Write(workspace=started.workspace, run=row.run, seq=0, answered=[row.id])
        if row.kind == "call" and started.parent is not None:
            told = ChildFinished(
                at=started.at,
                path=started.parent.path,
                run=started.run,
                state="failed",
                error=StepError(
                    class_="permanent",
                    code=error.code,
                    message=error.message,
                    hint=error.hint,
                    at=self._clock.now(),
                ),
                page=started.page.number if started.page is not None else None,
            )
            request = RequestRow(
                self._clock.new_id(), started.parent.run, "finished", encode_fact(told), row.shard
            )
            await self._store.commit(msgspec.structs.replace(answer, requests=[request]))
            self.take(request)
        else:
            lines = _told_of_refusal(started, error, self._clock.now())
            await self._store.commit(msgspec.structs.replace(answer, logs=lines))
        self.answered([row.id])

    async def share(self, started: RunStarted, source: str) -> None:
        """Let a run that takes over from another one hold the files that it is handed."""
        await self.share_files(started, started.workspace, source, started.run)

    async def share_files(self, fact: Any, workspace: str, source: str, target: str) -> None:
        """Let the receiver hold the files that it is handed."""
        if not source:
            return
        for reference in _references(fact):
            await self._blobs.share(reference, workspace=workspace, source=source, target=target)


def _told_of_refusal(started: RunStarted, error: UserError, at: int) -> list[LogLine]:
    """Return what the log of a run says when one that it sent off cannot begin."""
    parent = started.parent
    if parent is None:
        return []
    what = " that is to hear of its failure" if parent.kind == "failure" else ""
    words = f"The workflow {started.workflow!r}{what} was not started. {error.message}"
    fields = {"code": error.code, "workflow": started.workflow}
    return [
        LogLine(
            run=parent.run, path=parent.path, attempt=0, at=at, level="error", message=words, fields=fields
        )
    ]


def _is_same_work(one: RunStarted, other: RunStarted) -> bool:
    """Return whether a run may begin with what the other did: it has the same version and was given the same.

    A page is a part of its parent under the parent's keys, so it always does: what it did is not repeated because
    variables were changed meanwhile.
    """
    if one.page is not None and other.page is not None:
        return one.version == other.version
    return (one.version, one.input, one.variables) == (other.version, other.input, other.variables)


def _must_be_fetched(row: RequestRow, fact: Any) -> bool:
    return bool(_references(fact)) or has_references(row.body)


def _references(fact: Any) -> list[FileReference]:
    """Return the files that a fact hands over."""
    found: list[FileReference] = []
    values: list[Value] = [
        getattr(fact, name, None) for name in ("input", "output", "data", "variables", "page")
    ]
    values.extend(inherited.output for inherited in getattr(fact, "inherited", ()))
    while values:
        value = values.pop()
        if isinstance(value, FileReference):
            found.append(value)
        elif isinstance(value, Page):
            values.extend((value.items, value.last, value.names))
        elif isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, list | tuple):
            values.extend(value)
    return found
