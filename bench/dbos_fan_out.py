"""Fifty steps at once and a join in DBOS, as its pages say: async steps, gathered in a workflow, kept in SQLite.

bench/.peers/bin/python bench/dbos_fan_out.py 30 10      thirty runs, ten at once, as a JSON line
"""

import asyncio
import json
import sys
import tempfile
import time

from dbos import DBOS


@DBOS.step()
async def double(item: int) -> dict[str, int]:
    """Do next to nothing."""
    return {"n": item * 2}


@DBOS.workflow()
async def fan_out() -> int:
    """Start fifty steps, and join what they gave."""
    found = await asyncio.gather(*(double(item) for item in range(50)))
    return sum(each["n"] for each in found)


async def measure(folder: str, runs: int, at_once: int) -> float:
    """Return durable runs a second."""
    database = f"sqlite:///{folder}/dbos.sqlite"
    DBOS(
        config={
            "name": "bench",
            "system_database_url": database,
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    await fan_out()
    numbers = iter(range(runs))

    async def one_after_the_other() -> None:
        for _ in numbers:
            assert await fan_out() == sum(range(50)) * 2

    begun = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    took = time.perf_counter() - begun
    DBOS.destroy()
    return runs / took


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data:
        rate = asyncio.run(measure(data, int(sys.argv[1]), int(sys.argv[2])))
    print(json.dumps({"runs_per_s": rate}))
