"""What must hold after every fault, looked at from outside and after the fact: the store, what callers were told, and what the
witness saw.

    checker.py DATA [--acknowledged FILE] [--ledger FILE]

FILE holds JSON lines: `{"run": …, "input": sha256 of the input}`, and the effects of a `witness_process.py`. It opens the store
itself, so no other process may hold the folder. It prints what is wrong, and ends with 1 if anything is.

I1  what was acknowledged is there, with the input that was given      I2  at most one result counts for a path and generation
I3  an effect has one key, and a key one effect                        I4  journals have no holes, and agree with the row
I5  one end, or a reason why not                                       I7  replay gives what is stored
I9  a run stays on its version                                         I13 after a cancel nothing new starts
R05 no part of a run is there without the rest
"""

import argparse
import asyncio
import hashlib
import json
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.core.document import content_hash, read_document
from auraos.core.run import Program, fold
from auraos.core.run.facts import (
    AnyFact,
    CancelRequested,
    RunFinished,
    RunStarted,
    StepGranted,
    StepResolved,
    StepSettled,
    StepSucceeded,
)
from auraos.core.values import to_wire
from auraos.engine.ports import RunRow
from auraos.engine.stewardship import InspectedStore
from auraos.engine.stream import facts_of
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.postgres import PostgresStore
from auraos.storage.sqlite import SqliteStore
from witness_process import Effect

COUNTED = frozenset({"idempotent", "write", "irreversible"})
RESTING = frozenset({"waiting", "quarantined", "paused"})


class Found(msgspec.Struct):
    """A run as the store has it."""

    row: RunRow
    facts: list[AnyFact]
    numbers: list[int]
    results: list[tuple[str, int]]


class Kept(msgspec.Struct):
    """All that a store holds, and the programs of its runs by version."""

    runs: dict[str, Found]
    programs: dict[str, Program]
    wrong: list[str] = []


def hash_input(value: Any) -> str:
    """Return the hash by which an input is known again."""
    return hashlib.sha256(json.dumps(to_wire(value), sort_keys=True).encode()).hexdigest()


async def read_store(store: InspectedStore, blobs: LocalBlobs) -> Kept:
    """Return all that a store holds, with the large values that lie beside it."""
    definitions = FolderDefinitions(None, load_installed().catalogue)
    kept = Kept({}, {})
    after = ""
    while rows := await store.every_run(after):
        for row in rows:
            after = row.run
            batches = await store.journal(row.run)
            facts = facts_of(batches, partial(blobs.fetch, row.workspace, row.run))
            numbers = [batch.seq + number for batch in batches for number in range(batch.count)]
            kept.runs[row.run] = Found(row, facts, numbers, await store.results(row.run))
            if row.version not in kept.programs:
                await _read_version(store, row.version, definitions, kept)
    return kept


async def _read_version(store: InspectedStore, name: str, definitions: FolderDefinitions, kept: Kept) -> None:
    version = await store.version(name)
    if version is None:
        kept.wrong.append(f"I9: the version {name} is gone")
        return
    document, _ = read_document(version.text, (version.kind,))
    if document is None or content_hash(document, version.step_types) != name:
        kept.wrong.append(f"I9: the text of {version.name} is not the version {name}")
    kept.programs[name] = definitions.compile(version)


def read_folder(data: Path) -> Kept:
    """Return all that a data folder holds that nobody has open, and what is left over in its tables."""

    async def read() -> Kept:
        claimed = DataFolder.claim(data)
        try:
            store = SqliteStore.open(claimed)
            kept = await read_store(store, LocalBlobs(claimed.blobs))
            await store.close()
        finally:
            claimed.release()
        return kept

    kept = asyncio.run(read())
    kept.wrong += _left_over(data / "auraos.db")
    return kept


