"""`concurrency`: so many runs of a key at a time, whatever becomes of them and of the process."""

import asyncio

import pytest
from engine_house import House
from flow_house import Held, end_of, kinds_of_end, limited, state_of, until, why_of

from auraos.core.run.gates import KeyRefusedError
from auraos.engine.control import RequestRefusedError
from auraos.engine.ports import ALL_SHARDS, RunQuery

ONE_EACH = limited('concurrency: {key: "{{ input.customer }}", limit: 1}')


async def start(house: House, customer: str, text: str = ONE_EACH) -> str:
    return await house.start(text, input={"customer": customer})


async def test_runs_of_one_key_go_on_one_after_the_other_and_those_of_another_meanwhile(house: House) -> None:
    held = Held(house)
    runs = [await start(house, customer) for customer in ("c1", "c1", "c2", "c1")]
    await until(house, runs[2], "StepGranted")
    assert [await state_of(house, run) for run in runs] == ["running", "queued", "running", "queued"]
    assert await why_of(house, runs[1]) == "It waits for its turn: concurrency of 'c1' (1 at a time)."
    assert await house.engine.places(runs[3]) == {"": "concurrency of c1: 1 running, 1 ahead"}
    held.let_go(*runs)
    assert [(await house.engine.wait(run)).state for run in runs] == ["succeeded"] * 4
    assert held.most == 2
    assert await kinds_of_end(house, runs[3]) == [
        "RunStarted", "RunAdmitted", "StepGranted", "StepSucceeded", "RunFinished",
    ]  # fmt: skip
    assert await house.store.gates(ALL_SHARDS) == []


async def test_many_starts_at_once_never_exceed_the_limit(house: House) -> None:
    text = limited("concurrency: {limit: 3}")
    going = {"now": 0, "most": 0}

    async def work(settings, context):
        going["now"] += 1
        going["most"] = max(going["most"], going["now"])
        await asyncio.sleep(0)
        going["now"] -= 1

    house.steps.work = work
    version = house.definitions.add(text)
    ended = await asyncio.gather(*(house.engine.run(version) for _ in range(100)))
    assert {each.state for each in ended} == {"succeeded"}
    assert going["most"] <= 3


@pytest.mark.parametrize("how", ["cancel", "force", "fail", "pause and cancel"])
async def test_a_place_is_free_again_however_its_run_ends(house: House, how: str) -> None:
    held = Held(house)

    async def fail(settings, context):
        raise ValueError("broken")

    if how == "fail":
        house.steps.work = fail
    runs = [await start(house, "c1", ONE_EACH.replace("test.write", "test.read")) for _ in range(2)]
    if how != "fail":
        await until(house, runs[0], "StepGranted")
        if how.startswith("pause"):
            await house.engine.pause(runs[0])
            assert await state_of(house, runs[1]) == "queued"
        await house.engine.cancel(runs[0], force=how == "force")
        held.let_go(*runs)
    assert (await house.engine.wait(runs[0])).state == ("failed" if how == "fail" else "cancelled")
    assert (await house.engine.wait(runs[1])).state == ("failed" if how == "fail" else "succeeded")
    assert await house.store.gates(ALL_SHARDS) == []


async def test_a_run_that_waits_can_be_cancelled_and_the_next_one_goes_on(house: House) -> None:
    held = Held(house)
    runs = [await start(house, "c1") for _ in range(3)]
    await house.engine.cancel(runs[1], reason="no more")
    assert await end_of(house, runs[1]) == ("cancelled", "cancelled", "no more")
    held.let_go(*runs)
    assert (await house.engine.wait(runs[2])).state == "succeeded"
    assert house.steps.calls == [("work", 1), ("work", 1)]


async def test_a_run_that_waits_can_be_paused_and_begins_when_it_is_resumed(house: House) -> None:
    held = Held(house)
    runs = [await start(house, "c1") for _ in range(2)]
    await house.engine.pause(runs[1])
    held.let_go(*runs)
    await house.engine.wait(runs[0])
    await house.engine.drive_until_idle()
    assert await state_of(house, runs[1]) == "paused"
    await house.engine.resume(runs[1])
    assert (await house.engine.wait(runs[1])).state == "succeeded"


