"""Calls and containers that are tried again by the engine: what is kept in the store, and what the world sees."""

from typing import Any

from engine_house import House, flow

from auraos.core.failures import StepFailed
from auraos.engine.ports import RunQuery
from auraos.sdk import StepContext

AGAIN = "retry: {attempts: 3, first: 1ms, jitter: 0, on: [permanent]}"
CHILD = flow(
    'one: {type: test.write}\ntwo: {type: test.write, with: {n: "{{ input.n }}"}}',
    links="one -> two",
    name="child",
)
GUARD = f"""
guard:
  type: try
  {AGAIN}
  steps:
    reserve: {{type: test.write, undo: {{type: test.write, with: {{what: release}}}}}}
    bill: {{type: test.write}}
    ship: {{type: test.write, with: {{n: 1}}}}
  links: [reserve -> bill, bill -> ship]
"""


def failing_once(house: House, path: str) -> Any:
    async def work(settings: dict[str, Any], context: StepContext) -> Any:
        if [called for called, _ in house.steps.calls].count(path) == 1 and house.steps.calls[-1][0] == path:
            raise StepFailed("Not yet.")
        return settings

    return work


async def test_a_call_is_tried_again_in_a_run_of_its_own_that_repeats_nothing(house: House) -> None:
    house.steps.work = failing_once(house, "two")
    house.definitions.add(CHILD)
    run = await house.start(flow(f"ask: {{type: call, with: {{workflow: child, input: {{n: 7}}}}, {AGAIN}}}"))
    ended = await house.engine.wait(run)
    assert (ended.state, ended.output) == ("succeeded", {"n": 7})
    children = await house.store.runs(RunQuery(parent=run))
    assert sorted(child.state for child in children) == ["failed", "succeeded"]
    assert [path for path, _ in house.steps.calls] == ["one", "two", "two"]


async def test_a_scope_is_undone_and_tried_again_and_what_stands_is_done_once(house: House) -> None:
    house.steps.work = failing_once(house, "guard/ship")
    run = await house.start(flow(GUARD))
    assert (await house.engine.wait(run)).state == "succeeded"
    assert [path for path, _ in house.steps.calls] == [
        "guard/reserve",
        "guard/bill",
        "guard/ship",
        "guard/reserve!undo",
        "guard/reserve",
        "guard/ship",
    ]
