"""`pool`, `resources` and `priority` of a step: what it takes is free again on every kind of end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from engine_house import House, flow
from flow_house import Held, until

from auraos.sdk import StepContext

ERP = flow("one: {type: test.write, pool: erp}")


@pytest.fixture
async def pooled(tmp_path: Path) -> AsyncIterator[House]:
    """Return an open house with the pools `erp` of 2 and `cpu` of 4."""
    house = House(tmp_path / "data")
    await house.open(pools={"erp": 2, "cpu": 4})
    yield house
    await house.close()


def free(house: House, pool: str = "erp") -> int:
    return house.engine.load().pools[pool].free


async def test_no_more_steps_than_a_pool_has_slots_are_under_way(pooled: House) -> None:
    held = Held(pooled)
    runs = [await pooled.start(ERP) for _ in range(5)]
    await until(pooled, runs[1], "StepGranted")
    assert (len(held.running), free(pooled)) == (2, 0)
    assert await pooled.engine.places(runs[4]) == {"one": "2 of 2 of pool erp are taken, 2 ahead"}
    row = await pooled.store.find(runs[4])
    assert row is not None
    assert (row.state, row.why) == ("running", "")
    held.let_go(*runs)
    assert {(await pooled.engine.wait(run)).state for run in runs} == {"succeeded"}
    assert (held.most, free(pooled)) == (2, 2)


async def test_several_units_are_taken_together_and_given_back(pooled: House) -> None:
    held = Held(pooled)
    text = flow("one: {type: test.write, pool: erp, resources: {cpu: 3}}")
    runs = [await pooled.start(text) for _ in range(2)]
    await until(pooled, runs[0], "StepGranted")
    assert (free(pooled), free(pooled, "cpu")) == (1, 1)
    held.let_go(*runs)
    assert {(await pooled.engine.wait(run)).state for run in runs} == {"succeeded"}
    assert (held.most, free(pooled), free(pooled, "cpu")) == (1, 2, 4)


@pytest.mark.parametrize(
    "how", ["fails", "breaks", "times out", "is cancelled", "is forced", "is retried", "has no parameters"]
)
async def test_a_slot_is_free_again_however_the_step_ends(pooled: House, how: str) -> None:
    async def work(settings: dict[str, Any], context: StepContext) -> Any:
        if how == "breaks" or (how == "is retried" and context.attempt == 1):
            raise ValueError("broken")
        if how in ("times out", "is cancelled", "is forced"):
            await asyncio.Event().wait()
        return settings

    pooled.steps.work = work
    more = {
        "times out": "timeout: 20ms",
        "is retried": "retry: {attempts: 2, first: 1ms, on: [bug]}",
        "has no parameters": "with: {n: '{{ 1 / input }}'}",
        "fails": "expect: {type: string}",
    }.get(how, "title: plain")
    run = await pooled.start(flow(f"one: {{type: test.read, pool: erp, {more}}}"), input=0)
    if how in ("is cancelled", "is forced"):
        await until(pooled, run, "StepGranted")
        await pooled.engine.cancel(run, force=how == "is forced")
    ended = await pooled.engine.wait(run)
    await pooled.engine.drive_until_idle()
    assert ended.state == {
        "is cancelled": "cancelled",
        "is forced": "cancelled",
        "is retried": "succeeded",
    }.get(how, "failed")
    assert (free(pooled), pooled.engine.load().pools["erp"].waiting) == (2, 0)


async def test_a_run_that_is_cancelled_while_its_step_waits_leaves_the_line(pooled: House) -> None:
    held = Held(pooled)
    runs = [await pooled.start(ERP) for _ in range(4)]
    await pooled.engine.cancel(runs[2])
    await pooled.engine.wait(runs[2])
    assert pooled.engine.load().pools["erp"].waiting == 1
    held.let_go(*runs)
    assert (await pooled.engine.wait(runs[3])).state == "succeeded"


async def test_the_more_important_step_goes_first(pooled: House) -> None:
    held = Held(pooled)
    runs = [await pooled.start(ERP) for _ in range(3)]
    urgent = await pooled.start(flow("one: {type: test.write, pool: erp, priority: 9}"))
    held.let_go(runs[0])
    await until(pooled, urgent, "StepGranted")
    assert await pooled.engine.places(runs[2]) == {"one": "2 of 2 of pool erp are taken, 0 ahead"}
    held.let_go(*runs, urgent)
    for run in (*runs, urgent):
        await pooled.engine.wait(run)


async def test_a_workspace_with_many_runs_does_not_hold_up_another(pooled: House) -> None:
    held = Held(pooled)
    many = [await pooled.start(ERP, workspace="many") for _ in range(8)]
    few = await pooled.start(ERP, workspace="few")
    held.let_go(*many[:3])
    await until(pooled, few, "StepGranted")
    held.let_go(*many, few)
    for run in (*many, few):
        await pooled.engine.wait(run)


async def test_after_the_process_died_its_slots_are_free_and_no_more_than_the_limit_are_taken(
    tmp_path: Path,
) -> None:
    house = House(tmp_path / "data")
    await house.open(pools={"erp": 2})
    held = Held(house)
    runs = [await house.start(ERP.replace("test.write", "test.idempotent")) for _ in range(4)]
    await until(house, runs[1], "StepGranted")
    await house.crash()
    await house.open(pools={"erp": 2})
    held.let_go(*runs)
    assert {(await house.engine.wait(run)).state for run in runs} == {"succeeded"}
    assert (held.most, free(house)) == (2, 2)
    await house.close()
