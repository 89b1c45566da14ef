"""Called runs, pages of long loops, and what runs when one fails."""

import asyncio
from typing import Any

import pytest
from engine_house import House, flow

from auraos.app.definitions.versions import FolderDefinitions
from auraos.core.errors import UserError
from auraos.core.failures import StepFailed
from auraos.core.run.facts import RunStarted
from auraos.engine.ports import ALL_SHARDS, RunQuery
from auraos.sdk import StepContext

DOUBLE = flow('out: {type: transform, with: {set: {n: "{{ input.n * 2 }}"}}}', name="double")


async def test_a_call_gives_the_output_of_the_called_run(house: House) -> None:
    house.definitions.add(DOUBLE)
    run = await house.start(flow("ask: {type: call, with: {workflow: double, input: {n: 21}}}"))
    assert (await house.engine.wait(run)).output == {"n": 42}
    (child,) = await house.store.runs(RunQuery(parent=run))
    assert (child.workflow, child.state, child.parent) == ("double", "succeeded", run)
    assert await house.store.requests(ALL_SHARDS) == []


async def test_a_call_without_waiting_gives_the_id_of_a_run_that_goes_its_own_way(house: House) -> None:
    house.definitions.add(DOUBLE)
    run = await house.start(flow("ask: {type: call, with: {workflow: double, input: {n: 2}, wait: false}}"))
    ended = await house.engine.wait(run)
    child = await house.engine.wait(ended.output["run"])
    assert child.output == {"n": 4}
    await house.engine.drive_until_idle()
    assert "ChildFinished" not in await house.kinds(run)


async def test_a_missing_called_workflow_refuses_the_start(house: House) -> None:
    with pytest.raises(UserError, match="nowhere"):
        await house.start(flow("ask: {type: call, with: {workflow: nowhere}}"))


async def test_a_called_run_whose_input_does_not_fit_fails_the_call(house: House) -> None:
    house.definitions.add(DOUBLE + "  input: {type: object, properties: {n: {type: integer}}}\n")
    run = await house.start(flow("ask: {type: call, with: {workflow: double, input: {n: x}}}"))
    ended = await house.engine.wait(run)
    assert ended.error is not None
    assert ended.state == "failed"
    assert "input" in str(ended.error)


async def test_cancelling_the_caller_cancels_the_called(house: House) -> None:
    house.definitions.add(flow("paid: {type: wait.signal, with: {name: paid}}", name="child"))
    run = await house.start(flow("ask: {type: call, with: {workflow: child}}"))
    await house.engine.drive_until_idle()
    (child,) = await house.store.runs(RunQuery(parent=run))
    await house.engine.cancel(run)
    states = [(await house.engine.wait(each)).state for each in (run, child.run)]
    assert states == ["cancelled", "cancelled"]


async def test_a_long_loop_runs_in_pages_of_their_own(house: House) -> None:
    text = flow(
        """
each:
  type: foreach
  with: {items: "{{ input.items }}", parallel: 8}
  steps: {double: {type: transform, with: {set: {n: "{{ item * 2 }}"}}}}
sum: {type: transform, with: {set: {n: "{{ sum(each.n for each in steps.each) }}"}}}
""",
        links="each -> sum",
    )
    run = await house.start(text, input={"items": list(range(1200))})
    ended = await house.engine.wait(run)
    pages = await house.store.runs(RunQuery(parent=run))
    assert ended.output == {"n": sum(range(1200)) * 2}
    assert [page.number for page in pages] == [0, 0, 0]
    assert {page.state for page in pages} == {"succeeded"}
    assert (await house.kinds(run)).count("ChildFinished") == 3


async def test_the_workflow_for_failures_is_told_of_one(house: House) -> None:
    async def fail(settings: dict[str, Any], context: StepContext) -> Any:
        raise StepFailed("It broke.")

    house.steps.work = fail
    house.definitions.add(flow('say: {type: transform, with: {set: {told: "{{ input }}"}}}', name="tell"))
    text = flow("one: {type: test.write}", extra="  settings: {on_failure: {workflow: tell}}\n")
    run = await house.start(text)
    assert (await house.engine.wait(run)).state == "failed"
    await house.engine.drive_until_idle()
    (told,) = await house.store.runs(RunQuery(workflow="tell"))
    assert (told.parent, told.state) == (run, "succeeded")
    assert run in str((await house.engine.wait(told.run)).output)


