"""What was under way when the process died goes on in the next one, on its own version, without a second effect."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_house import House, flow

from auraos.core.catalogue import Catalogue
from auraos.engine.ports import ALL_SHARDS, RunQuery
from auraos.sdk import StepContext

SECOND = 1_000_000
CHAIN = flow(
    """
one: {type: test.write, with: {n: 1}}
two: {type: test.write, with: {n: 2}}
""",
    links="one -> two",
)


async def hang(settings: dict[str, Any], context: StepContext) -> Any:
    await asyncio.Event().wait()


@pytest.fixture
async def mortal(tmp_path: Path) -> House:
    """Return an open house that the test lets crash and opens again."""
    house = House(tmp_path / "data")
    await house.open()
    return house


async def until_started(house: House, calls: int) -> None:
    while len(house.steps.calls) < calls:
        house.steps.started.clear()
        await house.steps.started.wait()


async def crash_in_the_step(house: House, text: str) -> str:
    """Start a run whose first step never ends, and let the process die in the midst of it."""
    house.steps.work = hang
    run = await house.start(text)
    await until_started(house, 1)
    await house.crash()
    return run


async def test_a_write_that_was_lost_with_its_process_is_not_repeated_but_asked_about(mortal: House) -> None:
    run = await crash_in_the_step(mortal, CHAIN)
    engine = await mortal.open()
    await engine.drive_until_idle()
    facts = await mortal.kinds(run)
    await engine.cancel(run, force=True)
    await mortal.close()
    assert facts == ["RunStarted", "StepGranted", "StepUnknown", "DoubtRaised"]
    assert mortal.steps.calls == [("one", 1)]


async def test_a_lost_attempt_that_may_be_repeated_is_carried_out_again_with_the_same_key(
    mortal: House,
) -> None:
    run = await crash_in_the_step(mortal, flow("one: {type: test.idempotent, with: {n: 1}}"))
    mortal.steps.work = lambda settings, context: _echo(settings)
    engine = await mortal.open()
    ended = await engine.wait(run)
    await mortal.close()
    assert (ended.state, ended.output) == ("succeeded", {"n": 1})
    assert mortal.steps.calls == [("one", 1), ("one", 2)]
    assert len(set(mortal.steps.keys)) == 1


async def _echo(settings: dict[str, Any]) -> Any:
    return settings


async def test_a_finished_step_is_not_carried_out_again(mortal: House) -> None:
    async def second_hangs(settings: dict[str, Any], context: StepContext) -> Any:
        if context.path == "two":
            await asyncio.Event().wait()
        return settings

    mortal.steps.work = second_hangs
    text = CHAIN.replace("two: {type: test.write", "two: {type: test.idempotent")
    run = await mortal.start(text)
    await until_started(mortal, 2)
    await mortal.crash()
    mortal.steps.work = lambda settings, context: _echo(settings)
    engine = await mortal.open()
    assert (await engine.wait(run)).state == "succeeded"
    await mortal.close()
    assert [path for path, _ in mortal.steps.calls] == ["one", "two", "two"]


async def test_a_run_stays_on_its_version_after_its_text_was_changed(mortal: House) -> None:
    before = "paid: {type: wait.signal, with: {name: paid}}\nsay: {type: transform, with: {set: {is: old}}}"
    run = await mortal.start(flow(before, links="paid -> say"))
    await mortal.crash()
    mortal.definitions.add(flow(before.replace("old", "new"), links="paid -> say"))
    engine = await mortal.open()
    await engine.signal(run, "paid")
    ended = await engine.wait(run)
    await mortal.close()
    assert ended.output == {"is": "old"}


async def test_a_sleeping_run_is_not_in_memory_after_a_restart_until_something_happens_to_it(
    mortal: House,
) -> None:
    run = await mortal.start(flow("paid: {type: wait.signal, with: {name: paid}}"))
    await mortal.crash()
    engine = await mortal.open()
    assert engine._runner.runs == {}
    await engine.signal(run, "paid")
    assert (await engine.wait(run)).state == "succeeded"
    await mortal.close()


async def test_a_timer_survives_a_restart_and_fires_late_but_once(mortal: House) -> None:
    run = await mortal.start(flow("nap: {type: wait.for, with: {duration: 1h}}"))
    await mortal.crash()
    mortal.clock.ahead += 2 * 3600 * SECOND
    engine = await mortal.open()
    ended = await engine.wait(run)
    facts = await mortal.kinds(run)
    left = await mortal.store.timers(mortal.clock.now() + 10**15, ALL_SHARDS)
    await mortal.close()
    assert ended.state == "succeeded"
    assert facts.count("TimerFired") == 1
    assert left == []


async def test_a_near_timer_fires_without_a_restart(mortal: House) -> None:
    run = await mortal.start(flow("nap: {type: wait.for, with: {duration: 30ms}}"))
    assert (await mortal.engine.wait(run)).state == "succeeded"
    await mortal.close()


async def test_a_far_timer_is_a_row_and_not_in_memory(mortal: House) -> None:
    run = await mortal.start(flow("nap: {type: wait.for, with: {duration: 400d}}"))
    timers = mortal.engine._timers
    rows = await mortal.store.timers(mortal.clock.now() + 401 * 86400 * SECOND, ALL_SHARDS)
    assert (timers._due, [row.run for row in rows]) == ({}, [run])
    await mortal.engine.cancel(run)
    await mortal.engine.wait(run)
    assert await mortal.store.timers(mortal.clock.now() + 401 * 86400 * SECOND, ALL_SHARDS) == []
    await mortal.close()


async def test_many_timers_of_one_instant_all_fire_once(mortal: House) -> None:
    text = flow("nap: {type: wait.for, with: {duration: 1h}}")
    runs = await asyncio.gather(*(mortal.start(text) for _ in range(300)))
    await mortal.crash()
    mortal.clock.ahead += 2 * 3600 * SECOND
    engine = await mortal.open()
    states = {(await engine.wait(run)).state for run in runs}
    fired = [(await mortal.kinds(run)).count("TimerFired") for run in runs]
    await mortal.close()
    assert states == {"succeeded"}
    assert set(fired) == {1}


async def test_closing_waits_for_a_started_write_and_keeps_its_result(mortal: House) -> None:
    release = asyncio.Event()

    async def hold(settings: dict[str, Any], context: StepContext) -> Any:
        await release.wait()
        return settings

    mortal.steps.work = hold
    run = await mortal.start(CHAIN)
    await until_started(mortal, 1)
    closing = asyncio.create_task(mortal.close())
    await asyncio.sleep(0)
    release.set()
    await closing
    mortal.steps.work = lambda settings, context: _echo(settings)
    engine = await mortal.open()
    assert (await engine.wait(run)).state == "succeeded"
    await mortal.close()
    assert mortal.steps.calls == [("one", 1), ("two", 1)]


async def test_a_child_is_started_and_heard_across_a_restart(mortal: House) -> None:
    mortal.definitions.add(flow("paid: {type: wait.signal, with: {name: paid}}", name="child"))
    run = await mortal.start(flow("ask: {type: call, with: {workflow: child}}"))
    await mortal.engine.drive_until_idle()
    await mortal.crash()
    engine = await mortal.open()
    (child,) = await mortal.store.runs(RunQuery(parent=run))
    await engine.signal(child.run, "paid", data=5)
    ended = await engine.wait(run)
    await engine.drive_until_idle()
    left = await mortal.store.requests(ALL_SHARDS)
    await mortal.close()
    assert (ended.state, ended.output["data"], left) == ("succeeded", 5, [])


async def test_a_start_of_a_child_that_was_asked_for_and_not_begun_is_begun_by_the_next_process(
    mortal: House,
) -> None:
    mortal.definitions.add(flow("say: {type: transform, with: {set: {n: 1}}}", name="child"))
    hooks = mortal.engine._runner._hooks
    mortal.engine._runner._hooks = msgspec.structs.replace(hooks, requested=lambda row: None)
    run = await mortal.start(flow("ask: {type: call, with: {workflow: child}}"))
    assert len(await mortal.store.requests(ALL_SHARDS)) == 1
    await mortal.crash()
    engine = await mortal.open()
    ended = await engine.wait(run)
    await mortal.close()
    assert (ended.state, ended.output) == ("succeeded", {"n": 1})


async def test_a_run_whose_step_type_is_gone_is_parked_with_its_reason_and_goes_on_when_it_is_back(
    mortal: House,
) -> None:
    run = await crash_in_the_step(mortal, flow("one: {type: test.idempotent, with: {n: 1}}"))
    whole = mortal.catalogue
    mortal.use(Catalogue([each for each in whole.all() if each.name != "test.idempotent"]))
    await mortal.open()
    parked = await mortal.store.find(run)
    await mortal.close()
    mortal.use(whole)
    mortal.steps.work = lambda settings, context: _echo(settings)
    engine = await mortal.open()
    ended = await engine.wait(run)
    await mortal.close()
    assert parked is not None
    assert (parked.state, parked.why[:18]) == ("running", "It cannot go on: T")
    assert ended.state == "succeeded"


async def test_what_was_logged_last_is_kept_when_the_engine_closes(mortal: House) -> None:
    async def talk(settings: dict[str, Any], context: StepContext) -> Any:
        context.log("last words")
        await asyncio.Event().wait()

    mortal.steps.work = talk
    run = await mortal.start(flow("one: {type: test.read}"))
    await until_started(mortal, 1)
    await mortal.close()
    await mortal.open()
    lines = await mortal.store.logs(run)
    await mortal.close()
    assert lines[0].message == "last words"
