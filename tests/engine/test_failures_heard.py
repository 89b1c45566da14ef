"""`on_failure`: the workflow that hears of a failure is started in the commit of the end, once, and never in a circle (C13)."""

from typing import Any

import msgspec
from engine_house import House, flow

from auraos.core.run.facts import RunStarted
from auraos.core.values import format_datetime
from auraos.engine.ports import RunQuery, RunRow
from auraos.sdk import StepContext, StepFailed

BREAK = "one: {type: fail, with: {message: It broke., class: data, code: broken}}"
HEARING = "  settings: {on_failure: tell}\n"
SAY = 'say: {type: transform, with: {set: {told: "{{ input }}"}}}'


async def told_by(house: House, name: str = "tell") -> list[RunRow]:
    """Return the runs that heard of something, once all is quiet."""
    await house.engine.drive_until_idle()
    return list(await house.store.runs(RunQuery(workflow=name)))


async def test_the_workflow_that_hears_gets_run_workflow_version_input_error_and_time(house: House) -> None:
    house.definitions.add(flow(SAY, name="tell"))
    run = await house.start(flow(BREAK, extra=HEARING), input={"n": 7})
    (told,) = await told_by(house)
    given = (await house.engine.wait(told.run)).output["told"]
    failed = await house.store.find(run)
    assert failed is not None
    facts = await house.engine.facts(run)
    error = given.pop("error")
    at = given.pop("failed_at")
    assert given == {
        "run": run,
        "number": failed.number,
        "workflow": "w",
        "version": failed.version,
        "state": "failed",
        "input": {"n": 7},
    }
    assert (error["class"], error["code"], error["path"]) == ("data", "broken", "one")
    assert (told.parent, int(at.timestamp() * 1_000_000) - facts[-1].at) == (run, 0), format_datetime(at)


async def test_the_end_and_the_start_of_who_hears_are_one_commit_and_outlive_the_process(
    house: House,
) -> None:
    house.definitions.add(flow(SAY, name="tell"))
    hooks = house.engine._runner._hooks
    house.engine._runner._hooks = msgspec.structs.replace(hooks, requested=lambda row: None)
    run = await house.start(flow(BREAK, extra=HEARING))
    assert (await house.engine.wait(run)).state == "failed"
    await house.crash()
    await house.open()
    heard = await told_by(house)
    await house.crash()
    await house.open()
    again = await told_by(house)
    assert [(row.parent, row.state) for row in heard] == [(run, "succeeded")]
    assert [row.run for row in again] == [row.run for row in heard]


async def test_a_cancelled_run_is_no_failure_and_nobody_hears_of_it(house: House) -> None:
    house.definitions.add(flow(SAY, name="tell"))
    run = await house.start(flow("one: {type: wait.signal, with: {name: go}}", extra=HEARING))
    await house.engine.cancel(run)
    assert (await house.engine.wait(run)).state == "cancelled"
    assert await told_by(house) == []


async def test_a_failure_of_who_hears_starts_nobody_not_even_when_it_is_retried(house: House) -> None:
    house.definitions.add(flow(BREAK, name="tell", extra=HEARING))
    await house.start(flow(BREAK, extra=HEARING))
    (told,) = await told_by(house)
    retried = await house.engine.retry(told.run)
    assert (await house.engine.wait(retried)).state == "failed"
    assert {row.run for row in await told_by(house)} == {told.run, retried}


async def test_what_is_called_by_who_hears_tells_nobody_of_its_failure_either(house: House) -> None:
    house.definitions.add(flow("ask: {type: call, with: {workflow: circle}}", name="tell", extra=HEARING))
    house.definitions.add(flow(BREAK, name="circle", extra=HEARING))
    await house.start(flow(BREAK, extra=HEARING))
    assert len(await told_by(house)) == 1
    assert len(await told_by(house, "circle")) == 1


async def test_a_retry_of_a_failed_run_is_heard_of_when_it_fails_too(house: House) -> None:
    house.definitions.add(flow(SAY, name="tell"))
    run = await house.start(flow(BREAK, extra=HEARING))
    assert len(await told_by(house)) == 1
    await house.engine.retry(run)
    assert len(await told_by(house)) == 2


async def test_a_run_that_took_back_what_it_did_is_heard_of_as_compensated(house: House) -> None:
    async def work(settings: dict[str, Any], context: StepContext) -> Any:
        if context.path == "two":
            raise StepFailed("It broke.")
        return settings

    house.steps.work = work
    house.definitions.add(flow(SAY, name="tell"))
    steps = "one: {type: test.write, undo: {type: test.write}}\ntwo: {type: test.write}"
    await house.start(flow(steps, links="one -> two", extra=HEARING))
    (told,) = await told_by(house)
    assert (await house.engine.wait(told.run)).output["told"]["state"] == "compensated"


async def test_the_log_of_the_failed_run_says_when_who_should_hear_could_not_be_started(house: House) -> None:
    strict = "  input: {type: object, required: [phone]}\n"
    house.definitions.add(flow(SAY, name="tell", extra=strict))
    run = await house.start(flow(BREAK, extra=HEARING))
    assert await told_by(house) == []
    (line,) = await house.store.logs(run)
    assert (line.level, line.fields) == ("error", {"code": "input-refused", "workflow": "tell"})
    assert line.message.startswith("The workflow 'tell' that is to hear of its failure was not started.")


async def test_who_hears_knows_in_its_journal_that_it_does(house: House) -> None:
    house.definitions.add(flow(SAY, name="tell"))
    run = await house.start(flow(BREAK, extra=HEARING))
    (told,) = await told_by(house)
    started = (await house.engine.facts(told.run))[0]
    assert isinstance(started, RunStarted)
    assert started.parent is not None
    assert (started.parent.run, started.parent.kind, started.parent.hearing) == (run, "failure", True)
