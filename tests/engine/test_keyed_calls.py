"""Calls with a key: one run for all who call a workflow under it."""

import asyncio
from typing import Any

import pytest
from engine_house import House, flow

from auraos.core.run.facts import ChildFinished, RunFinished
from auraos.engine.ports import ALL_SHARDS, RunQuery
from auraos.sdk import StepContext

CHARGE = flow('pay: {type: test.write, with: {n: "{{ input.n }}"}}', name="charge")
GATED = flow(
    "paid: {type: wait.signal, with: {name: paid}}",
    name="charge",
    extra="  settings: {concurrency: {limit: 2}}\n",
)
WAITING = flow("paid: {type: wait.signal, with: {name: paid}}", name="charge")


def caller(*, name: str = "shop", n: str = "7", more: str = "") -> str:
    called = f"workflow: charge, input: {{n: {n}}}{more}"
    return flow(f'ask: {{type: call, key: "{{{{ input.order }}}}", with: {{{called}}}}}', name=name)


async def called_runs(house: House) -> list[Any]:
    rows = await house.store.runs(RunQuery(limit=100))
    found = [row for row in rows if row.workflow == "charge"]
    return found + [
        each
        for row in rows
        for each in await house.store.runs(RunQuery(parent=row.run))
        if each.workflow == "charge" and each.run not in [one.run for one in found]
    ]


async def test_a_second_call_under_a_key_gets_the_same_run_and_its_output(house: House) -> None:
    house.definitions.add(CHARGE)
    first = await house.engine.run(house.definitions.add(caller()), input={"order": "o1"})
    second = await house.engine.run(house.definitions.add(caller(name="desk")), input={"order": "o1"})
    assert (first.output, second.output) == ({"n": 7}, {"n": 7})
    assert len(house.steps.calls) == 1
    assert len(await called_runs(house)) == 1
    assert await house.store.requests(ALL_SHARDS) == []


async def test_another_key_is_another_run(house: House) -> None:
    house.definitions.add(CHARGE)
    version = house.definitions.add(caller())
    for order in ("o1", "o2", 1, "1", True):
        await house.engine.run(version, input={"order": order})
    assert len(house.steps.calls) == 5


async def test_all_who_call_while_it_is_under_way_await_one_run(house: House) -> None:
    house.definitions.add(WAITING)
    version = house.definitions.add(caller())
    runs = [await house.engine.start(version, input={"order": "o1"}) for _ in range(20)]
    await house.engine.drive_until_idle()
    (called,) = await called_runs(house)
    await house.engine.signal(called.run, "paid", data=1)
    ended = [await house.engine.wait(run) for run in runs]
    assert {each.state for each in ended} == {"succeeded"}
    assert {str(each.output["data"]) for each in ended} == {"1"}
    assert (await house.kinds(called.run)).count("CallJoined") == 19


async def test_the_same_key_with_another_input_is_a_definite_failure(house: House) -> None:
    house.definitions.add(WAITING)
    await house.engine.start(house.definitions.add(caller()), input={"order": "o1"})
    await house.engine.drive_until_idle()
    while_under_way = await house.engine.run(house.definitions.add(caller(n="8")), input={"order": "o1"})
    (called,) = await called_runs(house)
    await house.engine.cancel(called.run)
    await house.engine.wait(called.run)
    when_over = await house.engine.run(
        house.definitions.add(caller(n="9", more=", wait: false")), input={"order": "o1"}
    )
    for ended in (while_under_way, when_over):
        assert ended.error is not None
        assert (ended.state, ended.error.code, ended.error.class_) == ("failed", "key-used", "permanent")
        assert called.run in ended.error.message


async def test_a_cancelled_caller_does_not_cancel_what_others_await(house: House) -> None:
    house.definitions.add(WAITING)
    version = house.definitions.add(caller())
    first, second = [await house.engine.start(version, input={"order": "o1"}) for _ in range(2)]
    await house.engine.drive_until_idle()
    await house.engine.cancel(first, undo=True)
    assert (await house.engine.wait(first)).state == "cancelled"
    (called,) = await called_runs(house)
    await house.engine.signal(called.run, "paid")
    assert (await house.engine.wait(second)).state == "succeeded"


