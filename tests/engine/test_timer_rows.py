"""The row of a timer goes with the fact that it fired, whatever the run does next."""

from typing import Any

import pytest
from engine_house import House, flow

from auraos.engine.control import RequestRefusedError
from auraos.engine.ports import ALL_SHARDS
from auraos.sdk import StepContext, StepFailed

RETRIED = flow(
    """
send: {type: test.idempotent, retry: {attempts: 3, first: 10ms}}
stay: {type: wait.signal, with: {name: on}}
""",
    links="send -> stay",
)


async def fail_twice(settings: dict[str, Any], context: StepContext) -> Any:
    if context.attempt < 3:
        raise StepFailed("Not yet.", error_class="transient", code="busy")


async def test_a_retry_that_began_leaves_no_timer_behind(house: House) -> None:
    house.steps.work = fail_twice
    run = await house.start(RETRIED)
    while "WaitStarted" not in await house.kinds(run):
        await house.engine.drive_until_idle()
    assert [attempt for _, attempt in house.steps.calls] == [1, 2, 3]
    assert await house.store.timers(house.clock.now(), ALL_SHARDS) == []


async def test_a_signal_that_is_sent_again_under_its_id_is_answered_alike_even_after_the_end(
    house: House,
) -> None:
    run = await house.start(RETRIED)
    await house.engine.signal(run, "on", id="one")
    await house.engine.signal(run, "on", id="one")
    assert (await house.engine.wait(run)).state == "succeeded"
    await house.engine.signal(run, "on", id="one")
    with pytest.raises(RequestRefusedError, match="is over"):
        await house.engine.signal(run, "on", id="two")
