"""Journals as a whole: held against what the store shows of their runs, and written out for other programs."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import msgspec

from auraos.app.house import House
from auraos.core.errors import AuraError
from auraos.core.run import Program, Reading, RunState, decode_fact, fold, outstanding
from auraos.core.run.facts import AnyFact, RunFinished, RunStarted
from auraos.core.values import ValueReference
from auraos.engine.active import ActiveRun
from auraos.engine.mending import RESUMED
from auraos.engine.ports import Batch, RunRow
from auraos.storage.blobs import LocalBlobs

PAGE = 500
_READINGS = 5
"""A run that moves while it is read is read again, so often."""

Tell: TypeAlias = Callable[[int], None]
"""Hears how many runs were looked at."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a journal that must not be."""

    run: str
    number: int
    code: str
    """numbering, unreadable, beginning, ending, projection, sleep, results or program"""
    message: str


async def all_runs(house: House) -> AsyncIterator[RunRow]:
    """Yield every run of a store, the oldest first, those within others too."""
    after = ""
    while rows := await house.store.every_run(after, limit=PAGE):
        for row in rows:
            yield row
        after = rows[-1].run


async def named_runs(house: House, names: Sequence[str]) -> AsyncIterator[RunRow]:
    """Yield the runs of these names."""
    for name in names:
        yield await house.find(name)


async def verify(house: House, rows: AsyncIterator[RunRow], tell: Tell) -> tuple[int, list[Finding]]:
    """Return how many runs were looked at, and what is wrong with them."""
    count, findings = 0, []
    async for row in rows:
        findings += await verify_run(house, row)
        count += 1
        tell(count)
    return count, findings


async def verify_run(house: House, row: RunRow) -> list[Finding]:
    """Return what is wrong with one run. What is read while it moves may not fit together, so it is read again then."""
    findings: list[Finding] = []
    for _ in range(_READINGS):
        reading = Reading(partial(_fetch, LocalBlobs(house.data / "blobs"), row))
        found = _judge(row, reading, *await _read(house, row))
        findings = [Finding(run=row.run, number=row.number, code=code, message=told) for code, told in found]
        again = await house.store.find(row.run)
        if not findings or again == row or again is None:
            return findings
        row = again
    return findings


def _fetch(blobs: LocalBlobs, row: RunRow, reference: ValueReference) -> bytes:
    return blobs.fetch(row.workspace, row.run, reference.hash)


async def _read(house: House, row: RunRow) -> tuple[list[Batch], list[tuple[str, int]], Program | AuraError]:
    journal, results = await house.store.journal(row.run), await house.store.results(row.run)
    try:
        return journal, results, await house.program(row)
    except AuraError as error:
        return journal, results, error


def _judge(
    row: RunRow,
    reading: Reading,
    journal: list[Batch],
    results: list[tuple[str, int]],
    program: Program | AuraError,
) -> list[tuple[str, str]]:
    if not all(
        isinstance(batch.facts, bytes) for batch in journal
    ):  # SQLite keeps whatever somebody puts there
        return [("unreadable", "What stands in place of its facts are no bytes.")]
    wrong = _numbering(journal)
    try:
        facts = [decode_fact(line, reading) for batch in journal for line in batch.facts.split(b"\n")]
    except AuraError as error:
        return [*wrong, ("unreadable", str(error))]
    wrong += _frame(row, facts)
    if isinstance(program, AuraError):
        return [*wrong, ("program", str(program))]
    if wrong:
        return wrong
    run = ActiveRun(row.run, row.workspace, program, row.shard)
    for fact in facts:
        run.note(fact)
    try:
        run.state = fold(program, facts)
    except Exception as error:  # noqa: BLE001 (the border: a journal that was changed by hand may break the fold in any way)
        return [("unreadable", f"Folding it fails: {type(error).__name__}: {error}")]
    if run.state.status != row.state:
        wrong.append(
            ("projection", f"The journal says {run.state.status}, the table of runs says {row.state}.")
        )
    if row.asleep and _goes_on_by_itself(run.state):
        wrong.append(("sleep", "By its journal it goes on by itself, and by the table of runs it sleeps."))
    return wrong + _results(sorted(run.draft.results), sorted(results))


def _goes_on_by_itself(state: RunState) -> bool:
    """Return whether a restart must go on with a run."""
    return bool(state.attempts_in_flight()) or any(isinstance(wish, RESUMED) for wish in outstanding(state))


def _numbering(journal: list[Batch]) -> list[tuple[str, str]]:
    expected, wrong = 1, []
    for batch in journal:
        if batch.seq != expected:
            wrong.append(("numbering", f"Fact {expected} should follow, and {batch.seq} does."))
        lines = batch.facts.count(b"\n") + 1
        if lines != batch.count:
            wrong.append(
                (
                    "numbering",
                    f"From fact {batch.seq} on there should be {batch.count}, and there are {lines}.",
                )
            )
        expected = batch.seq + lines
    return wrong


def _frame(row: RunRow, facts: list[AnyFact]) -> list[tuple[str, str]]:
    """Return what is wrong with the beginning and the end of a journal."""
    first = facts[0] if facts else None
    if not isinstance(first, RunStarted):
        return [("beginning", "It does not begin with the start of the run.")]
    wrong = []
    told = (first.run, first.workspace, first.workflow, first.version, first.number)
    shown = (row.run, row.workspace, row.workflow, row.version, row.number)
    if told != shown:
        wrong.append(("beginning", f"It began as {told}, and the table of runs says {shown}."))
    ends = sum(isinstance(fact, RunFinished) for fact in facts)
    if ends != (row.finished_at is not None):
        wrong.append(("ending", f"It has {ends} ends, and by the table of runs it is {row.state}."))
    return wrong


def _results(told: list[tuple[str, int]], kept: list[tuple[str, int]]) -> list[tuple[str, str]]:
    """Return which effects count in one place and not in the other, or twice."""
    wrong = [
        ("results", f"The effect {path} counts twice (generation {generation}).")
        for path, generation in sorted({one for one in told if told.count(one) > 1})
    ]
    wrong += [
        (
            "results",
            f"The effect {path} succeeded by its journal, and does not count (generation {generation}).",
        )
        for path, generation in sorted(set(told) - set(kept))
    ]
    wrong += [
        ("results", f"The effect {path} counts, and its journal does not say so (generation {generation}).")
        for path, generation in sorted(set(kept) - set(told))
    ]
    return wrong


async def export(house: House, rows: AsyncIterator[RunRow]) -> AsyncIterator[dict[str, Any]]:
    """Yield the lines of an export: each version before the first run on it, each run before its facts."""
    told: set[str] = set()
    async for row in rows:
        if row.version not in told:
            told.add(row.version)
            version = await house.store.version(row.version)
            if version is not None:
                yield {"line": "version", **msgspec.to_builtins(version)}
        yield {"line": "run", **msgspec.to_builtins(row)}
        seq = 0
        for batch in await house.store.journal(row.run):
            for place, fact in enumerate(batch.facts.split(b"\n")):
                seq = batch.seq + place
                yield {"line": "fact", "run": row.run, "seq": seq, "fact": msgspec.Raw(fact)}