async def test_many_calls_at_once_all_come_back(house: House) -> None:
    house.definitions.add(DOUBLE)
    text = flow(
        """
each:
  type: foreach
  with: {items: "{{ input.items }}", parallel: 20}
  steps: {ask: {type: call, with: {workflow: double, input: {n: "{{ item }}"}}}}
"""
    )
    run = await house.start(text, input={"items": list(range(50))})
    ended = await asyncio.wait_for(house.engine.wait(run), 20)
    assert ended.output == [{"n": n * 2} for n in range(50)]


async def test_versions_that_are_sent_along_reach_the_called_runs_of_called_runs(house: House) -> None:
    elsewhere = FolderDefinitions(None, house.catalogue)
    inner = elsewhere.add(flow("out: {type: transform, with: {set: {n: 7}}}", name="inner"))
    outer = elsewhere.add(flow("ask: {type: call, with: {workflow: inner}}", name="outer"))
    top = elsewhere.add(flow("ask: {type: call, with: {workflow: outer}}", name="top"))
    run = await house.engine.start(top, called=[inner, outer])
    assert (await house.engine.wait(run)).output == {"n": 7}


CHILD_OF_TWO = flow(
    "one: {type: test.write, with: {n: 1}}\ntwo: {type: test.write, with: {n: 2}}",
    name="child",
    links="one -> two",
)


async def test_a_retry_does_not_do_again_what_a_called_run_had_done(house: House) -> None:
    async def two_fails_first(settings: dict[str, Any], context: StepContext) -> Any:
        if settings["n"] == 2 and len(house.steps.calls) < 3:
            raise StepFailed("Not yet.")
        return settings

    house.steps.work = two_fails_first
    house.definitions.add(CHILD_OF_TWO)
    first = await house.start(flow("ask: {type: call, with: {workflow: child, input: {n: 7}}}"))
    assert (await house.engine.wait(first)).state == "failed"
    second = await house.engine.retry(first)
    assert (await house.engine.wait(second)).state == "succeeded"
    assert [path for path, _ in house.steps.calls] == ["one", "two", "two"]


async def test_many_batches_of_a_loop_run_in_pages_and_keep_their_numbers(house: House) -> None:
    text = flow(
        """
each:
  type: foreach
  with: {items: "{{ range(10000) }}", batch: 8, parallel: 8}
  steps: {add: {type: transform, with: {set: {at: "{{ index }}", n: "{{ sum(item) }}"}}}}
sum:
  type: transform
  join: collect
  with: {set: {n: "{{ sum(one.n for one in arrived[0].output) }}", last: "{{ arrived[0].output[-1].at }}"}}
""",
        links="each -> sum, each.error -> sum",
    )
    run = await house.start(text)
    ended = await house.engine.wait(run)
    pages = await house.store.runs(RunQuery(parent=run))
    assert ended.output == {"n": sum(range(10_000)), "last": 1_249}
    assert [page.state for page in pages] == ["succeeded"] * 3


async def test_a_retry_does_not_do_again_what_the_pages_of_a_long_loop_had_done(house: House) -> None:
    async def the_last_fails_first(settings: dict[str, Any], context: StepContext) -> Any:
        if settings["n"] == 1000 and house.steps.calls.count((context.path, 1)) < 2:
            raise StepFailed("Not yet.")
        return settings["n"]

    house.steps.work = the_last_fails_first
    text = """
each:
  type: foreach
  with: {items: "{{ range(1001) }}", parallel: 50}
  steps: {a: {type: test.write, with: {n: "{{ item }}"}}}
"""
    first = await house.start(flow(text))
    assert (await asyncio.wait_for(house.engine.wait(first), 60)).state == "failed"
    second = await house.engine.retry(first)
    assert (await asyncio.wait_for(house.engine.wait(second), 60)).state == "succeeded"
    paths = [path for path, _ in house.steps.calls]
    assert len(paths) == 1002
    assert paths.count("each[1000]/a") == 2


async def test_the_defaults_of_an_input_hold_at_every_door_and_stand_in_the_journal(house: House) -> None:
    child = DOUBLE + "  input: {type: object, properties: {n: {type: integer, default: 21}}}\n"
    house.definitions.add(child)
    asking = house.definitions.add(flow("ask: {type: call, with: {workflow: double}}"))
    called = await house.engine.run(asking)
    started = await house.engine.run(house.definitions.add(child), input={})
    assert (called.output, started.output) == ({"n": 42}, {"n": 42})
    first = (await house.engine.facts(started.run))[0]
    assert isinstance(first, RunStarted)
    assert first.input == {"n": 21}
