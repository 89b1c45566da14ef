"""Requests between runs: starts, ends and cancellations of children, and events, and what people ask of runs.

A request is written with the facts of the run that sends it and deleted with the facts of the run that
receives it, so a crash in between neither loses nor repeats it. Handling one twice is harmless: a child's id
follows from its parent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, cast

import msgspec

from auraos.core.errors import AuraError, UserError
from auraos.core.run import Reading, decode_fact, has_references
from auraos.core.run.facts import ChildFinished, OutsideFact, RunStarted
from auraos.engine.active import ActiveRun
from auraos.engine.asks import tell
from auraos.engine.beginnings import Beginnings
from auraos.engine.child_refusals import lost
from auraos.engine.children import Children
from auraos.engine.definitions import Programs
from auraos.engine.handed_files import files_in, share_files
from auraos.engine.keyed_calls import KeyedCalls
from auraos.engine.memory import Memory
from auraos.engine.ports import Blobs, Clock, NotFoundError, RequestRow, Store, Write
from auraos.engine.runner import Runner
from auraos.engine.shards import ElsewhereError, Shards

log = logging.getLogger("auraos.engine")
PAUSE = 5.0


class Requests:
    """Carries requests to the runs they are for."""

    def __init__(
        self, store: Store, programs: Programs, memory: Memory, clock: Clock, blobs: Blobs, shards: Shards,
        beginnings: Beginnings,
    ) -> None:  # fmt: skip
        self._store = store
        self._memory = memory
        self._clock = clock
        self._blobs = blobs
        self._shards = shards
        self._beginnings = beginnings
        self._under_way: dict[str, int] = {}
        """Request → the shard of its run."""
        self._looks = 0
        self._gone: set[str] = set()
        """Those whose rows went while rows were being read."""
        self.asked: Callable[[RequestRow], Awaitable[None]]
        """Carries out what a person asked of a run through another process."""
        self.gathered: Callable[[RequestRow], None]
        """Hears that a run is to end whose input another one got."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._keyed = KeyedCalls(store, memory, clock, shards, blobs, passed_on=self.pass_on)
        self._children = Children(
            store, programs, clock, blobs, beginnings=beginnings, keyed=self._keyed, answered=self.answered,
            passed_on=self.pass_on,
        )  # fmt: skip
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
        task = self._begin_task(self._carry(row, fact, self._beginnings.starting(row.run)))
        if isinstance(fact, RunStarted):
            self._beginnings.expect(row.run, task)

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

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
                    await self._children.start(row, await self._whole(row, fact, fact.workspace, source))
            except ElsewhereError:
                if not await self._readdress(row):
                    raise
        except AuraError as error:  # the store is away, or the run cannot be read: the row stays
            self._postpone(row, error)

    async def _carry_fact(self, row: RequestRow, fact: Any) -> None:
        await self._beginnings.begun(row.run)
        run = await self._memory.reach(row.run)
        if run is None:  # it has ended, so nothing of this concerns it any more
            await self._answer_late(row.run, row.id)
            return
        source = getattr(fact, "run", "")
        try:
            fact = await self._whole(row, fact, run.workspace, source)
            await share_files(self._blobs, fact, run.workspace, source, run.id)
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


def _must_be_fetched(row: RequestRow, fact: Any) -> bool:
    return bool(files_in(fact)) or has_references(row.body)
