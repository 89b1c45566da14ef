"""How runs are started, followed to their end, and begun once more."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

import msgspec

from auraos.core.run.facts import AnyFact, Inherited, RunFinished, RunStarted
from auraos.core.run.moving import Move
from auraos.core.values import Value
from auraos.engine import asks
from auraos.engine.answers import RequestRefusedError, over_words
from auraos.engine.beginnings import DEFAULT_WORKSPACE, Beginnings
from auraos.engine.control import RunControl
from auraos.engine.disk import DiskGuard
from auraos.engine.endings import Begun, Ended, Endings
from auraos.engine.handed_files import share_files
from auraos.engine.memory import Memory
from auraos.engine.notes import Note
from auraos.engine.ports import Blobs, Clock, Store, Version
from auraos.engine.remote import FIRST_LOOK, LONGEST_WAIT, AcceptedError
from auraos.engine.shards import ElsewhereError
from auraos.engine.stream import read_facts


class RunStarts(RunControl):
    """Starts, ends, and what is begun anew."""

    def __init__(self, store: Store, clock: Clock, memory: Memory, blobs: Blobs) -> None:
        super().__init__(store, clock, memory)
        self._blobs = blobs
        self._endings = Endings()
        self.disk: DiskGuard | None = None
        """Refuses starts while the disk is nearly full, where somebody watches it."""
        self._beginnings: Beginnings

    async def start(  # noqa: PLR0913 (a start has that many traits, all but the first optional)
        self, workflow: str | Version, *, input: Value = None, workspace: str = DEFAULT_WORKSPACE,  # noqa: A002
        variables: dict[str, Any] | None = None, trigger: Value = None, by: str = "", run: str = "",
        called: Sequence[Version] = (),
    ) -> str:  # fmt: skip
        """Start a run of a published workflow, or of this version; return its id when the start is durable. A start under an
        id that is known already is the same start once more, and starts nothing.

        `called` brings versions of workflows that it calls, which go before the published ones.
        """
        begun = await self.begin(
            workflow, input=input, workspace=workspace, variables=variables, trigger=trigger, by=by, run=run,
            called=called,
        )  # fmt: skip
        return begun.run

    async def run(  # noqa: PLR0913 (as for a start)
        self, workflow: str | Version, *, input: Value = None, workspace: str = DEFAULT_WORKSPACE,  # noqa: A002
        variables: dict[str, Any] | None = None, trigger: Value = None, by: str = "", run: str = "",
        called: Sequence[Version] = (),
    ) -> Ended:  # fmt: skip
        """Start a run and return how it ended, all of it durable."""
        begun = await self.begin(
            workflow, input=input, workspace=workspace, variables=variables, trigger=trigger, by=by, run=run,
            called=called, follow=True,
        )  # fmt: skip
        return await self.end_of(begun)

    async def begin(  # noqa: PLR0913 (as for a start)
        self, workflow: str | Version, *, input: Value = None, workspace: str = DEFAULT_WORKSPACE,  # noqa: A002
        variables: dict[str, Any] | None = None, trigger: Value = None, by: str = "", run: str = "",
        called: Sequence[Version] = (), note: Callable[[str], Note] | None = None, follow: bool = False,
    ) -> Begun:  # fmt: skip
        """Start a run, and tell more of it than `start`; whoever follows it hears of its end by `end_of`. A note of it, made
        from its id, becomes durable with the start, and only with it.
        """
        started = await self._prepare(
            workflow, input=input, workspace=workspace, variables=variables, trigger=trigger, by=by, run=run,
            called=called,
        )  # fmt: skip
        noted = note(started.run) if note is not None else None
        end = self._endings.expect(started.run) if follow else None
        try:
            if run:
                is_new = await self._beginnings.begin_once(started, note=noted)
                is_here = is_new
            else:
                is_new, is_here = True, await self._beginnings.begin(started, note=noted)
        except BaseException:
            self._endings.forget(started.run, end)
            raise
        if not is_here:
            self._endings.forget(started.run, end)
        active = self._runner.runs.get(started.run)
        row = None if active is None or self._beginnings.is_private(active.id, active.program) else active.row
        return Begun(started.run, is_new, end if is_here else None, row)

    async def end_of(self, begun: Begun) -> Ended:
        """Return how a run ended that was begun, once it has."""
        if begun.end is not None:
            with suppress(ElsewhereError):
                return await begun.end
        return await self.wait(begun.run)

    async def try_out(
        self, version: Version, *, input: Value, workspace: str, variables: dict[str, Any], pinned: Sequence[Inherited],  # noqa: A002
        by: str, run: str,
    ) -> None:  # fmt: skip
        """Start a trial of a version under an id; return when the start is durable. Steps that are pinned are not carried out:
        they have come to their end already.
        """
        started = await self._prepare(
            version, input=input, workspace=workspace, variables=variables, trigger=None, by=by, run=run, called=(),
        )  # fmt: skip
        await self._beginnings.begin_once(
            msgspec.structs.replace(started, trial=True, inherited=tuple(pinned))
        )

    async def retry(  # noqa: PLR0913 (what can be asked of a run that is begun once more)
        self, run: str, *, kind: Literal["retry", "fork"] = "retry", start_at: str | None = None,
        changes: dict[str, Value] | None = None, again: bool = False, workflow: Version | None = None, by: str = "",
        made: str = "",
    ) -> str:  # fmt: skip
        """Start a new run that takes over what this one finished; return its id when the start is durable.

        It goes on where the run failed, or begins again at a step; `changes` sets outputs, `again` repeats
        effects under new keys, `workflow` moves it to another version. `made` is the id of the new run: asked for again under
        it, nothing more is started.
        """
        self._refuse_when_busy()
        row = await self._row_of(run)
        if row.finished_at is None:
            raise RequestRefusedError(
                f"Run {run} is not over: it is {row.state}.", hint="Cancel it first, or wait for its end."
            )
        if row.state == "moved":  # what it did is with the run that goes on, and would be done twice
            raise RequestRefusedError(over_words(row), hint="Retry or fork that one, once it is over.")
        started = await self._beginnings.prepare_again(
            await self.facts(run), kind=kind, start_at=start_at, changes=changes, again=again,
            workflow=workflow, by=by, run=made,
        )  # fmt: skip
        await share_files(self._blobs, started, started.workspace, run, started.run)
        shard = row.shard if started.gates else None
        await (self._beginnings.begin_once if made else self._beginnings.begin)(started, shard=shard)
        return started.run

    async def move(
        self, run: str, version: Version, *, steps: dict[str, str] | None = None, drop: Sequence[str] = (), by: str = "",
        reason: str = "", made: str = "",
    ) -> str:  # fmt: skip
        """Let a run go on by another version of its workflow, as a new run; return its id when that one is durable.

        Steps that have another path there are named by `steps`; `drop` names those whose effects are left behind. What is
        not safe is refused. Asked for again under the id `made`, the run is there already.
        """
        ask = asks.Move(
            run=run, made=made or self._clock.new_id(), version=version, steps=dict(steps or {}), drop=list(drop),
            by=by, reason=reason,
        )  # fmt: skip
        await self._ask(ask)
        await self._beginnings.begun(ask.made)
        end = self._clock.monotonic() + LONGEST_WAIT
        while await self._store.find(ask.made) is None:
            if self._clock.monotonic() > end:
                raise AcceptedError(
                    f"Run {run} is moved, and run {ask.made} begins in its place as soon as a process can begin it."
                )
            await asyncio.sleep(FIRST_LOOK)
        return ask.made

    async def check_move(
        self, run: str, version: Version, *, steps: dict[str, str] | None = None, drop: Sequence[str] = ()
    ) -> Move:
        """Return what would become of each step of a run by another version, and what stands against it."""
        self._refuse_when_closing()
        ask = asks.CheckMove(run=run, version=version, steps=dict(steps or {}), drop=list(drop))
        return await self._migrating.look(await self._row_of(run), ask)

    async def facts(self, run: str) -> list[AnyFact]:
        """Return the durable facts of a run, in order."""
        row = await self._row_of(run)
        return await read_facts(self._store, self._blobs, row.workspace, run)

    async def wait(self, run: str) -> Ended:
        """Return how a run ended, once it has; one that another run has just asked to be started counts, too."""
        self._refuse_when_held()
        while True:
            await self._beginnings.begun(run)
            try:
                active = await self._memory.reach(run)
                return await (self._ended_of(run) if active is None else self._endings.expect(run))
            except ElsewhereError:
                await self._remote.until_over(run)

    # --- inside ---

    async def _prepare(self, workflow: str | Version, **asked: Any) -> RunStarted:
        """Return the start that is asked for; refuse one that cannot be, or not now."""
        self._refuse_when_busy()
        if self.disk is not None:
            self.disk.refuse_when_full()
        return await self._beginnings.prepare(workflow, **asked)

    async def _ended_of(self, run: str) -> Ended:
        row = await self._row_of(run)
        facts = await read_facts(self._store, self._blobs, row.workspace, run, only_last=True)
        if facts and isinstance(last := facts[-1], RunFinished):
            return Ended(run, last.state, last.output, last.error)
        return Ended(run, row.state)
