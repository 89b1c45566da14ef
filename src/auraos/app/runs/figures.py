"""`read_figures`: how the runs of one workflow went within a window of time, of all versions and of each.

What the table of runs tells is exact, however many runs there are. What only journals tell (how long runs waited to begin, what
each step took, what was tried again) is read from the newest runs of the window, and the answer says from how many.

Journals are read some runs at a time, on a thread beside the event loop. Of private runs
nothing but the course is read, which lies open: these are numbers and never values. Trials and the pages of long loops have no
number of their own and are not among the runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from auraos.core.errors import AuraError
from auraos.core.run import Program, decode_fact, static_path, view
from auraos.core.run.facts import (
    AnyFact,
    Computed,
    LoopEntered,
    RetryPlanned,
    RoundDecided,
    StepGranted,
    WaitStarted,
)
from auraos.documents.definitions.errors import NoVersionError
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.store import DefinitionStore
from auraos.engine.counting import RunsCounted, RunWindow, Spread, spread_of
from auraos.engine.definitions import Definitions
from auraos.engine.ports import Batch, NotFoundError, RunRow
from auraos.engine.stewardship import InspectedStore

MOST_RUNS = 1_000
MOST_FACTS = 100_000
"""So many runs, and so many facts, are read for one answer; the run that goes beyond is the last."""
_SLICE = 2_000
"""About so many facts are looked at before others have their turn."""
_AT_ONCE = 20
_MOST_RELEASES = 1_000
USUAL = 7 * 24 * 3600 * 1_000_000
"""So long a window is of which nobody says when it begins, in microseconds."""
SHORTEST_HASH = 12
"""A version with fewer characters is a number."""
NOT_CARRIED_OUT = ("skipped", "inherited", "disabled")
_BEGINNINGS = (StepGranted, Computed, WaitStarted, LoopEntered, RoundDecided)


class CountedStore(Protocol):
    """What is read of a store, or of the process that has it. Private runs are veiled there already."""

    async def count_runs(self, window: RunWindow) -> list[RunsCounted]: ...

    async def newest_of(self, window: RunWindow, limit: int) -> list[RunRow]: ...

    async def journal(self, run: str, after: int = 0) -> list[Batch]: ...


class StepFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one step in the runs that were read; `path` is the same for all rounds of a loop."""

    path: str
    type: str
    carried_out: int
    failed: int
    retried: int
    """How often it was tried again."""
    skipped: int
    took: Spread | None
    """From its beginning to its end, with all its attempts and what it waited for."""
    share: float
    """How many of a hundred parts of the time that the runs took; a step that holds others has theirs in its own."""


class VersionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one version, or of all together."""

    version: str
    """Its hash; empty for all together."""
    number: int | None
    """Of the version, where it was published."""
    begun: int
    states: dict[str, int]
    """How many of them are in which state now."""
    success: float | None
    """How many of a hundred that are over succeeded; None where none is over. One that was moved goes on as another one."""
    took: Spread | None
    """From the start to the end, of those that are over."""
    read: int
    """So many of them were read, the newest; the rest speaks of these."""
    waited: Spread | None
    """From the moment they were asked for until the first of their steps was under way."""
    retries: int
    """How often a step was tried again."""


class WorkflowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How the runs of a workflow went that were asked for from `since` on and before `until`."""

    workflow: str
    since: int
    until: int
    all: VersionFigures
    versions: tuple[VersionFigures, ...]
    """The newest first, as far as they have a number."""
    steps: tuple[StepFigures, ...]


class RunRead(msgspec.Struct, kw_only=True):
    """What one journal tells."""

    version: str
    lasted: int
    waited: int | None
    retries: int
    steps: dict[str, "StepRead"]


class StepRead(msgspec.Struct):
    """What became of a step, in one run or in many."""

    type: str = ""
    carried_out: int = 0
    failed: int = 0
    retried: int = 0
    skipped: int = 0
    took: list[int] = []


async def read_figures(
    store: CountedStore,
    window: RunWindow,
    program_of: Callable[[RunRow], Awaitable[Program]],
    *,
    numbers: Mapping[str, int] | None = None,
    most: int = MOST_RUNS,
) -> WorkflowFigures:
    """Return the figures of a window. `numbers` are those of published versions by their hashes."""
    counted = await store.count_runs(window)
    read = await _read_newest(store, window, program_of, most)
    whole = counted[0] if counted else RunsCounted(version="", states={})
    known = numbers or {}
    versions = [_version_figures(each, read, known) for each in counted[1:]]
    return WorkflowFigures(
        workflow=window.workflow, since=window.since, until=window.until, all=_version_figures(whole, read, known),
        versions=tuple(sorted(versions, key=lambda one: (-(one.number or 0), one.version))), steps=_step_figures(read),
    )  # fmt: skip


async def _read_newest(
    store: CountedStore, window: RunWindow, program_of: Callable[[RunRow], Awaitable[Program]], most: int
) -> list[RunRead]:
    """Read the journals of the newest runs. One that cannot be read here, as for want of a step type, is left out."""
    rows = await store.newest_of(window, most)
    found: list[RunRead] = []
    facts = 0
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        journals = await asyncio.gather(*(store.journal(row.run) for row in some))
        waiting: list[tuple[RunRow, Program, Sequence[Batch]]] = []
        size = 0
        for row, journal in zip(some, journals, strict=True):
            try:
                waiting.append((row, await program_of(row), journal))
            except AuraError:
                continue
            size += sum(batch.count for batch in journal)
            if size >= _SLICE:
                found += await asyncio.to_thread(_read_all, waiting)
                waiting, facts, size = [], facts + size, 0
            if facts >= MOST_FACTS:
                return found
        found += await asyncio.to_thread(_read_all, waiting)
        facts += size
    return found


