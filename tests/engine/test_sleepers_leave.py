"""A run that sleeps leaves memory whole, whatever kinds of steps it has, and comes back from its journal."""

import asyncio

from engine_house import House, flow

from auraos.engine.sleepers import Sleepers

WAITING = flow(
    """
say: {type: noop, with: {value: 1}}
each: {type: foreach, with: {items: [1, 2]}, steps: {inner: {type: noop}}}
stay: {type: wait.signal, with: {name: on}}
""",
    links="say -> each, each -> stay",
)


async def test_runs_that_leave_memory_at_once_come_back_and_end(house: House) -> None:
    memory = house.engine._memory
    memory._sleepers = Sleepers(memory._drop, most=0)
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
    runs = await asyncio.gather(*(house.start(WAITING) for _ in range(5)))
    await asyncio.wait_for(house.engine.drive_until_idle(), 20)
    assert troubles == []
    assert house.engine._runner.runs == {}
    for run in runs:
        await house.engine.signal(run, "on")
        assert (await house.engine.wait(run)).state == "succeeded"