async def test_a_caller_whose_time_is_over_stops_to_wait_and_the_run_goes_on(house: House) -> None:
    house.definitions.add(WAITING)
    impatient = flow(
        'ask: {type: call, key: k, timeout: 1ms, with: {workflow: charge}, fallback: "none yet"}',
        name="impatient",
    )
    ended = await house.engine.run(house.definitions.add(impatient))
    assert (ended.state, ended.output) == ("succeeded", "none yet")
    await house.engine.drive_until_idle()
    (called,) = await called_runs(house)
    assert called.state == "waiting"


async def test_without_waiting_every_caller_gets_the_id_of_the_one_run(house: House) -> None:
    house.definitions.add(WAITING)
    version = house.definitions.add(caller(more=", wait: false"))
    ended = [await house.engine.run(version, input={"order": "o1"}) for _ in range(3)]
    (called,) = await called_runs(house)
    assert [each.output for each in ended] == [{"run": called.run}] * 3
    await house.engine.signal(called.run, "paid")
    await house.engine.wait(called.run)
    assert (await house.engine.run(version, input={"order": "o1"})).output == {"run": called.run}


async def test_a_run_that_failed_is_told_as_failed_and_not_started_again(house: House) -> None:
    house.definitions.add(flow("no: {type: fail, with: {code: sold-out, message: No more.}}", name="charge"))
    version = house.definitions.add(caller())
    for _ in range(2):
        ended = await house.engine.run(version, input={"order": "o1"})
        assert ended.error is not None
        assert ended.error.cause is not None
        assert (ended.error.code, ended.error.cause.code) == ("called-run-failed", "sold-out")
    assert len(await called_runs(house)) == 1


async def test_what_a_shared_run_did_is_not_undone_by_a_caller_that_fails(house: House) -> None:
    house.definitions.add(flow("pay: {type: test.write, undo: {type: test.write}}", name="charge"))
    text = flow(
        """
ask: {type: call, key: k, with: {workflow: charge}}
no: {type: fail, with: {code: broken, message: No.}}
""",
        links="ask -> no",
    )
    ended = await house.engine.run(house.definitions.add(text))
    assert ended.state == "failed"
    assert house.steps.calls == [("pay", 1)]


async def test_an_empty_key_fails_the_call(house: House) -> None:
    house.definitions.add(CHARGE)
    ended = await house.engine.run(house.definitions.add(caller()), input={})
    assert ended.error is not None
    assert ended.error.code == "call-without-key"


async def test_a_run_cannot_await_itself_by_its_key(house: House) -> None:
    house.definitions.add(flow("again: {type: call, key: k, with: {workflow: middle}}", name="charge"))
    house.definitions.add(flow("back: {type: call, key: k, with: {workflow: charge}}", name="middle"))
    ended = await house.engine.run(
        house.definitions.add(flow("ask: {type: call, key: k, with: {workflow: charge}}"))
    )
    assert ended.error is not None
    codes, error = [], ended.error
    while error is not None:
        codes.append(error.code)
        error = error.cause
    assert codes == ["called-run-failed", "called-run-failed", "call-in-circle"]


async def test_the_limits_of_the_called_workflow_hold_for_it(house: House) -> None:
    house.definitions.add(GATED)
    version = house.definitions.add(caller())
    runs = [await house.engine.start(version, input={"order": order}) for order in ("a", "b", "c", "a", "c")]
    await house.engine.drive_until_idle()
    called = await called_runs(house)
    assert sorted(row.state for row in called) == ["queued", "waiting", "waiting"]
    for _ in range(3):
        for row in await called_runs(house):
            if row.state == "waiting":
                await house.engine.signal(row.run, "paid")
        await house.engine.drive_until_idle()
    assert {(await house.engine.wait(run)).state for run in runs} == {"succeeded"}


