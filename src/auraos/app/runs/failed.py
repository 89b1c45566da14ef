"""Failed runs that still wait for somebody: the dead letters. Nothing is moved anywhere; they are the failed runs themselves.

A run belongs here when it failed (or took back what it had done), nobody who called it failed with it, and no retry of it
succeeded or is under way. Of a chain of retries that all failed it is the last one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from auraos.core.run import FINAL, decode_fact, static_path
from auraos.core.run.facts import AnyFact, RunFinished, RunStarted, StepError
from auraos.engine.ports import Batch, RunQuery, RunRow

FAILED = ("failed", "compensated")
_PAGE = 500
_SETTLED_BY = frozenset({"failed", "compensated", "succeeded", "moved"})
"""Ends of a retry after which the run before it is no longer the one to look at; one that was cancelled changed nothing."""


class RunReader(Protocol):
    """What is read of a store, or of the process that has it."""

    async def runs(self, query: RunQuery) -> list[RunRow]:
        """Return a page of runs, newest first."""
        ...

    async def journal(self, run: str, after: int = 0) -> list[Batch]:
        """Return the journal of a run in order."""
        ...


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What failed runs have in common: the workflow, the step (without the numbers of loops), and the error."""

    workflow: str
    step: str
    error_class: str
    code: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One failed run, and what it has in common with other failures of its kind."""

    row: RunRow
    cause: Cause

    @classmethod
    def of(cls, row: RunRow, error: StepError | None) -> "Failure":
        """Return a run that failed with this error."""
        if error is None:
            return cls(row=row, cause=Cause(workflow=row.workflow, step="", error_class="", code=""))
        step = static_path(error.path)
        cause = Cause(workflow=row.workflow, step=step, error_class=error.class_, code=error.code)
        return cls(row=row, cause=cause)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which failed runs are meant; `code` is a code or a class of errors, `since` microseconds since 1970."""

    workflow: str = ""
    code: str = ""
    since: int = 0
    limit: int = 1_000
    workspace: str = "default"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The failed runs that were found, the newest first, and whether there are more of them."""

    failures: Sequence[Failure]
    more: bool = False


async def find_failures(
    store: RunReader, wanted: Wanted, reaches: Callable[[RunRow], Awaitable[bool]] | None = None
) -> Found:
    """Return the failed runs that nobody has taken up again. `reaches` says of a run whether it is seen."""
    found: list[Failure] = []
    before = ""
    while True:
        query = RunQuery(
            workspace=wanted.workspace, states=FAILED, workflow=wanted.workflow, before=before, limit=_PAGE
        )
        rows = await store.runs(query)
        for row in rows:
            if row.awaited or (row.finished_at or 0) < wanted.since:
                continue
            if reaches is not None and not await reaches(row):
                continue
            failure = await _failure(store, row)
            names = (failure.cause.code, failure.cause.error_class)
            if (wanted.code and wanted.code not in names) or await _is_taken_up(store, row):
                continue
            if len(found) == wanted.limit:
                return Found(failures=found, more=True)
            found.append(failure)
        if len(rows) < _PAGE:
            return Found(failures=found)
        before = rows[-1].run


def by_cause(failures: Sequence[Failure]) -> list[tuple[Cause, list[Failure]]]:
    """Return failures in groups of one cause, the largest group first."""
    groups: dict[Cause, list[Failure]] = {}
    for failure in failures:
        groups.setdefault(failure.cause, []).append(failure)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


async def _failure(store: RunReader, row: RunRow) -> Failure:
    last = _last_fact(await store.journal(row.run))
    return Failure.of(row, last.error if isinstance(last, RunFinished) else None)


async def _is_taken_up(store: RunReader, row: RunRow) -> bool:
    """Return whether a retry of a run stands in its place: one that is under way, succeeded, or failed in its turn."""
    for child in await store.runs(RunQuery(workspace=row.workspace, parent=row.run, limit=1_000)):
        is_descendant = child.number > 0 and child.origin == (row.origin or row.run)
        stands = child.state in _SETTLED_BY or child.state not in FINAL
        if is_descendant and stands and await _is_retry(store, child):
            return True
    return False


async def _is_retry(store: RunReader, row: RunRow) -> bool:
    first = _first_fact(await store.journal(row.run))
    return isinstance(first, RunStarted) and first.parent is not None and first.parent.kind == "retry"


def _first_fact(batches: Sequence[Batch]) -> AnyFact | None:
    return decode_fact(batches[0].facts.split(b"\n", 1)[0]) if batches else None


def _last_fact(batches: Sequence[Batch]) -> AnyFact | None:
    return decode_fact(batches[-1].facts.rsplit(b"\n", 1)[-1]) if batches else None
