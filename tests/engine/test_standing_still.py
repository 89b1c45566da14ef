"""A process that stood still begins nothing before it knows that nobody has taken over."""

import asyncio
import math
import time
from typing import Any

import pytest
from engine_house import House, flow

from auraos.engine.clock import SystemClock
from auraos.engine.shards import Shards
from auraos.engine.workers import Workers

STEP = "a: {type: test.write}"


async def test_what_became_durable_is_not_acted_upon_before_it_is_sure_that_nobody_took_over(
    house: House,
) -> None:
    shards = house.engine._shards
    shards.sure_until = time.monotonic() - 1
    run = asyncio.create_task(house.start(flow(STEP)))
    await asyncio.sleep(0.1)
    assert not run.done()
    assert house.steps.calls == []
    shards.sure_until = time.monotonic() + 60
    ended = await house.engine.wait(await run)
    assert ended.state == "succeeded"


async def test_after_all_was_lost_nothing_of_it_is_begun(house: House) -> None:
    shards = house.engine._shards
    shards.sure_until = time.monotonic() - 1
    starting = asyncio.create_task(house.start(flow(STEP)))
    await asyncio.sleep(0.05)
    house.engine.moves.lose_all()
    await asyncio.gather(starting, return_exceptions=True)
    await asyncio.sleep(0.05)
    assert shards.sure_until == math.inf
    assert house.steps.calls == []


async def test_what_stands_in_line_for_a_worker_is_not_begun_before_it_is_sure_that_nobody_took_over() -> (
    None
):
    begun = asyncio.Event()

    class Job:
        async def carry_out(self, task: "asyncio.Task[None]") -> None:
            begun.set()

    shards = Shards()
    shards.sure_until = time.monotonic() - 1
    workers = Workers(shards, SystemClock())
    workers.begin(Job())
    await asyncio.sleep(0.1)
    assert not begun.is_set()
    shards.sure_until = time.monotonic() + 60
    await asyncio.wait_for(begun.wait(), 10)
    workers.close()


@pytest.mark.parametrize("kind", ["write", "idempotent"])
async def test_a_step_that_was_granted_and_stood_in_line_when_all_was_lost_never_begins(
    house: House, kind: str
) -> None:
    shards, over = house.engine._shards, asyncio.Event()

    async def stand_still(settings: Any, context: Any) -> None:
        shards.sure_until = time.monotonic() - 1
        await over.wait()

    house.steps.work = stand_still
    run = await house.start(flow(f"a: {{type: test.{kind}}}\nb: {{type: test.{kind}}}"))
    await house.steps.started.wait()
    await asyncio.sleep(0.1)
    granted = (await house.kinds(run)).count("StepGranted")
    house.engine.moves.lose_all()
    await asyncio.sleep(0.1)
    over.set()
    assert shards.sure_until == math.inf
    assert granted == 2
    assert house.steps.calls == [("a", 1)]