async def test_the_more_important_run_goes_first_and_its_priority_can_be_changed(house: House) -> None:
    held = Held(house)
    runs = [await start(house, "c1") for _ in range(3)]
    await house.engine.prioritize(runs[2], priority=9)
    held.let_go(runs[0], runs[2])
    assert (await house.engine.wait(runs[2])).state == "succeeded"
    await until(house, runs[1], "StepGranted")
    with pytest.raises(RequestRefusedError, match="does not wait to begin"):
        await house.engine.prioritize(runs[1], priority=1)
    held.let_go(runs[1])
    await house.engine.wait(runs[1])


@pytest.mark.parametrize("setting", ["concurrency", "singleton"])
async def test_without_room_a_start_can_be_skipped_or_fail(house: House, setting: str) -> None:
    held = Held(house)
    first = await house.start(limited(f"{setting}: {{when_full: skip}}"))
    skipped = await house.start(limited(f"{setting}: {{when_full: skip}}"))
    failed = await house.start(limited(f"{setting}: {{when_full: fail}}"))
    reason = f"It did not begin, for there is room for 1, and {first} had not ended ({setting})."
    assert await end_of(house, skipped) == ("cancelled", "skipped", reason)
    assert await end_of(house, failed) == ("failed", "limit-reached", reason)
    assert await why_of(house, skipped) == reason
    held.let_go(first)
    assert (await house.engine.wait(first)).state == "succeeded"


async def test_the_oldest_run_makes_room_for_the_latest(house: House) -> None:
    held = Held(house)
    text = limited("singleton: {when_full: cancel_oldest}").replace("test.write", "test.read")
    runs = [await house.start(text)]
    await until(house, runs[0], "StepGranted")
    runs += [await house.start(text) for _ in range(2)]
    held.let_go(runs[2])
    assert (await house.engine.wait(runs[2])).state == "succeeded"
    assert await end_of(house, runs[0]) == (
        "cancelled", "cancelled", f"Run {runs[1]} started and took its place.",
    )  # fmt: skip
    assert await end_of(house, runs[1]) == (
        "cancelled", "replaced", f"Run {runs[2]} started and took its place.",
    )  # fmt: skip


async def test_a_key_that_has_no_value_refuses_the_start_and_leaves_no_run(house: House) -> None:
    with pytest.raises(
        KeyRefusedError, match="The run was not started, for the key of its setting 'concurrency'"
    ):
        await house.start(limited('concurrency: {key: "{{ 1 / input.n }}"}'), input={"n": 0})
    assert await house.store.runs(RunQuery()) == []


async def test_a_call_waits_for_its_turn_like_any_other_start(house: House) -> None:
    held = Held(house)
    house.definitions.add(limited("concurrency: {}", name="child"))
    first = await house.start(limited("concurrency: {}", name="child"))
    parent = await house.start(
        "kind: workflow\nname: p\nspec:\n  steps:\n    ask: {type: call, with: {workflow: child}}\n"
    )
    called = (await until(house, parent, "WaitStarted")).run
    held.let_go(first, called)
    assert (await house.engine.wait(parent)).state == "succeeded"
    assert held.most == 1


async def test_a_child_whose_key_has_no_value_fails_its_call(house: House) -> None:
    house.definitions.add(limited('concurrency: {key: "{{ 1 / input }}"}', name="child"))
    parent = await house.start(
        "kind: workflow\nname: p\nspec:\n  steps:\n    ask: {type: call, with: {workflow: child, input: 0}}\n"
    )
    ended = await house.engine.wait(parent)
    assert ended.error is not None
    assert ended.error.cause is not None
    assert (ended.state, ended.error.cause.code) == ("failed", "key-refused")