def _read_all(runs: Iterable[tuple[RunRow, Program, Sequence[Batch]]]) -> list[RunRead]:
    found = []
    for row, program, journal in runs:
        try:
            facts = [decode_fact(line) for batch in journal for line in batch.facts.split(b"\n") if line]
            found.append(read_run(row, program, facts))
        except AuraError:
            continue
    return found


def read_run(row: RunRow, program: Program, facts: Sequence[AnyFact]) -> RunRead:
    """Return what the journal of one run tells."""
    asked, last = facts[0].at, facts[-1].at
    begun = next((fact.at for fact in facts if isinstance(fact, _BEGINNINGS)), None)
    steps: dict[str, StepRead] = {}
    for seen in view(program, facts).steps:
        if "!" in seen.path:  # what takes a step back, or finds out about it, is not the step
            continue
        step = steps.setdefault(static_path(seen.path), StepRead(seen.type))
        if seen.how == "skipped":
            step.skipped += 1
        if seen.began_at is None or seen.how in NOT_CARRIED_OUT:
            continue
        step.carried_out += 1
        step.failed += seen.how in ("failed", "caught")
        if seen.ended_at is not None:
            step.took.append(seen.ended_at - seen.began_at)
    retries = 0
    for fact in facts:
        if isinstance(fact, RetryPlanned) and "!" not in fact.path:
            retries += 1
            steps.setdefault(static_path(fact.path), StepRead()).retried += 1
    return RunRead(
        version=row.version, lasted=(row.finished_at or last) - asked, waited=None if begun is None else begun - asked,
        retries=retries, steps=steps,
    )  # fmt: skip


def _version_figures(
    counted: RunsCounted, read: Sequence[RunRead], numbers: Mapping[str, int]
) -> VersionFigures:
    own = [run for run in read if counted.version in ("", run.version)]
    over = (counted.took.count if counted.took is not None else 0) - counted.states.get("moved", 0)
    return VersionFigures(
        version=counted.version,
        number=numbers.get(counted.version),
        begun=sum(counted.states.values()),
        states=dict(sorted(counted.states.items())),
        success=round(100 * counted.states.get("succeeded", 0) / over, 2) if over else None,
        took=counted.took,
        read=len(own),
        waited=spread_of([run.waited for run in own if run.waited is not None]),
        retries=sum(run.retries for run in own),
    )


def _step_figures(read: Sequence[RunRead]) -> tuple[StepFigures, ...]:
    together: dict[str, StepRead] = {}
    for run in reversed(read):  # what the newest versions say comes last, and counts
        for path, step in run.steps.items():
            whole = together.setdefault(path, StepRead(step.type))
            whole.type = step.type or whole.type
            whole.carried_out += step.carried_out
            whole.failed += step.failed
            whole.retried += step.retried
            whole.skipped += step.skipped
            whole.took += step.took
    lasted = sum(run.lasted for run in read)
    return tuple(
        StepFigures(
            path=path, type=step.type, carried_out=step.carried_out, failed=step.failed, retried=step.retried,
            skipped=step.skipped, took=spread_of(step.took), share=round(100 * sum(step.took) / lasted, 2) if lasted else 0.0,
        )
        for path, step in sorted(together.items(), key=lambda each: (-sum(each[1].took), each[0]))
    )  # fmt: skip


class RunFigures:
    """Tells how the runs of a workspace went. It reads journals for one asker after the other."""

    def __init__(
        self,
        shown: InspectedStore,
        releases: DefinitionStore,
        definitions: Definitions,
        now: Callable[[], int],
    ) -> None:
        self._shown = shown
        self._releases = releases
        self._definitions = definitions
        self._now = now
        self._turn = asyncio.Semaphore(1)

    async def of(
        self,
        workspace: str,
        workflow: str,
        *,
        since: int | None = None,
        until: int | None = None,
        version: str = "",
    ) -> WorkflowFigures:
        """Return the figures of a window, which without a beginning is of seven days. `version` is the number of a published
        one, or the beginning of a hash.
        """
        ref = Ref(workspace, "workflow", workflow)
        released = await self._releases.versions(ref, limit=_MOST_RELEASES)
        numbers = {one.hash: one.version for one in reversed(released)}
        until = self._now() + 1 if until is None else until
        window = RunWindow(
            workspace=workspace, workflow=workflow, version=await self._hash_of(ref, version), until=until,
            since=max(0, until - USUAL) if since is None else since,
        )  # fmt: skip
        async with self._turn:
            return await read_figures(
                self._shown, window, programs_of(self._shown, self._definitions), numbers=numbers
            )

    async def _hash_of(self, ref: Ref, version: str) -> str:
        if len(version) >= SHORTEST_HASH or not version:
            return version
        found = await self._releases.version(ref, int(version))
        if found is None:
            raise NoVersionError(f"The {ref} has no version {version}.", hint="List its versions.")
        return found.hash


def programs_of(store: InspectedStore, definitions: Definitions) -> Callable[[RunRow], Awaitable[Program]]:
    """Return what finds the program of a run, and looks for each version once."""
    known: dict[str, Program] = {}

    async def program_of(row: RunRow) -> Program:
        if row.version not in known:
            kept = await store.version(row.version)
            if kept is None:
                raise NotFoundError(f"The text of version {row.version[:12]!r} is not in the store.")
            known[row.version] = definitions.compile(kept)
        return known[row.version]

    return program_of
