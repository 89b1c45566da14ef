"""Runs that go on by another version of their workflow: the one ends and the other begins by one durable decision.

The facts that end a run and the request that begins the one in its place are one write. A request stays until the run that it
begins is durable, so whenever a process is lost, either the first run goes on, or the second one begins.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from auraos.core.errors import UserError
from auraos.core.run import encode_fact
from auraos.core.run.facts import AnyFact, Parent, RunAdmitted, RunMoved, RunStarted
from auraos.core.run.moving import Move, Objection, Plan
from auraos.engine import asks
from auraos.engine.active import ActiveRun
from auraos.engine.answers import RequestRefusedError
from auraos.engine.beginnings import Beginnings
from auraos.engine.definitions import Programs
from auraos.engine.ports import Blobs, Clock, RequestRow, RunRow, Store, Subscription
from auraos.engine.runner import Runner
from auraos.engine.stream import read_facts
from auraos.observability.traces import HERE

AGAIN = 0.02
MOST_LOOKS = 100
MOST_TOLD = 5


class Prepared(msgspec.Struct, frozen=True):
    """A run that is to go on in the place of another one, what is carried over, and what becomes of each step."""

    started: RunStarted
    plan: Plan
    move: Move
    facts: int
    """So many the run had that is to end."""


class Migrating:
    """Moves runs from version to version."""

    def __init__(
        self, store: Store, clock: Clock, blobs: Blobs, programs: Programs, beginnings: Beginnings
    ) -> None:
        self._store = store
        self._clock = clock
        self._blobs = blobs
        self._programs = programs
        self._beginnings = beginnings
        self.runner: Runner

    async def look(self, row: RunRow, ask: asks.Move | asks.CheckMove) -> Move:
        """Return what a move would do; nothing is done."""
        return (await self._prepare(row, ask, self._clock.new_id())).move

    async def carry_out(
        self, ask: asks.Move, request: str, reach: Callable[[str], Awaitable[ActiveRun]]
    ) -> None:
        """Move a run that is led here; return when that is durable. Raise `RequestRefusedError` where it is not safe."""
        for _ in range(MOST_LOOKS):
            run = await reach(ask.run)
            if _stands_still(run) and run.row is not None:
                prepared = await self._prepare(run.row, ask, ask.made)
                _refuse(run, prepared.move.objections)
                await self._bind(ask)
                if _stands_still(run) and run.seq == prepared.facts and self.runner.runs.get(run.id) is run:
                    await self._write(run, ask, prepared, request)
                    return
            await asyncio.sleep(AGAIN)
        raise RequestRefusedError(
            f"Run {ask.run} goes on all the time, so nothing that is said of its steps holds.",
            hint="Pause it, and move it then.",
        )

    def _write(
        self, run: ActiveRun, ask: asks.Move, prepared: Prepared, request: str
    ) -> "asyncio.Future[None]":
        """Let the one run end and the other begin: facts, request and texts are one write of this turn of the loop."""
        started, draft = prepared.started, run.draft
        draft.ask(RequestRow(self._clock.new_id(), started.run, "start", encode_fact(started), run.shard))
        versions = self._programs.unkept(started.version, *started.resolved.values())
        if versions:
            draft.versions = versions
        awaited = _subscriptions(run, started, prepared.plan)
        if awaited:
            draft.subscriptions = (*draft.subscriptions, *awaited)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        moved = RunMoved(
            at=self._clock.now(), run=started.run, version=started.version, steps=ask.steps, by=ask.by,
            reason=ask.reason, gates=started.gates,
        )  # fmt: skip
        self.runner.give(run, moved, waiter, answers=request)
        return waiter

    async def _bind(self, ask: asks.Move) -> None:
        """Let the run that begins be as private as the one that ends."""
        if self._beginnings.privacy is not None:
            await self._beginnings.privacy.follow(ask.run, ask.made)

    async def _prepare(self, row: RunRow, ask: asks.Move | asks.CheckMove, made: str) -> Prepared:
        facts = await read_facts(self._store, self._blobs, row.workspace, row.run)
        first = facts[0]
        assert isinstance(first, RunStarted)
        old = await self._programs.program(first.version)
        version = self._programs.take(ask.version)
        new = self._programs.known(version)
        objections = _objections_of_start(row, first, version, new.workflow.name)
        given, resolved = _input_of(first, facts), dict[str, str]()
        try:
            given = self._programs.take_input(version, given)
            resolved = await self._programs.resolve_calls(row.workspace, version, made, {})
        except UserError as error:
            objections.append(Objection(words=error.message))
        if new.is_private and self._beginnings.privacy is None:
            objections.append(
                Objection(
                    words="It would be about personal data, and there are no keys here to seal it with."
                )
            )
        plan = await asyncio.to_thread(Plan, old, new, facts, steps=ask.steps, drop=ask.drop)
        hearing = first.parent is not None and first.parent.hearing
        started = msgspec.structs.replace(
            first, at=self._clock.now(), run=made, number=0, version=version, by=getattr(ask, "by", ""),
            origin=first.origin or first.run, parent=Parent(run=first.run, kind="move", hearing=hearing),
            inherited=tuple(plan.taken.values()), resolved=resolved, page=None, trace=HERE.get(), input=given,
            variables=plan.variables(facts), gates=new.gates.renew(first.gates), keyed=None, moved=plan.carried,
        )  # fmt: skip
        is_veiled = self._beginnings.is_private(row.run, old)
        move = await asyncio.to_thread(plan.rehearse, started, veiled=is_veiled)
        move = msgspec.structs.replace(move, objections=(*objections, *move.objections))
        return Prepared(started, plan, move, len(facts))


def _objections_of_start(row: RunRow, first: RunStarted, version: str, name: str) -> list[Objection]:
    """Return what stands against a move whatever the steps of a run do."""
    found: list[str] = []
    if name != first.workflow:
        found.append(f"It is a run of {first.workflow!r}, and the other version is one of {name!r}.")
    if version == first.version:
        found.append("It lives by this version already.")
    if first.trial:
        found.append("It tries a draft out: try the other one out.")
    if row.awaited:
        found.append(f"Run {row.parent} called it and waits for its end.")
    return [Objection(words=words) for words in found]


def _input_of(first: RunStarted, facts: Sequence[AnyFact]) -> Any:
    gathered = (fact.input for fact in facts if isinstance(fact, RunAdmitted) and fact.gathered)
    return next(gathered, first.input)


def _stands_still(run: ActiveRun) -> bool:
    """Return whether all that happened to a run is durable, and nothing follows from it by itself."""
    state = run.state
    if state is None or state.is_final or run.writing is not None or not run.draft.is_empty or run.todo:
        return False
    return not state.agenda or state.phase != "running"


def _subscriptions(run: ActiveRun, started: RunStarted, plan: Plan) -> list[Subscription]:
    """Return for which events the run that begins waits from now on, so that none is lost between the two."""
    assert run.state is not None
    kept = {inherited.path for inherited in started.inherited if inherited.under_way is not None}
    return [
        Subscription(started.run, plan.rename(path), activation.wait_name)
        for path, activation in run.state.activations.items()
        if activation.status == "waiting" and activation.wait_kind == "event" and plan.rename(path) in kept
    ]


def _refuse(run: ActiveRun, objections: Sequence[Objection]) -> None:
    if not objections:
        return
    told = [f"{one.path}: {one.words}" if one.path else one.words for one in objections[:MOST_TOLD]]
    more = f" And {len(objections) - MOST_TOLD} more." if len(objections) > MOST_TOLD else ""
    raise RequestRefusedError(
        f"Run {run.id} cannot be moved. {' '.join(told)}{more}",
        hint="A dry run says what would become of each step.",
    )