async def test_a_retry_waits_for_its_turn(house: House) -> None:
    async def fail(settings, context):
        raise ValueError("broken")

    house.steps.work = fail
    first = await start(house, "c1", ONE_EACH.replace("test.write", "test.read"))
    await house.engine.wait(first)
    held = Held(house)
    second = await start(house, "c1", ONE_EACH.replace("test.write", "test.read"))
    again = await house.engine.retry(first)
    assert await state_of(house, again) == "queued"
    held.let_go(second, again)
    assert (await house.engine.wait(again)).state == "succeeded"


async def test_a_start_under_an_id_that_is_known_starts_nothing_more(house: House) -> None:
    held = Held(house)
    version = house.definitions.add(limited("concurrency: {limit: 5}"))
    ids = await asyncio.gather(*(house.engine.start(version, run="order-7") for _ in range(3)))
    held.let_go("order-7")
    ended = await house.engine.run(version, run="order-7")
    assert (ids, ended.state) == (["order-7"] * 3, "succeeded")
    assert await house.engine.start(version, run="order-7") == "order-7"
    assert (await house.engine.run(version, run="order-7")).state == "succeeded"
    assert [row.run for row in await house.store.runs(RunQuery())] == ["order-7"]


# --- kestra#19679: no place is lost, wherever the process dies and in whatever state a run is cancelled ------------------


async def test_after_the_process_died_the_same_runs_are_live_and_the_same_wait(mortal: House) -> None:
    held = Held(mortal)
    runs = [await start(mortal, "c1", ONE_EACH.replace("test.write", "test.idempotent")) for _ in range(3)]
    await until(mortal, runs[0], "StepGranted")
    await mortal.crash()
    await mortal.open()
    await until(mortal, runs[0], "StepGranted")
    assert [await state_of(mortal, run) for run in runs[1:]] == ["queued", "queued"]
    held.let_go(*runs)
    assert [(await mortal.engine.wait(run)).state for run in runs] == ["succeeded"] * 3
    assert held.most == 1
    assert await mortal.store.gates(ALL_SHARDS) == []


async def test_a_run_that_was_born_and_not_let_in_when_the_process_died_begins_in_the_next(
    mortal: House,
) -> None:
    mortal.engine._admission.stop()
    run = await start(mortal, "c1")
    assert await mortal.kinds(run) == ["RunStarted"]
    await mortal.crash()
    await mortal.open()
    assert (await mortal.engine.wait(run)).state == "succeeded"


async def test_a_run_that_waited_and_was_cancelled_before_the_process_died_does_not_hold_a_place(
    mortal: House,
) -> None:
    held = Held(mortal)
    runs = [await start(mortal, "c1") for _ in range(3)]
    await mortal.engine.cancel(runs[1])
    await mortal.engine.cancel(runs[0], force=True)
    await mortal.crash()
    await mortal.open()
    held.let_go(*runs)
    assert [(await mortal.engine.wait(run)).state for run in runs[:2]] == ["cancelled"] * 2
    ended = asyncio.create_task(mortal.engine.wait(runs[2]))
    await asyncio.wait([ended], timeout=5)
    if not ended.done():  # it was let in before the crash, and its write is in doubt
        await mortal.engine.resolve(runs[2], "succeeded")
    assert (await ended).state == "succeeded"
    assert await mortal.store.gates(ALL_SHARDS) == []


async def test_a_run_that_waits_for_a_person_keeps_its_place_over_a_restart(mortal: House) -> None:
    text = limited("concurrency: {}", "paid: {type: wait.signal, with: {name: paid}}")
    runs = [await mortal.start(text) for _ in range(2)]
    await until(mortal, runs[0], "WaitStarted")
    await mortal.crash()
    await mortal.open()
    assert [await state_of(mortal, run) for run in runs] == ["waiting", "queued"]
    await mortal.engine.signal(runs[0], "paid")
    assert (await mortal.engine.wait(runs[0])).state == "succeeded"
    await until(mortal, runs[1], "WaitStarted")
    await mortal.engine.cancel(runs[1])
