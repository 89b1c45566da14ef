"""What must hold after every fault, looked at from outside: with a store of one's own and the witness's notes."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from six_steps import EFFECTS, VERSION, OneVersion, make_catalogue
from witness import Witness

from auraos.core.run import decode_fact, fold
from auraos.core.run.facts import RunFinished, StepSucceeded
from auraos.engine.ports import RunQuery, RunRow, RunStore
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore


class Found(msgspec.Struct):
    """A run as the store has it."""

    row: RunRow
    facts: list[Any]
    numbers: list[int]


def read_runs(folder: Path) -> list[Found]:
    """Return every run of a folder."""

    async def read() -> list[Found]:
        claimed = DataFolder.claim(folder)
        store = SqliteStore.open(claimed)
        found = await read_store(store)
        await store.close()
        claimed.release()
        return found

    return asyncio.run(read())


async def read_store(store: RunStore) -> list[Found]:
    """Return every run of a store."""
    return [await read_run(store, row) for row in await store.runs(RunQuery(limit=1000))]


async def read_run(store: RunStore, row: RunRow) -> Found:
    """Return a run of a store."""
    batches = await store.journal(row.run)
    lines = [line for batch in batches for line in batch.facts.split(b"\n")]
    numbers = [batch.seq + n for batch in batches for n in range(batch.count)]
    return Found(row, [decode_fact(line) for line in lines], numbers)


def check(folder: Path, witness: Witness, acknowledged: list[str]) -> list[str]:
    """Return what is wrong in a folder: an empty list says that every invariant holds."""
    return judge(read_runs(folder), witness, acknowledged)


def judge(runs: list[Found], witness: Witness, acknowledged: list[str]) -> list[str]:
    """Return what is wrong with these runs of six steps."""
    wrong = []
    known = {found.row.run for found in runs}
    wrong += [f"I1: run {run} was acknowledged and is lost" for run in acknowledged if run not in known]
    program = OneVersion(make_catalogue(0)).compile(VERSION)
    for found in runs:
        run = found.row.run
        counted = [fact.path for fact in found.facts if isinstance(fact, StepSucceeded)]
        ends = [fact for fact in found.facts if isinstance(fact, RunFinished)]
        wrong += [f"I2: {run} counts {path} twice" for path in set(counted) if counted.count(path) > 1]
        wrong += [f"I4: {run} has holes: {found.numbers}"] * (found.numbers != list(range(1, len(found.facts) + 1)))
        wrong += [f"I5: {run} is {found.row.state} with {len(ends)} ends"] * (
            found.row.state != "succeeded" or len(ends) != 1
        )
        wrong += [f"I7: {run} replays to another state"] * (fold(program, found.facts).status != found.row.state)
        wrong += [f"I1: {run} has another input"] * (found.facts[0].input != {"n": 7})
        wrong += [f"I9: {run} is on another version"] * (found.facts[0].version != VERSION.hash)
    wrong += [f"I3: {step} was done {witness.times(step)} times" for step in ("charge", "ship") if witness.times(step) > len(runs)]
    if len(witness.keys()) != len(EFFECTS) * len(runs):
        wrong.append(f"I3: {len(witness.keys())} keys for {len(runs)} runs")
    return wrong
