"""A run that sleeps leaves memory whole, also between two attempts of a step, and comes back from its journal."""

import asyncio
from typing import Any

from engine_house import House, flow

from auraos.engine.sleepers import Sleepers
from auraos.sdk import StepContext, StepFailed

RETRIED = flow("send: {type: test.idempotent, retry: {attempts: 3, first: 50ms}}")


async def fail_twice(settings: dict[str, Any], context: StepContext) -> Any:
    if context.attempt < 3:
        raise StepFailed("Not yet.", error_class="transient", code="busy")


async def test_runs_that_leave_memory_between_their_attempts_come_back_and_end(house: House) -> None:
    memory = house.engine._memory
    memory._sleepers = Sleepers(memory._drop, most=0)
    house.steps.work = fail_twice
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
    runs = await asyncio.gather(*(house.start(RETRIED) for _ in range(5)))
    ends = await asyncio.wait_for(asyncio.gather(*(house.engine.wait(run) for run in runs)), 30)
    assert [end.state for end in ends] == ["succeeded"] * 5
    assert troubles == []
