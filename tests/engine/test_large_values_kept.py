"""Large values in a whole engine: in blobs before the facts that name them, and there again for whoever needs them."""

from pathlib import Path
from typing import Any

import pytest
from engine_house import House, flow

from auraos.core.run.facts import RunFinished, StepSucceeded
from auraos.core.values import ValueRefusedError
from auraos.engine.ports import StoreUnavailableError
from auraos.sdk import StepContext

SIZE = 300_000
THREE = flow(
    "one: {type: test.write}\n"
    'two: {type: test.write, with: {got: "{{ steps.one.text }}"}}\n'
    'three: {type: test.write, with: {got: "{{ steps.two.got }}", size: "{{ len(steps.one.text) }}"}}',
    links="one -> two, two -> three",
    extra='  output: "{{ steps.three }}"',
)


async def large(settings: dict[str, Any], context: StepContext) -> Any:
    return {"text": "ö" * SIZE} if context.path == "one" else settings


def journal_size(house: House) -> int:
    connection = __import__("sqlite3").connect(house.path / "auraos.db")
    (size,) = connection.execute("select sum(length(facts)) from journal").fetchone()
    connection.close()
    return int(size)


def blobs_of(house: House, run: str) -> list[Path]:
    return sorted((house.path / "blobs" / "default" / run).glob("*"))


async def test_a_large_output_goes_through_three_steps_and_the_journal_stays_small(house: House) -> None:
    house.steps.work = large
    run = await house.start(THREE)
    ended = await house.engine.wait(run)
    assert ended.output == {"got": "ö" * SIZE, "size": SIZE}
    assert journal_size(house) < 8_000
    assert len(blobs_of(house, run)) == 1


async def test_everybody_who_reads_the_run_later_sees_the_whole_value(house: House) -> None:
    house.steps.work = large
    run = await house.start(THREE)
    await house.engine.wait(run)
    facts = await house.engine.facts(run)
    one = next(fact for fact in facts if isinstance(fact, StepSucceeded))
    assert one.output == {"text": "ö" * SIZE}
    assert (await house.engine.wait(run)).output["size"] == SIZE
    shown = [change.fact async for change in house.engine.subscribe(run)]
    assert type(shown[-1]) is RunFinished


async def test_a_run_that_died_goes_on_with_its_large_values(house: House) -> None:
    house.steps.work = large
    waits = flow(
        "one: {type: test.write}\npaid: {type: wait.signal, with: {name: paid}}\n"
        'two: {type: test.write, with: {got: "{{ steps.one.text + steps.paid.data }}"}}',
        links="one -> paid, paid -> two",
        extra='  output: "{{ len(steps.two.got) }}"',
    )
    run = await house.start(waits, input={"given": "i" * SIZE})
    await house.engine.drive_until_idle()
    await house.crash()
    await house.open()
    house.steps.work = large
    await house.engine.signal(run, "paid", data="s" * SIZE)
    ended = await house.engine.wait(run)
    assert ended.output == 2 * SIZE
    assert journal_size(house) < 8_000


async def test_a_called_run_and_a_retry_have_large_values_of_their_own(house: House) -> None:
    house.steps.work = large
    child = house.definitions.add(
        flow(
            'echo: {type: test.write, with: {got: "{{ input.text }}"}}',
            name="child",
            extra='  output: "{{ steps.echo }}"',
        )
    )
    parent = flow(
        'one: {type: test.write}\ncall: {type: call, with: {workflow: child, input: "{{ steps.one }}"}}',
        links="one -> call",
        extra='  output: "{{ len(steps.call.got) }}"',
    )
    version = house.definitions.add(parent)
    ended = await house.engine.run(version, called=[child])
    assert (ended.state, ended.output) == ("succeeded", SIZE)
    again = await house.engine.retry(ended.run, start_at="call")
    repeated = await house.engine.wait(again)
    assert (repeated.state, repeated.output) == ("succeeded", SIZE)
    assert blobs_of(house, again)
    assert journal_size(house) < 20_000


async def test_a_large_value_that_cannot_be_kept_is_not_named_and_the_run_goes_on_when_it_can(
    house: House,
) -> None:
    house.steps.work = large
    failures = [StoreUnavailableError("The disk is full."), StoreUnavailableError("The disk is full.")]
    keep = house.blobs.keep

    def full(*given: Any) -> None:
        if failures:
            raise failures.pop()
        keep(*given)

    house.blobs.keep = full  # type: ignore[method-assign]
    run = await house.start(THREE)
    ended = await house.engine.wait(run)
    assert (ended.state, ended.output["size"]) == ("succeeded", SIZE)
    assert [call for call, _ in house.steps.calls] == ["one", "two", "three"]


async def test_a_value_that_is_larger_than_may_be_kept_is_refused_as_data(house: House) -> None:
    async def vast(settings: dict[str, Any], context: StepContext) -> Any:
        return {"text": "v" * 64_000_000}

    house.steps.work = vast
    run = await house.start(flow("one: {type: test.read}"))
    ended = await house.engine.wait(run)
    assert ended.error is not None
    assert (ended.error.class_, ended.error.code) == ("data", "output-refused")
    assert "64,000,011 bytes" in ended.error.message
    with pytest.raises(ValueRefusedError, match="64,000,000"):
        await house.start(flow("one: {type: test.read}"), input="v" * 64_000_000)
