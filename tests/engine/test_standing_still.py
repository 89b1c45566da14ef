"""A process that stood still begins nothing before it knows that nobody has taken over."""

import asyncio
import math
import time

from engine_house import House, flow

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
