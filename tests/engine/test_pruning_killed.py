"""A process that is killed in the middle of pruning: what is left is whole, and the next pass ends the work."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from engine_house import House, flow

from auraos.engine.ports import RunQuery

SCRIPT = """
import asyncio, os, sys
from datetime import timedelta
from pathlib import Path
sys.path.insert(0, {tests!r})
from engine_house import House
from auraos.engine import retention

async def main():
    retention.AT_ONCE, retention.REST = 3, 0
    house = House(Path({folder!r}))
    engine = await house.open()
    left, remove = [{after}], house.blobs.remove

    def dying(workspace, run):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), 9)
        remove(workspace, run)

    house.blobs.remove = dying
    await engine.retention.prune(timedelta())

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 4, 11])
async def test_what_a_killed_pass_left_is_whole_and_the_next_pass_ends_it(house: House, after: int) -> None:
    async def large(settings: object, context: object) -> object:
        return "x" * 70_000

    house.steps.work = large
    version = house.definitions.add(flow("one: {type: test.write}"))
    for _ in range(12):
        await house.engine.run(version)
    waits = await house.start(flow("paid: {type: wait.signal, with: {name: paid}}"))
    await house.engine.drive_until_idle()
    await house.close()
    script = SCRIPT.format(tests=str(Path(__file__).parent), folder=str(house.path), after=after)
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert died.returncode == -9, died.stderr
    await house.open()
    left = await house.store.runs(RunQuery(limit=100))
    assert len(left) == 13 - 3 * -(-after // 3)
    for row in left:
        facts = await house.engine.facts(row.run)
        assert len(facts) >= 2
    for folder in (house.path / "blobs" / "default").iterdir():
        os.utime(folder, (1, 1))
    pruned = await house.engine.retention.prune(timedelta())
    assert pruned.runs == len(left) - 1
    assert pruned.orphans > 0
    assert [row.run for row in await house.store.runs(RunQuery(limit=100))] == [waits]
    assert list((house.path / "blobs" / "default").iterdir()) == []
