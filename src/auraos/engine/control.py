"""What may be asked of a run. Each ask returns when its fact is durable, or raises what stands against it."""

import asyncio
from typing import Any, Literal

from auraos.core.errors import OperationalError
from auraos.core.run import LARGEST, decode_fact, refuse_vast
from auraos.core.run.facts import SignalReceived
from auraos.core.values import Value
from auraos.engine import asks
from auraos.engine.active import ActiveRun
from auraos.engine.answers import RequestRefusedError, fact_of, over_words
from auraos.engine.flow.admission import Admission
from auraos.engine.memory import Memory
from auraos.engine.migrating import Migrating
from auraos.engine.ports import Clock, FencedError, NotFoundError, RunRow, Store, Write
from auraos.engine.remote import Remote
from auraos.engine.runner import Runner
from auraos.engine.shards import ElsewhereError
from auraos.engine.stewardship import HeldError

AGAIN = 0.02


class EngineClosedError(OperationalError):
    """The engine is closing and takes nothing more."""

    code = "engine-closed"


class RunControl:
    """Signals, answers, pauses and ends."""

    def __init__(self, store: Store, clock: Clock, memory: Memory) -> None:
        self._store = store
        self._clock = clock
        self._memory = memory
        self._closing = False
        self._largest_value = LARGEST
        self._held = ""
        self._runner: Runner
        self._admission: Admission
        self._remote: Remote
        self._migrating: Migrating

    async def signal(
        self, run: str, name: str, *, data: Value = None, key: str = "", id: str = "", by: str = "",  # noqa: A002
    ) -> None:  # fmt: skip
        """Put a signal into the run's mailbox. One with an `id` that came before changes nothing."""
        refuse_vast(data, self._largest_value)
        ask = asks.Signal(run=run, name=name, data=data, key=key, id=id or self._clock.new_id(), by=by)
        try:
            await self._ask(ask)
        except RequestRefusedError:
            if not id or not await self._took_signal(run, id):
                raise

    async def approve(
        self, run: str, decision: str, *, path: str = "", by: str = "", comment: str = "", data: Value = None
    ) -> None:
        """Answer what a step asks. The path may be left out while only one step asks."""
        refuse_vast(data, self._largest_value)
        await self._ask(
            asks.Approve(run=run, decision=decision, path=path, by=by, comment=comment, data=data)
        )

    async def resolve(
        self, run: str, outcome: Literal["succeeded", "failed", "retry"], *, path: str = "", attempt: int = 0,
        output: Value = None, message: str = "", by: str = "",
    ) -> None:  # fmt: skip
        """Say what became of an attempt that nobody knows the outcome of: the given one, else the present one."""
        refuse_vast(output, self._largest_value)
        ask = asks.Resolve(
            run=run, outcome=outcome, path=path, attempt=attempt, output=output, message=message, by=by
        )  # fmt: skip
        await self._ask(ask)

    async def pause(self, run: str, *, by: str = "", reason: str = "") -> None:
        """Let nothing new start in a run."""
        await self._ask(asks.Pause(run=run, by=by, reason=reason))

    async def resume(self, run: str, *, by: str = "", variables: dict[str, Any] | None = None) -> None:
        """Let a paused run go on, perhaps with changed variables."""
        refuse_vast(variables, self._largest_value)
        await self._ask(asks.Resume(run=run, by=by, variables=variables or {}))

    async def cancel(
        self, run: str, *, by: str = "", reason: str = "", undo: bool = False, force: bool = False
    ) -> None:
        """Ask a run to end; it is over when `wait` says so."""
        await self._ask(asks.Cancel(run=run, by=by, reason=reason, undo=undo, force=force))

    async def release(self, run: str, *, by: str = "") -> None:
        """Let a quarantined run go on."""
        await self._ask(asks.Release(run=run, by=by))

    async def places(self, run: str) -> dict[str, str]:
        """Return in words how far a run is from its turn, under an empty path, or each of its steps that is ready to go."""
        told = {"": self._admission.explain(run)}
        active = self._runner.runs.get(run)
        if active is not None:
            told |= {path: self._runner.slots.explain(run, path) for path in active.queued}
        return {path: words for path, words in told.items() if words}

    async def prioritize(self, run: str, *, priority: int) -> None:
        """Change the priority, 0 to 9, of a run that waits to begin."""
        if priority not in range(10):
            raise RequestRefusedError(f"A priority is 0 to 9, not {priority}.")
        await self._ask(asks.Prioritize(run=run, priority=priority))

    # --- inside ---

    async def _took_signal(self, run: str, id_: str) -> bool:
        """Return whether a signal of this id is durable; one that is just being written is waited for."""
        active = self._runner.runs.get(run)
        while active is not None and active.writing is not None:  # noqa: ASYNC110 (a write tells only those who wait with it)
            await asyncio.sleep(0.005)
        lines = [
            line
            for batch in await self._store.journal(run)
            for line in batch.facts.split(b"\n")
            if b"Signal" in line
        ]
        return any(isinstance(fact, SignalReceived) and fact.id == id_ for fact in map(decode_fact, lines))

    async def _ask(self, ask: asks.RunAsk) -> None:
        """Do what is asked of a run, here or where it is led. What makes work less is taken however much waits."""
        if isinstance(ask, asks.Cancel | asks.Pause):
            self._refuse_when_closing()
        else:
            self._refuse_when_busy()
        try:
            await self._obey(ask)
        except (ElsewhereError, FencedError):
            await self._remote.ask(ask, await self._row_of(ask.run))

    async def _obey(self, ask: asks.RunAsk, request: str = "") -> None:
        """Do what is asked of a run that is led here; return when it is durable, together with the end of a request."""
        run = await self._reach(ask.run)
        while run.state is None:  # what it may be asked is known once it was read again
            await asyncio.sleep(AGAIN)
            run = await self._reach(ask.run)
        if run.state.is_final:
            raise RequestRefusedError(f"Run {run.id} is just ending: its state does not allow it.")
        if isinstance(ask, asks.Prioritize):
            await self._change_priority(run, ask.priority, request)
            return
        if isinstance(ask, asks.Move):
            await self._migrating.carry_out(ask, request, self._reach)
            return
        fact = fact_of(ask, run.state, self._clock.now())
        if isinstance(ask, asks.Release):
            self._runner.suspects.absolve(run.id)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._runner.give(run, fact, waiter, answers=request)
        await waiter

    async def _change_priority(self, run: ActiveRun, priority: int, request: str) -> None:
        if not await self._admission.prioritize(run, priority):
            raise RequestRefusedError(
                f"Run {run.id} does not wait to begin, so its priority changes nothing."
            )
        if request:
            await self._store.commit(Write(run.workspace, run.id, 0, run.shard, answered=[request]))

    async def _reach(self, run: str) -> ActiveRun:
        self._refuse_when_held()
        active = await self._memory.reach(run)
        if active is None:
            row = await self._row_of(run)
            raise RequestRefusedError(over_words(row), state=row.state)
        return active

    async def _row_of(self, run: str) -> RunRow:
        row = await self._store.find(run)
        if row is None:
            raise NotFoundError(f"There is no run {run!r}.", hint="See which there are: auraos runs list")
        return row

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise EngineClosedError("The engine is closing.", hint="Ask again when it is back.")
        self._refuse_when_held()

    def _refuse_when_busy(self) -> None:
        """Take nothing new while the engine closes, or while the store is behind."""
        self._refuse_when_closing()
        self._runner.outbox.pressure.refuse()

    def _refuse_when_held(self) -> None:
        if self._held:
            raise HeldError(self._held, hint="Look at what is there; `auraos engine release` lets it go on.")