async def test_a_large_output_goes_to_every_caller(house: House) -> None:
    house.definitions.add(
        flow("big: {type: transform, with: {set: {text: \"{{ 'ab' * 60000 }}\"}}}", name="charge")
    )
    version = house.definitions.add(caller())
    ended = [await house.engine.run(version, input={"order": "o1"}) for _ in range(2)]
    assert [len(each.output["text"]) for each in ended] == [120_000, 120_000]


@pytest.mark.parametrize("is_over", [False, True])
async def test_callers_and_called_go_on_in_the_next_process(house: House, is_over: bool) -> None:
    house.definitions.add(WAITING)
    version = house.definitions.add(caller())
    first = await house.engine.start(version, input={"order": "o1"})
    second = await house.engine.start(version, input={"order": "o1"})
    await house.engine.drive_until_idle()
    (called,) = await called_runs(house)
    if is_over:
        await house.engine.signal(called.run, "paid")
    await house.crash()
    engine = await house.open()
    third = await engine.start(version, input={"order": "o1"})
    await engine.drive_until_idle()
    if not is_over:
        await engine.signal(called.run, "paid")
    ended = await asyncio.gather(*(engine.wait(run) for run in (first, second, third)))
    assert {each.state for each in ended} == {"succeeded"}
    assert len(await called_runs(house)) == 1
    assert await house.store.requests(ALL_SHARDS) == []


async def test_a_call_that_comes_while_the_end_is_being_written_is_answered(house: House) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def wait(settings: dict[str, Any], context: StepContext) -> Any:
        started.set()
        await go_on.wait()
        return settings

    house.steps.work = wait
    house.definitions.add(CHARGE)
    version = house.definitions.add(caller())
    first = await house.engine.start(version, input={"order": "o1"})
    await started.wait()
    go_on.set()
    others = await asyncio.gather(*(house.engine.start(version, input={"order": "o1"}) for _ in range(50)))
    ended = await asyncio.gather(*(house.engine.wait(run) for run in (first, *others)))
    assert {each.state for each in ended} == {"succeeded"}
    assert len(house.steps.calls) == 1


async def test_a_scope_that_is_tried_again_gets_the_run_it_had(house: House) -> None:
    house.definitions.add(CHARGE)
    text = flow(
        """
guard:
  type: try
  retry: {attempts: 2, first: 1ms, on: [permanent]}
  steps:
    ask: {type: call, key: k, with: {workflow: charge}}
    no: {type: fail, with: {code: broken, message: No.}}
  links: [ask -> no]
"""
    )
    run = await house.start(text)
    ended = await house.engine.wait(run)
    assert ended.state == "failed"
    assert len(house.steps.calls) == 1
    facts = await house.engine.facts(run)
    assert sum(isinstance(fact, ChildFinished) for fact in facts) == 1
    assert isinstance(facts[-1], RunFinished)


@pytest.mark.parametrize("pause", [0, 0.002, 0.01, 0.03])
async def test_however_often_the_process_dies_there_is_one_run_and_all_are_told(
    house: House, pause: float
) -> None:
    house.definitions.add(
        flow('sum: {type: transform, with: {set: {n: "{{ input.n * 6 }}"}}}', name="charge")
    )
    version = house.definitions.add(caller())
    engine, started = house.engine, []
    for _ in range(4):
        starting = [engine.start(version, input={"order": f"o{number % 3}"}) for number in range(12)]
        started += await asyncio.gather(*starting)
        await asyncio.sleep(pause)
        await house.crash()
        engine = await house.open()
    ended = await asyncio.gather(*(engine.wait(run) for run in started))
    assert [each.output for each in ended] == [{"n": 42}] * 48
    await engine.drive_until_idle()
    assert len(await called_runs(house)) == 3
    assert await house.store.requests(ALL_SHARDS) == []