async def read_database(url: str, data: Path) -> Kept:
    """Return all that a PostgreSQL database holds, with the folder beside it, and what is left over in its tables; nobody else
    need have let go of it.
    """
    store = await PostgresStore.open(url)
    connection = await asyncpg.connect(url)
    try:
        kept = await read_store(store, LocalBlobs(data / "blobs"))
        for sql, words in LEFT_OVER.items():
            kept.wrong += [words.format(run=row[0]) for row in await connection.fetch(sql)]
    finally:
        await connection.close()
        await store.close()
    return kept


LEFT_OVER = {
    **{
        f"select distinct run from {table} where run not in (select id from runs)": f"R05: {table} speaks of {{run}}, no run"
        for table in ("journal", "results", "timers", "subscriptions")
    },
    **{
        f"select run from {table} where run in (select id from runs where finished_at is not null) {more}": (
            f"R05: {table} holds something for {{run}}, which is over"
        )
        for table, more in (("timers", ""), ("subscriptions", ""), ("requests", "and refusal is null"))
    },
    "select id from runs where id not in (select run from journal)": "R05: {run} has no journal",
}
"""What finds rows that belong to no run, or to one that is over, and what is said of them."""


def _left_over(file: Path) -> list[str]:
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    (verdict,) = connection.execute("pragma integrity_check").fetchone()
    wrong = [] if verdict == "ok" else [f"R02: the database is damaged: {verdict}"]
    for sql, words in LEFT_OVER.items():
        wrong += [words.format(run=run) for (run,) in connection.execute(sql)]
    connection.close()
    return wrong


def check(
    kept: Kept, *, acknowledged: Mapping[str, str] = {}, ledger: Sequence[Effect] = (), may_rest: bool = False
) -> list[str]:
    """Return what is wrong: an empty list says that everything holds. `acknowledged` is run → hash of its input.

    A run that waits is wrong unless it `may_rest`.
    """
    wrong = list(kept.wrong)
    for run, given in acknowledged.items():
        if run not in kept.runs:
            wrong.append(f"I1: {run} was acknowledged and is lost")
        elif hash_input(_started(kept.runs[run]).input) != given:
            wrong.append(f"I1: {run} has another input")
    for found in kept.runs.values():
        wrong += _check_run(found, kept.programs.get(found.row.version), may_rest=may_rest)
    return [*wrong, *_check_effects(kept, ledger)]


def _check_run(found: Found, program: Program | None, *, may_rest: bool) -> Iterable[str]:
    run, facts = found.row.run, found.facts
    ends = [fact for fact in facts if isinstance(fact, RunFinished)]
    if found.numbers != list(range(1, len(facts) + 1)):
        yield f"I4: the journal of {run} has holes"
    if _started(found).version != found.row.version:
        yield f"I9: {run} began on another version"
    if len(ends) > 1:
        yield f"I5: {run} has {len(ends)} ends"
    if (found.row.finished_at is not None) != (len(ends) == 1):
        yield f"I4: the row of {run} says {found.row.state}, its journal has {len(ends)} ends"
    if not ends and not (may_rest and found.row.state in RESTING):
        yield f"I5: {run} never ended: it is {found.row.state} ({found.row.why})"
    if program is None:
        return
    state = fold(program, facts)
    if state.status != found.row.state:
        yield f"I7: {run} is {found.row.state} and replays to {state.status}"
    if ends and to_wire(state.output) != to_wire(ends[0].output):
        yield f"I7: {run} replays to another output"
    yield from _check_results(found, tried_again=program.tries_scopes)
    yield from _check_cancel(found)


def _started(found: Found) -> RunStarted:
    first = found.facts[0]
    assert isinstance(first, RunStarted)
    return first


def _check_results(found: Found, *, tried_again: bool) -> Iterable[str]:
    granted: dict[str, StepGranted] = {}
    counted: Counter[tuple[str, int]] = Counter()
    for fact in found.facts:
        if isinstance(fact, StepGranted):
            granted[fact.path] = fact
        grant = granted.get(getattr(fact, "path", ""))
        if grant is None or grant.effect not in COUNTED or grant.purpose == "verify":
            continue
        succeeded = isinstance(fact, StepSucceeded) and fact.attempt == grant.attempt
        resolved = isinstance(fact, StepResolved) and fact.outcome == "succeeded"
        settled = isinstance(fact, StepSettled) and fact.error is None
        if succeeded or resolved or settled:
            counted[grant.path, grant.generation] += 1
            del granted[grant.path]
    if set(counted) != set(found.results):
        yield f"I2: {found.row.run} counts {sorted(counted)}, the store {sorted(found.results)}"
    if not tried_again:
        yield from (
            f"I2: {found.row.run} counts {where} {times} times"
            for where, times in counted.items()
            if times > 1
        )


