"""How runs begin: what is asked for is made a start, refused where it cannot be, and durable before anybody hears of it."""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import msgspec

from auraos.core.run import LARGEST, Program, encode_fact, inherit, refuse_vast
from auraos.core.run.facts import AnyFact, Parent, RunAdmitted, RunStarted
from auraos.core.values import Value
from auraos.engine.active import ActiveRun
from auraos.engine.answers import RequestRefusedError
from auraos.engine.definitions import Programs
from auraos.engine.flow.starts import stand_before
from auraos.engine.notes import Note
from auraos.engine.ports import (
    Clock,
    FencedError,
    NotFoundError,
    Privacy,
    RequestRow,
    RunRow,
    Store,
    Version,
    Write,
    WriteRefusedError,
)
from auraos.engine.remote import FIRST_LOOK, LONGEST_WAIT
from auraos.engine.runner import Runner
from auraos.engine.shards import Shards
from auraos.observability.traces import HERE

AGAIN = 0.1
LOOK = 0.1
MOST_SENT = 1000
DEFAULT_WORKSPACE = "default"
_NONE: Iterator[int] = iter(())
_NAME = re.compile(r"(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.~-]{0,127}", re.ASCII)


class Beginnings:
    """Lets runs begin, and knows which starts are on their way."""

    def __init__(self, store: Store, clock: Clock, programs: Programs, shards: Shards) -> None:
        self.largest_value = LARGEST
        self._store = store
        self._clock = clock
        self._programs = programs
        self._shards = shards
        self._numbers: dict[str, Iterator[int]] = {}
        self._numbering = asyncio.Lock()
        self._under_way: dict[str, asyncio.Future[None]] = {}
        """Those whose ids were given."""
        self._starting: dict[str, asyncio.Task[None]] = {}
        """Those that another run asked for."""
        self._sent: dict[str, str] = {}
        """The latest runs whose start was left to another process → the request."""
        self.privacy: Privacy | None = None
        """Gives private runs their keys, where there are any."""
        self.runner: Runner

    # --- what somebody asks for ---

    async def prepare(  # noqa: PLR0913 (as for a start)
        self, workflow: str | Version, *, input: Value, workspace: str, variables: dict[str, Any] | None,  # noqa: A002
        trigger: Value, by: str, run: str, called: Sequence[Version],
    ) -> RunStarted:  # fmt: skip
        """Return the start that is asked for; refuse one that cannot be."""
        for name in (workspace, run):
            if name and name != DEFAULT_WORKSPACE and not _NAME.fullmatch(name):
                raise RequestRefusedError(
                    f"{name[:60]!r} cannot be the id of a run, or the name of a workspace.",
                    hint="Use letters, digits, dots and hyphens, 128 at most, not digits alone.",
                )
        for value in (input, variables, trigger):
            if value is not None:
                refuse_vast(value, self.largest_value)
        run = run or self._clock.new_id()
        if isinstance(workflow, str):
            version = await self._programs.resolve(workspace, workflow, run, input)
        else:
            version = self._programs.take(workflow)
        program = self._programs.known(version)
        return RunStarted(
            at=self._clock.now(),
            run=run,
            workflow=program.workflow.name,
            version=version,
            workspace=workspace,
            input=self._programs.take_input(version, input),
            variables=variables or {},
            trigger=trigger,
            by=by,
            resolved={each.name: self._programs.take(each) for each in called} if called else {},
            trace=HERE.get(),
        )

    async def prepare_again(  # noqa: PLR0913 (what can be asked of a run that is begun once more)
        self, facts: Sequence[AnyFact], *, kind: Literal["retry", "fork"], start_at: str | None,
        changes: dict[str, Value] | None, again: bool, workflow: Version | None, by: str, run: str = "",
    ) -> RunStarted:  # fmt: skip
        """Return the start of a run that takes over what the one of these facts finished."""
        first, run = facts[0], run or self._clock.new_id()
        assert isinstance(first, RunStarted)
        if self.privacy is not None:
            await self.privacy.follow(first.run, run)
        old = await self._programs.program(first.version)
        version = first.version if workflow is None else self._programs.take(workflow)
        program = await self._programs.program(version)
        inherited = inherit(
            old if workflow is None else program, facts, start_at=start_at, changes=changes, again=again
        )
        return msgspec.structs.replace(
            first,
            run=run,
            version=version,
            by=by,
            origin=first.origin or first.run,
            parent=Parent(
                run=first.run, kind=kind, hearing=first.parent is not None and first.parent.hearing
            ),
            inherited=inherited,
            resolved=first.resolved if workflow is None else {},
            page=None,
            depth=0,
            trace=HERE.get(),
            input=next(
                (fact.input for fact in facts if isinstance(fact, RunAdmitted) and fact.gathered), first.input
            ),
            gates=() if first.trial else program.gates.renew(first.gates),
        )

    async def begin(self, started: RunStarted, *, shard: int | None = None, note: Note | None = None) -> bool:
        """Begin a run; return when its start is durable, and whether it is led here. While this process owns nothing, it
        waits a little.

        Whoever asked is to find the run, so where another process begins it, that is awaited: a matter of milliseconds, or of
        seconds while nobody leads its shard.
        """
        program = self._programs.known(started.version)
        while True:
            if not self._shards.own:
                await self._shards.ready()
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            try:
                if await self.let_begin(started, program, waiter, shard=shard, note=note):
                    await waiter
                    return True
            except FencedError:  # certainly not written
                await asyncio.sleep(AGAIN)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_WAIT):
                    await self.begun(started.run)
            return False

    async def begin_once(
        self, started: RunStarted, *, shard: int | None = None, note: Note | None = None
    ) -> bool:
        """Begin a run whose id was given, unless there is one of that id; return whether it was begun."""
        run = started.run
        while (other := self._under_way.get(run)) is not None:
            await asyncio.wait([other])
        self._under_way[run] = done = asyncio.get_running_loop().create_future()
        try:
            if await self.is_begun(run):
                return False
            await self.begin(started, shard=shard, note=note)
        except WriteRefusedError:
            if not await self.is_begun(run):  # else another start under this id came first
                raise
            return False
        finally:
            del self._under_way[run]
            done.set_result(None)
        return True

    # --- whether a run is there ---

    async def is_begun(self, run: str) -> bool:
        """Return whether a run is there, durably. While another start of it is on its way here, what becomes of that is
        awaited.
        """
        while await self._store.find(run) is None:
            if run not in self.runner.runs:
                return False
            await asyncio.sleep(LOOK)
        return True

    async def begun(self, run: str) -> None:
        """Return once a run is there, or is not to be, whose start another run has asked for or another process was left."""
        starting = self._starting.get(run)
        if starting is not None:
            await asyncio.wait([starting])
        pause = FIRST_LOOK
        while (request := self._sent.get(run)) is not None:  # its row goes with the first facts of the run
            try:
                await self._store.answer(request)
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LOOK)
            except NotFoundError:
                self._sent.pop(run, None)

    def is_private(self, run: str, program: Program) -> bool:
        """Return whether what a run is about is kept under seal."""
        return program.is_private or (self.privacy is not None and self.privacy.concerns(run, program))

    def starting(self, run: str) -> "asyncio.Task[None] | None":
        """Return the start of a run that is on its way because another run asked for it."""
        return self._starting.get(run)

    def expect(self, run: str, start: "asyncio.Task[None]") -> None:
        """Hear that a start which another run asked for is on its way."""
        self._starting[run] = start
        start.add_done_callback(partial(self._expect_no_more, run))

    def _expect_no_more(self, run: str, start: "asyncio.Task[None]") -> None:
        if self._starting.get(run) is start:
            del self._starting[run]

    # --- the start itself ---

    async def let_begin(
        self, started: RunStarted, program: Program, waiter: "asyncio.Future[None] | None" = None, *,
        answers: str = "", awaited: bool = False, shard: int | None = None, note: Note | None = None,
    ) -> bool:  # fmt: skip
        """Begin a run on a program in use, and note it for the audit trail; a child is born into the shard of its parent. The
        waiter hears when it is durable.

        Return False if the start was left to the process that leads all runs of its gates, which is durable then.
        """
        self.runner.suspects.refuse_deadly(started.run)
        resolved, number = started.resolved, 0
        if started.page is None:
            if self._programs.calls_of(started.version):
                resolved = await self._programs.resolve_calls(
                    started.workspace, started.version, started.run, resolved
                )
            number = 0 if started.trial else next(self._numbers.get(started.workspace, _NONE), 0)
            if not number and not started.trial:
                number = await self._next_number(started.workspace)
        now = self._clock.now()
        trace = started.trace
        if not trace and self.runner.tracer is not None and started.page is None:
            trace = self.runner.tracer.of_run(started.run)
        started = msgspec.structs.replace(started, at=now, number=number, resolved=resolved, trace=trace)
        mask = await self._bind(started, program) if self.is_private(started.run, program) else None
        if started.page is None and not started.gates and program.gates and not started.trial:
            started, home = stand_before(started, program, mask)
            shard = home if started.gates else shard  # one that goes on with another may have no gates left
        if started.gates and shard is not None and shard not in self._shards.own:
            await self._send_home(started, shard, answers=answers, awaited=awaited, note=note)
            return False
        self._refuse_twice(started.run)
        run = ActiveRun(
            started.run, started.workspace, program, self._shards.home() if shard is None else shard
        )
        run.created, run.awaited, run.is_private = True, awaited, mask is not None
        run.row = RunRow(
            workspace=started.workspace, run=started.run, number=number, workflow=started.workflow,
            version=started.version, state="queued", started_at=now, changed_at=now, by=started.by,
            parent=started.parent.run if started.parent is not None else "", origin=started.origin,
            awaited=awaited, shard=run.shard,
        )  # fmt: skip
        versions = self._programs.unkept(started.version, *resolved.values())
        if versions:
            run.draft.versions = versions
        if note is not None:
            run.draft.notes = (note,)
        self.runner.runs[run.id] = run
        self.runner.give(run, started, waiter, answers=answers)
        return True

    async def _bind(self, started: RunStarted, program: Program) -> Callable[[str], str]:
        """Give a private run its key; return what stands for a text in the names of gates."""
        if self.privacy is None:
            raise RequestRefusedError(
                f"{started.workflow!r} is about personal data, and there are no keys here to seal it with.",
                hint="Start it in a data folder or on a server.",
            )
        return await self.privacy.bind(started, program)

    async def _send_home(
        self, started: RunStarted, shard: int, *, answers: str, awaited: bool, note: Note | None
    ) -> None:
        """Leave a start to the process that owns the shard where all runs of its gates live."""
        kind = "call" if awaited or started.keyed is not None else "start"
        request = RequestRow(self._clock.new_id(), started.run, kind, encode_fact(started), shard)
        versions = self._programs.unkept(started.version, *started.resolved.values())
        await self._store.commit(
            Write(
                started.workspace, "", 0, shard, requests=[request], answered=[answers] if answers else (),
                versions=versions, notes=() if note is None else (note,),
            )
        )  # fmt: skip
        self._programs.kept(versions)
        self._sent[started.run] = request.id
        if len(self._sent) > MOST_SENT:
            del self._sent[next(iter(self._sent))]

    def _refuse_twice(self, run: str) -> None:
        """Raise `WriteRefusedError` if another start of a run is on its way here."""
        if run in self.runner.runs:
            raise WriteRefusedError(f"Another start of run {run} came first.", run=run)

    async def _next_number(self, workspace: str) -> int:
        """Return the next number of a workspace when the block that this process had is used up."""
        async with self._numbering:
            while (number := next(self._numbers.get(workspace, _NONE), None)) is None:
                self._numbers[workspace] = iter(await self._store.numbers(workspace))
        return number
