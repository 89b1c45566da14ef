"""What may be asked of a run. Each ask returns when its fact is durable, or raises what stands against it."""

import asyncio
from typing import Any, Literal

from auraos.core.errors import OperationalError, UserError
from auraos.core.run import LARGEST, RunState, refuse_vast
from auraos.core.run.facts import (
    Answered,
    CancelRequested,
    OutsideFact,
    RunPaused,
    RunReleased,
    RunResumed,
    SignalReceived,
    StepResolved,
)
from auraos.core.values import Value
from auraos.engine.active import ActiveRun
from auraos.engine.flow.admission import Admission
from auraos.engine.memory import Memory
from auraos.engine.ports import Clock, NotFoundError, RunRow, Store
from auraos.engine.runner import Runner
from auraos.engine.stewardship import HeldError


class RequestRefusedError(UserError):
    """The run is not in a state in which this can be asked of it."""

    code = "request-refused"


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

    async def signal(
        self, run: str, name: str, *, data: Value = None, key: str = "", id: str = "", by: str = "",  # noqa: A002
    ) -> None:  # fmt: skip
        """Put a signal into the run's mailbox. One with an `id` that came before changes nothing."""
        refuse_vast(data, self._largest_value)
        now, id_ = self._clock.now(), id or self._clock.new_id()
        await self._ask(run, SignalReceived(at=now, name=name, key=key, data=data, id=id_, by=by))

    async def approve(
        self, run: str, decision: str, *, path: str = "", by: str = "", comment: str = "", data: Value = None
    ) -> None:
        """Answer what a step asks. The path may be left out while only one step asks."""
        refuse_vast(data, self._largest_value)
        state = await self._state_of(run)
        asking = [
            p
            for p, act in state.activations.items()
            if act.wait_kind == "approval" and act.status == "waiting"
        ]
        at = _pick(run, asking, path, "asks a person")
        now = self._clock.now()
        await self._ask(run, Answered(at=now, path=at, decision=decision, by=by, comment=comment, data=data))

    async def resolve(
        self, run: str, outcome: Literal["succeeded", "failed", "retry"], *, path: str = "", attempt: int = 0,
        output: Value = None, message: str = "", by: str = "",
    ) -> None:  # fmt: skip
        """Say what became of an attempt that nobody knows the outcome of: the given one, else the present one."""
        refuse_vast(output, self._largest_value)
        state = await self._state_of(run)
        doubtful = [path_ for path_, act in state.activations.items() if act.status in ("doubt", "asked")]
        at = _pick(run, doubtful, path, "is in doubt")
        present = state.activations[at].attempt
        if attempt not in (0, present):
            raise RequestRefusedError(
                f"Attempt {attempt} of step {at!r} is not in doubt: attempt {present} is.",
                hint="Find out what became of that one, then answer again.",
            )
        fact = StepResolved(
            at=self._clock.now(), path=at, outcome=outcome, attempt=present, output=output, message=message, by=by
        )  # fmt: skip
        await self._ask(run, fact)

    async def pause(self, run: str, *, by: str = "", reason: str = "") -> None:
        """Let nothing new start in a run."""
        await self._ask(run, RunPaused(at=self._clock.now(), by=by, reason=reason))

    async def resume(self, run: str, *, by: str = "", variables: dict[str, Any] | None = None) -> None:
        """Let a paused run go on, perhaps with changed variables."""
        refuse_vast(variables, self._largest_value)
        await self._ask(run, RunResumed(at=self._clock.now(), by=by, variables=variables or {}))

    async def cancel(
        self, run: str, *, by: str = "", reason: str = "", undo: bool = False, force: bool = False
    ) -> None:
        """Ask a run to end; it is over when `wait` says so."""
        fact = CancelRequested(at=self._clock.now(), by=by, reason=reason, undo=undo, force=force)
        await self._ask(run, fact)

    async def release(self, run: str, *, by: str = "") -> None:
        """Let a quarantined run go on."""
        await self._ask(run, RunReleased(at=self._clock.now(), by=by))

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
        if not await self._admission.prioritize(await self._reach(run), priority):
            raise RequestRefusedError(f"Run {run} does not wait to begin, so its priority changes nothing.")

    # --- inside ---

    async def _ask(self, run: str, fact: OutsideFact) -> None:
        self._refuse_when_closing()
        active = await self._reach(run)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._runner.give(active, fact, waiter):
            raise RequestRefusedError(f"Run {run} took no notice: its state does not allow it.")
        await waiter

    async def _reach(self, run: str) -> ActiveRun:
        self._refuse_when_held()
        active = await self._memory.reach(run)
        if active is None:
            row = await self._row_of(run)
            raise RequestRefusedError(f"Run {run} is over: it {row.state}.", state=row.state)
        return active

    async def _state_of(self, run: str) -> RunState:
        state = (await self._reach(run)).state
        if state is None:
            raise RequestRefusedError(
                f"Run {run} is being read again after a failed write.", hint="Try again."
            )
        return state

    async def _row_of(self, run: str) -> RunRow:
        row = await self._store.find(run)
        if row is None:
            raise NotFoundError(f"There is no run {run!r}.", hint="See which there are: auraos runs list")
        return row

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise EngineClosedError("The engine is closing.", hint="Ask again when it is back.")
        self._refuse_when_held()

    def _refuse_when_held(self) -> None:
        if self._held:
            raise HeldError(self._held, hint="Look at what is there; `auraos engine release` lets it go on.")


def _pick(run: str, candidates: list[str], path: str, what: str) -> str:
    """Return the path that is meant; refuse when there is none, or when it is not clear which."""
    if path in candidates:
        return path
    if not path and len(candidates) == 1:
        return candidates[0]
    known = f" These do: {', '.join(sorted(candidates))}." if candidates else ""
    raise RequestRefusedError(
        f"No step {f'{path!r} ' if path else ''}of run {run} {what}.{known}" if path or not candidates
        else f"Several steps of run {run} wait: {', '.join(sorted(candidates))}.",
        hint="Name its path." if candidates and not path else "",
        candidates=sorted(candidates),
    )  # fmt: skip