def _check_cancel(found: Found) -> Iterable[str]:
    """Steps of a `finally`, and of what it is there for, are told by their names: the workflows of the tests say so."""
    asked = False
    for fact in found.facts:
        asked = asked or isinstance(fact, CancelRequested)
        if asked and isinstance(fact, StepGranted) and fact.purpose == "step" and "finally" not in fact.path:
            if fact.attempt == 1:
                yield f"I13: {found.row.run} began {fact.path} after it was cancelled"


def _check_effects(kept: Kept, ledger: Sequence[Effect]) -> Iterable[str]:
    if not ledger:
        return
    grants: dict[str, set[tuple[str, int]]] = defaultdict(set)
    repeated_by_person: Counter[str] = Counter()
    writes: set[str] = set()
    for found in kept.runs.values():
        keys = {}
        for fact in found.facts:
            if isinstance(fact, StepGranted) and fact.effect in COUNTED:
                grants[fact.key].add((_started(found).origin or found.row.run, fact.generation))
                keys[fact.path] = fact.key
                if fact.effect in ("write", "irreversible"):
                    writes.add(fact.key)
            if isinstance(fact, StepResolved) and fact.outcome == "retry":
                repeated_by_person[keys.get(fact.path, "")] += 1
    yield from (
        f"I3: the key {key} is that of {len(owners)} effects"
        for key, owners in grants.items()
        if len(owners) > 1
    )
    seen: dict[str, list[Effect]] = defaultdict(list)
    for effect in ledger:
        if effect.method not in ("GET", "HEAD"):
            seen[effect.key].append(effect)
    for key, effects in seen.items():
        if key not in grants:
            yield f"I3: {effects[0].name} had an effect under {key}, which no journal speaks of"
        if len({(effect.method, effect.name, effect.body) for effect in effects}) > 1:
            yield f"I3: {key} stands for {sorted({effect.name for effect in effects})}, with different bodies"
        if key in writes and len(effects) > 1 + repeated_by_person[key] and not _all_refused(effects[:-1]):
            yield f"I3: {effects[0].name}, which may not be repeated, was done {len(effects)} times"


def _all_refused(effects: Sequence[Effect]) -> bool:
    """Return whether the witness said each time that nothing was done."""
    return all(effect.told.startswith(("4", "503/")) and effect.told != "408" for effect in effects)


def main() -> int:
    """Check a folder from the command line."""
    parser = argparse.ArgumentParser(
        prog="checker.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--acknowledged", type=Path, help="what callers were told, JSON lines")
    parser.add_argument("--ledger", type=Path, help="what the witness saw, JSON lines")
    parser.add_argument("--may-rest", action="store_true", help="runs that wait are no fault")
    asked = parser.parse_args()
    told = {line["run"]: line["input"] for line in map(json.loads, _lines(asked.acknowledged))}
    ledger = [msgspec.json.decode(line, type=Effect) for line in _lines(asked.ledger)]
    kept = read_folder(asked.data)
    wrong = check(kept, acknowledged=told, ledger=ledger, may_rest=asked.may_rest)
    for line in wrong:
        sys.stdout.write(line + "\n")
    sys.stdout.write(
        f"{len(kept.runs)} runs, {len(told)} acknowledged, {len(ledger)} effects: {len(wrong)} wrong\n"
    )
    return 1 if wrong else 0


def _lines(file: Path | None) -> list[str]:
    return file.read_text().splitlines() if file is not None else []


if __name__ == "__main__":
    sys.exit(main())
