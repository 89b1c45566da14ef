"""A run in memory: its state, what it gathered for the next write, and what it has under way."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from auraos.core.run import LargeValues, Program, RunState, encode_fact, explain
from auraos.core.run.commands import Command, ExecuteStep, QueueStep
from auraos.core.run.facts import (
    AnyFact,
    StepGranted,
    StepResolved,
    StepSettled,
    StepSucceeded,
)
from auraos.engine.attempts import NOT_STORED, Attempt
from auraos.engine.draft import Draft, Given
from auraos.engine.ports import SNAPSHOT_FROM, RunRow, Write

COUNTED = frozenset({"idempotent", "write", "irreversible"})
"""Effects whose success the store counts, at most once for each path and generation."""


LONGEST_REASON = 500
UNDER_SEAL = "What it says is under seal."
"""Stands for what is said of a private run."""


class ActiveRun:
    """One run that this process has in memory."""

    __slots__ = (
        "attempts", "awaited", "breaks", "computing", "counted", "created", "draft", "flush_handle", "grants", "held",
        "holding", "id", "is_lost", "is_private", "large", "program", "queued", "row", "seq", "shard", "snapshot_at", "state",
        "stored", "todo", "workspace", "writing",
    )  # fmt: skip

    def __init__(self, run: str, workspace: str, program: Program, shard: int) -> None:
        self.id = run
        self.shard = shard
        self.workspace = workspace
        self.program = program
        self.state: RunState | None = RunState(program)
        """None while the run is read again after a write failed."""
        self.seq = 0
        """How many facts are durable or being written."""
        self.row: RunRow | None = None
        self.created = False
        self.awaited = False
        self.is_private = False
        """Nothing of what it is about is said outside of it."""
        self.draft = Draft()
        self.writing: Draft | None = None
        self.stored = NOT_STORED
        """The latest success of an attempt, and how it is written."""
        self.todo: deque[Command] = deque()
        self.held: list[Given] = []
        self.queued: dict[str, QueueStep] = {}
        self.holding: dict[tuple[str, int], str] = {}
        """(path, attempt) of each grant that holds a slot → the pool."""
        self.attempts: dict[tuple[str, int], Attempt] = {}
        self.computing = 0
        self.grants: dict[str, tuple[int, int]] = {}
        """path → (attempt, generation) of the effect that runs there."""
        self.counted: set[tuple[str, int]] = set()
        """(path, generation) of each success, where a scope that is tried again may bring one of them twice."""
        self.large: LargeValues | None = None
        """Its large values, once it has some."""
        self.snapshot_at = SNAPSHOT_FROM
        """With so many facts the next snapshot is taken."""
        self.breaks = 0
        self.is_lost = False
        """Another process leads it now; what is still under way here is for that one to hear of."""
        self.flush_handle: asyncio.TimerHandle | None = None

    @property
    def is_asleep(self) -> bool:
        """Return whether only a timer, a person, a signal or another run can move it."""
        return not (self.queued or self.holding or self.computing or self.todo)

    @property
    def is_quiet(self) -> bool:
        """Return whether nothing of it is under way and everything is durable."""
        return self.is_asleep and self.writing is None and self.draft.is_empty and not self.held

    def note(self, fact: AnyFact) -> None:
        """Count what a fact says of effects: a grant opens one, its success closes it."""
        handler = NOTED.get(type(fact))
        if handler is not None:
            handler(self, fact)

    def noted_grant(self, fact: StepGranted) -> None:
        """An effect is open from now on."""
        if fact.effect in COUNTED and fact.purpose != "verify":
            self.grants[fact.path] = (fact.attempt, fact.generation)
        else:
            self.grants.pop(fact.path, None)

    def noted_success(self, fact: StepSucceeded) -> None:
        """An effect took place, unless another attempt is the one that counts."""
        found = self.grants.get(fact.path)
        if found is not None and found[0] == fact.attempt:
            self._count(fact.path)

    def noted_resolution(self, fact: StepResolved) -> None:
        """Somebody said what became of an effect."""
        found = self.grants.get(fact.path)
        if fact.outcome == "succeeded" and found is not None and fact.attempt in (0, found[0]):
            self._count(fact.path)

    def noted_settled(self, fact: StepSettled) -> None:
        """A step came to its end by decision, and what it did counts."""
        if fact.error is None:
            self._count(fact.path)

    def _count(self, path: str) -> None:
        found = self.grants.pop(path, None) if self.grants else None
        if found is None:
            return
        result = (path, found[1])
        if self.program.tries_scopes:
            if result in self.counted:
                return
            self.counted.add(result)
        self.draft.results = (*self.draft.results, result)

    def seal(self, at: int) -> Write:
        """Close the draft and return the write that it makes; the next draft begins empty."""
        draft, self.draft = self.draft, Draft()
        row = self._changed_row(at)
        (known, stored), self.stored = self.stored, NOT_STORED
        facts = b"\n".join([stored if fact is known else encode_fact(fact) for fact in draft.facts])
        seq, count = self.seq + 1, len(draft.facts)
        if self.state is not None and self.state.gates:
            priority = self.program.workflow.settings.priority
            draft.pass_gates(self.state, self.shard, priority, created=self.created)
        if draft.has_rows or self.created:
            write = Write(
                self.workspace,
                self.id,
                seq,
                self.shard,
                count,
                facts,
                self.created,
                row,
                draft.results,
                timers=tuple(draft.timers.values()) if draft.timers else (),
                stopped=draft.stopped,
                subscriptions=draft.subscriptions,
                unsubscribed=draft.unsubscribed,
                requests=draft.requests,
                answered=draft.answered,
                logs=draft.logs,
                versions=draft.versions,
                gates=draft.gates,
                left=draft.left,
                cached=draft.cached,
                notes=draft.notes,
            )
        else:
            write = Write(self.workspace, self.id, seq, self.shard, count, facts, False, row, draft.results)
        draft.sealed = (seq, facts)
        if row is not None:
            draft.row = row
        self.seq += count
        self.created = False
        self.writing = draft
        return write

    def _changed_row(self, at: int) -> RunRow | None:
        """Return the projection if it changed."""
        row, state = self.row, self.state
        assert row is not None
        assert state is not None
        status = state.status
        asleep = not (self.queued or self.holding or self.computing or self.todo)
        if status == row.state == "running":
            why = row.why
            if row.asleep == asleep and not self.created:
                return None
        else:
            why = _reason(state)
            if why and self.is_private:
                why = UNDER_SEAL
            if row.asleep == asleep and row.state == status and row.why == why and not self.created:
                return None
        self.row = RunRow(
            workspace=row.workspace,
            run=row.run,
            number=row.number,
            workflow=row.workflow,
            version=row.version,
            state=status,
            started_at=row.started_at,
            changed_at=at,
            finished_at=at if state.is_final else None,
            why=why,
            by=row.by,
            parent=row.parent,
            origin=row.origin,
            awaited=row.awaited,
            asleep=asleep,
            shard=row.shard,
        )
        return self.row


NOTED: dict[type, Callable[[ActiveRun, Any], None]] = {
    StepGranted: ActiveRun.noted_grant,
    StepSucceeded: ActiveRun.noted_success,
    StepResolved: ActiveRun.noted_resolution,
    StepSettled: ActiveRun.noted_settled,
}
"""How each fact that opens an effect or ends one is counted."""


def _reason(state: RunState) -> str:
    """Return in a few words why a run is not further, or what it ended with."""
    if state.status == "running":
        return ""
    if state.moved is not None:
        return f"It goes on as run {state.moved.run}."
    if state.is_final:
        return state.error.message[:LONGEST_REASON] if state.error is not None else ""
    return " ".join(why.words for why in explain(state)[:3])[:LONGEST_REASON]


def unreleased(drafts: list[Draft]) -> list[ExecuteStep]:
    """Return the attempts that these drafts granted and that therefore were never started."""
    return [wish for draft in drafts for wish in draft.wishes if type(wish) is ExecuteStep]
