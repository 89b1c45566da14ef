"""A draft: what a run gathers for its next write, and how wishes of the machine become rows in it."""

import asyncio
from collections.abc import Sequence

import msgspec

from auraos.core.run import RunState
from auraos.core.run.commands import Command, StartTimer, StopTimer, Subscribe, Unsubscribe
from auraos.core.run.facts import AnyFact, OutsideFact, RunAdmitted
from auraos.core.run.gates import COUNTED_LATER, HELD_BACK
from auraos.engine.cache import CacheRow
from auraos.engine.notes import Note
from auraos.engine.ports import GateRow, LogLine, RequestRow, RunRow, Subscription, Timer, Version


class Given(msgspec.Struct, frozen=True):
    """An outside fact with whoever waits for it, and the requests that it answers."""

    fact: OutsideFact
    waiter: "asyncio.Future[None] | None" = None
    answers: str = ""


class Draft:
    """What goes into the next write of a run. Most have facts and nothing else, so the rest is made when it is needed."""

    sealed: tuple[int, bytes] = (0, b"")
    """As it was sent off: the number of its first fact, and its facts encoded."""
    row: RunRow | None = None
    """The projection as it was sent off, where it changed."""
    results: tuple[tuple[str, int], ...] = ()
    timers: dict[tuple[str, str], Timer] | None = None
    stopped: tuple[tuple[str, str], ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    unsubscribed: tuple[tuple[str, str], ...] = ()
    requests: tuple[RequestRow, ...] = ()
    answered: tuple[str, ...] = ()
    logs: Sequence[LogLine] = ()
    versions: Sequence[Version] = ()
    gates: tuple[GateRow, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    cached: tuple[CacheRow, ...] = ()
    notes: tuple[Note, ...] = ()

    def __init__(self) -> None:
        self.facts: list[AnyFact] = []
        self.wishes: list[Command] = []
        """Released when the facts before them are durable."""
        self.given: list[Given] = []

    @property
    def is_empty(self) -> bool:
        return not (self.facts or self.wishes or self.given or self.logs or self.answered)

    @property
    def has_rows(self) -> bool:
        """Return whether there is more in it than facts, the results they count, and wishes."""
        return len(vars(self)) > (4 if self.results else 3)

    def start_timer(self, run: str, wish: StartTimer) -> None:
        """Let a timer be written, in place of one of the same name."""
        timer = Timer(run, wish.path, wish.timer, wish.due)
        self.timers = {**(self.timers or {}), (wish.path, wish.timer): timer}

    def stop_timer(self, _: str, wish: StopTimer) -> None:
        """Let a timer be deleted, or not be written at all."""
        if self.timers is not None:
            self.timers.pop((wish.path, wish.timer), None)
        self.stopped = (*self.stopped, (wish.path, wish.timer))

    def subscribe(self, run: str, wish: Subscribe) -> None:
        """Let the run be told of events."""
        self.subscriptions = (*self.subscriptions, Subscription(run, wish.path, wish.type))

    def unsubscribe(self, _: str, wish: Unsubscribe) -> None:
        """Let the run be told no more."""
        self.unsubscribed = (*self.unsubscribed, (wish.path, wish.type))

    def ask(self, request: RequestRow) -> None:
        """Let a request to another run be written."""
        self.requests = (*self.requests, request)

    def keep(self, row: CacheRow) -> None:
        """Let an output be kept, with the fact that brings it."""
        self.cached = (*self.cached, row)

    def log(self, lines: Sequence[LogLine]) -> None:
        """Let lines of log be written."""
        self.logs = [*self.logs, *lines]

    def pass_gates(self, state: RunState, shard: int, priority: int, *, created: bool) -> None:
        """Let what this draft changes of the gates of its run be written: a row for each when the run is born, its time when
        it is let in, and nothing of it when it ends. Most drafts change nothing.
        """
        admitted = next((fact.at for fact in self.facts if type(fact) is RunAdmitted), 0)
        if created and state.took_place:
            admitted = state.started_at
        for gate in state.gates:
            still_counts = gate.setting in COUNTED_LATER and state.begun_at
            if (state.is_final and not still_counts) or (admitted and gate.setting in HELD_BACK):
                self.left = (*self.left, (gate.name, state.run))
            elif created or admitted:
                row = GateRow(
                    run=state.run,
                    gate=gate,
                    born=state.started_at,
                    priority=priority,
                    admitted_at=admitted,
                    shard=shard,
                )
                self.gates = (*self.gates, row)
