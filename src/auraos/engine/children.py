"""Runs that other runs call: each begins with what its caller gave it, or its caller hears why it does not."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from auraos.core.errors import OperationalError, UserError
from auraos.core.run import Program, encode_fact, inherit
from auraos.core.run.facts import RunStarted
from auraos.engine.beginnings import Beginnings
from auraos.engine.child_refusals import refusal_of, words_of_refusal
from auraos.engine.definitions import Programs
from auraos.engine.handed_files import share_files
from auraos.engine.keyed_calls import KeyedCalls
from auraos.engine.ports import Blobs, Clock, RequestRow, Store, Write
from auraos.engine.stream import read_facts

LOOK = 0.1


class NotBegunError(OperationalError):
    """A run that was moved cannot begin by its other version now; it is tried again."""

    code = "not-begun"


class Children:
    """Begins runs that runs call. `answered` hears which requests are done with, `passed_on` also what follows from one."""

    def __init__(  # noqa: PLR0913 (what a start needs, and who hears of it)
        self, store: Store, programs: Programs, clock: Clock, blobs: Blobs, *, beginnings: Beginnings,
        keyed: KeyedCalls, answered: Callable[[Sequence[str]], None],
        passed_on: Callable[[RequestRow, RequestRow], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._programs = programs
        self._clock = clock
        self._blobs = blobs
        self._beginnings = beginnings
        self._keyed = keyed
        self._answered = answered
        self._passed_on = passed_on

    async def start(self, row: RequestRow, started: RunStarted) -> None:
        """Let a run begin that another one asked for, unless it is there; who asked hears of one that cannot."""
        if await self._beginnings.is_begun(started.run):
            await self._store.commit(
                Write(workspace=started.workspace, run=row.run, seq=0, answered=[row.id])
            )
            self._answered([row.id])
            return
        try:
            version = started.version or await self._programs.resolve(
                started.workspace, started.workflow, started.run, started.input
            )
            program = await self._programs.program(version)
            is_page = started.page is not None
            given = started.input if is_page else self._programs.take_input(version, started.input)
            started = msgspec.structs.replace(started, version=version, input=given)
            parent = started.parent.run if started.parent is not None else ""
            await share_files(self._blobs, started, started.workspace, parent, started.run)
            started = await self._take_over(started, program)
            if started.keyed is not None and not started.keyed.caller.wants_end:
                await self._start_and_tell(row, started, program)
                return
            awaited = started.keyed is None and row.kind == "call"
            is_here = await self._beginnings.let_begin(
                started, program, answers=row.id, awaited=awaited, shard=row.shard
            )
            if not is_here:
                self._answered([row.id])
        except UserError as error:
            if started.parent is not None and started.parent.kind == "move":
                raise NotBegunError(
                    f"Run {started.run}, which goes on in the place of run {started.parent.run}, cannot begin: {error}"
                ) from error  # the request stays: the run must not be lost
            await self._refuse(row, started, error)

    async def _start_and_tell(self, row: RequestRow, started: RunStarted, program: Program) -> None:
        """Start a run with a key for a caller that only wants to hear that it is there."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if await self._beginnings.let_begin(started, program, durable, shard=row.shard):
            await durable
        while not await self._keyed.join(row, started):  # noqa: ASYNC110 (it is on its way to the home of its gates)
            await asyncio.sleep(LOOK)

    async def _take_over(self, started: RunStarted, program: Program) -> RunStarted:
        """Let a called run or a page of a retry begin with what the one before did, if that one was given the same."""
        earlier = started.parent.takes_over if started.parent is not None else None
        if earlier is None:
            return started
        journal = await read_facts(self._store, self._blobs, started.workspace, earlier.run)
        first = journal[0] if journal else None
        if not isinstance(first, RunStarted) or not is_same_work(first, started):
            return started
        inherited = inherit(program, journal, undone=earlier.undone)
        return msgspec.structs.replace(started, inherited=inherited, origin=first.origin or first.run)

    async def _refuse(self, row: RequestRow, started: RunStarted, error: UserError) -> None:
        """Tell the parent that its child cannot run; of one that was only sent off, the parent's log tells."""
        answer = Write(workspace=started.workspace, run=row.run, seq=0, answered=[row.id])
        if row.kind == "call" and started.parent is not None:
            told = refusal_of(started, error, self._clock.now())
            shard = row.shard if started.keyed is None else started.keyed.caller.shard
            request = RequestRow(
                self._clock.new_id(), started.parent.run, "finished", encode_fact(told), shard
            )
            await self._store.commit(msgspec.structs.replace(answer, requests=[request]))
            self._passed_on(row, request)
        else:
            lines = words_of_refusal(started, error, self._clock.now())
            await self._store.commit(msgspec.structs.replace(answer, logs=lines))
            self._answered([row.id])


def is_same_work(one: RunStarted, other: RunStarted) -> bool:
    """Return whether a run may begin with what the other did: it has the same version and was given the same.

    A page is a part of its parent under the parent's keys, so it always does: what it did is not repeated because
    variables were changed meanwhile.
    """
    if one.page is not None and other.page is not None:
        return one.version == other.version
    return (one.version, one.input, one.variables) == (other.version, other.input, other.variables)
