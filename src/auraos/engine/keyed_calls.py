"""Calls with a key: whoever calls a workflow under a key that a run has already gets that run.

All calls of one key meet in one shard, and are looked at one after the other. One that finds the run under way is recorded
in the run's own journal, so its end is told to every caller; one that finds it over is answered from the journal.
"""

import asyncio
from collections.abc import Callable

from auraos.core.run import LARGE, LargeValues
from auraos.core.run.facts import CallJoined, ChildFinished, RunFinished, RunStarted, StepError
from auraos.core.run.parts import Caller, Keyed
from auraos.engine.active import ActiveRun
from auraos.engine.family import answer_to, end_of
from auraos.engine.heavy import divide_request
from auraos.engine.memory import Memory
from auraos.engine.ports import Blobs, Clock, RequestRow, Store, Write
from auraos.engine.shards import Shards
from auraos.engine.stream import read_facts

MOST_CALLERS = 1_000
LOOK = 0.05


class KeyedCalls:
    """Brings calls to runs that are there. `passed_on` hears which request follows from one that is done with."""

    def __init__(
        self, store: Store, memory: Memory, clock: Clock, shards: Shards, blobs: Blobs,
        passed_on: Callable[[RequestRow, RequestRow], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._memory = memory
        self._clock = clock
        self._shards = shards
        self._blobs = blobs
        self._passed_on = passed_on

    async def join(self, row: RequestRow, started: RunStarted) -> bool:
        """Let a call get the run that has its key; return False where there is none, so that it is to be started."""
        keyed = started.keyed
        assert keyed is not None
        while True:
            run = self._memory.runner.runs.get(row.run)
            if run is None:
                found = await self._store.find(row.run)
                if found is None:
                    return False
                if found.finished_at is not None:
                    return await self._answer_from_journal(row, started.workspace, keyed)
                if found.shard != row.shard:
                    self._shards.require(found.shard, row.run)
                run = await self._memory.reach(row.run)
            if run is not None and run.state is not None and not run.state.is_final:
                await self._join_running(row, run, keyed)
                return True
            await asyncio.sleep(
                LOOK
            )  # it is being read again after a failed write, or its end is being written

    async def _join_running(self, row: RequestRow, run: ActiveRun, keyed: Keyed) -> None:
        state = run.state
        assert state is not None
        told = refusal_of_key(run.id, state.keyed, keyed)
        if told is None and len(state.callers) >= MOST_CALLERS:
            message = f"{MOST_CALLERS:,} steps await run {run.id} already."
            told = _refused(run.id, keyed.caller, "too-many-callers", message)
        if told is None and not keyed.caller.wants_end:
            told = is_there(run.id, keyed.caller)
        if told is not None:
            await self._tell(row, run.workspace, keyed.caller, told)
            return
        self._memory.runner.give(run, CallJoined(at=self._clock.now(), caller=keyed.caller), answers=row.id)

    async def _answer_from_journal(self, row: RequestRow, workspace: str, keyed: Keyed) -> bool:
        """Tell a caller how the run ended; return False where it has been deleted meanwhile."""
        journal = await read_facts(self._store, self._blobs, workspace, row.run)
        if not journal:
            return False
        first, last = journal[0], journal[-1]
        assert isinstance(first, RunStarted)
        assert isinstance(last, RunFinished)
        told = refusal_of_key(row.run, first.keyed, keyed)
        if told is None:
            told = (
                end_of(last, row.run, keyed.caller)
                if keyed.caller.wants_end
                else is_there(row.run, keyed.caller)
            )
        await self._tell(row, workspace, keyed.caller, told)
        return True

    async def _tell(self, row: RequestRow, workspace: str, caller: Caller, told: ChildFinished) -> None:
        answer = answer_to(caller, told, self._clock.new_id())
        if len(answer.body) > LARGE:
            answer = await asyncio.to_thread(self._lighten, answer, workspace, row.run)
        await self._store.commit(
            Write(workspace, row.run, 0, row.shard, requests=[answer], answered=[row.id])
        )
        self._passed_on(row, answer)

    def _lighten(self, answer: RequestRow, workspace: str, run: str) -> RequestRow:
        large = LargeValues(self._blobs.sealer(run))
        divided = divide_request(answer, large)
        self._blobs.keep(workspace, run, large.fresh)
        return divided


def is_there(run: str, caller: Caller) -> ChildFinished:
    """Return the answer to a caller that only wants to know of the run."""
    return ChildFinished(at=0, path=caller.path, run=run, state="succeeded")


def refusal_of_key(run: str, own: Keyed | None, other: Keyed) -> ChildFinished | None:
    """Return the refusal of a call that means something else by its key than the run that has it."""
    if own is not None and own.given == other.given:
        return None
    message = f"Run {run} has the key {other.key} already, and was given another input."
    return _refused(run, other.caller, "key-used", message)


def _refused(run: str, caller: Caller, code: str, message: str) -> ChildFinished:
    error = StepError(class_="permanent", code=code, message=message)
    return ChildFinished(at=0, path=caller.path, run=run, state="refused", error=error)
