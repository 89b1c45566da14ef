"""Durable runs a second, a hundred at once: on SQLite with full sync beside `limit.py`, on PostgreSQL beside SQLite.

python -m bench.engine pure 5000                       one measurement, as a JSON line
python -m bench.engine pure 5000 postgresql://…        the same in a database whose tables are there
python -m bench.engine pure 5000 DIR                   the same in a data folder that is there
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.processes import best_in_turn, measured, rate_row, skipped_row
from bench.sample import Sample, chain_of

from auraos.storage.postgres import PostgresStore

RUNS = {"effect": 2_000, "pure": 6_000}


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise."""
    return [
        _beside_the_limit("effect", "every-step", 4_000, must=0.40, aim=0.60),
        _beside_the_limit("pure", "ends-only", 20_000, must=0.30, aim=0.55),
        *_postgres_beside_sqlite(),
    ]


def rate(kind: str, *where: str) -> float:
    """Let a process of its own measure the runs a second of ten steps of this kind."""
    return float(measured("-m", "bench.engine", kind, str(RUNS[kind]), *where)["runs_per_s"])


def _beside_the_limit(kind: str, mode: str, runs: int, *, must: float, aim: float) -> dict[str, Any]:
    def limit() -> float:
        return float(measured("bench/limit.py", "--mode", mode, "--runs", str(runs))["runs_per_s"])

    rates = best_in_turn(lambda: rate(kind), limit)
    return rate_row(f"ten {kind} steps, runs/s, against limit.py {mode}", rates, must=must, aim=aim)


def _postgres_beside_sqlite() -> list[dict[str, Any]]:
    """Start a server that syncs each commit, and measure the same work in it and in SQLite."""
    from tests.postgres_server import PostgresServer, migrated, postgres_programs

    names = {kind: f"ten {kind} steps on PostgreSQL, runs/s, against SQLite" for kind in RUNS}
    programs = postgres_programs()
    if programs is None:
        return [skipped_row(name, "no PostgreSQL is installed") for name in names.values()]
    server = PostgresServer(programs, fsync="on", shared_buffers="128MB")
    try:
        template = migrated(server)

        def on_postgres(kind: str) -> float:
            return rate(kind, asyncio.run(server.create(template)))

        return [
            rate_row(
                name, best_in_turn(lambda k=kind: on_postgres(k), lambda k=kind: rate(k)), must=0.60, aim=0.90
            )
            for kind, name in names.items()
        ]
    finally:
        server.remove()


async def measure(kind: str, runs: int, where: str = "") -> float:
    """Return durable runs a second in a new data folder, in this one, or in this database."""
    async with _sample(where) as sample:
        version = await sample.open(chain_of(kind))
        return await sample.run_many(version, runs)


@asynccontextmanager
async def _sample(where: str) -> AsyncIterator[Sample]:
    with tempfile.TemporaryDirectory() as empty:
        in_database = where.startswith("postgresql:")
        folder = Path(empty if in_database or not where else where)
        sample = Sample(folder, await PostgresStore.open(where) if in_database else None)
        yield sample
        await sample.close()


if __name__ == "__main__":
    print(json.dumps({"runs_per_s": asyncio.run(measure(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))}))
