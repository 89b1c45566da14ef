"""Steps with `cache`: what an earlier attempt brought stands in for carrying them out, for as long as it may."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from engine_house import House, flow
from postgres_house import PostgresHouse

from auraos.core.catalogue import Chosen
from auraos.core.failures import StepFailed
from auraos.core.run import view
from auraos.core.run.facts import StepGranted, StepSucceeded
from auraos.sdk import StepContext


def look(of: str = "a", cache: str = "ttl: 10m", more: str = "") -> str:
    return flow(f"one: {{type: test.read, with: {{of: {of}}}, cache: {{{cache}}}{more}}}")


def count(house: House) -> None:
    """Let each time that the step is carried out bring the next number."""

    async def next_number(settings: dict[str, Any], context: StepContext) -> Any:
        return {"of": settings.get("of"), "number": len(house.steps.calls)}

    house.steps.work = next_number


async def outcome(house: House, run: str) -> tuple[str, Any, bool]:
    """Return how a run ended, the number that its step brought, and whether that came from the cache."""
    ended = await house.engine.wait(run)
    found = [fact for fact in await house.engine.facts(run) if isinstance(fact, StepSucceeded)]
    output = found[-1].output if found else None
    if isinstance(output, dict) and "number" in output:
        output = output["number"]
    return ended.state, output, any(fact.cached for fact in found)


async def go(house: House, text: str, **given: Any) -> tuple[str, Any, bool]:
    return await outcome(house, await house.start(text, **given))


async def test_the_second_run_gets_the_output_of_the_first(house: House) -> None:
    count(house)
    assert await go(house, look()) == ("succeeded", 1, False)
    assert await go(house, look()) == ("succeeded", 1, True)
    assert len(house.steps.calls) == 1


async def test_a_step_without_cache_is_carried_out_each_time(house: House) -> None:
    count(house)
    plain = flow("one: {type: test.read, with: {of: a}}")
    assert [(await go(house, plain))[1:] for _ in range(2)] == [(1, False), (2, False)]


async def test_other_parameters_are_looked_up_by_themselves(house: House) -> None:
    count(house)
    found = [(await go(house, look(of)))[1:] for of in ("a", "b", "a", "b")]
    assert found == [(1, False), (2, False), (1, True), (2, True)]


async def test_an_output_is_used_until_its_time_is_over_and_then_brought_anew(house: House) -> None:
    count(house)
    await go(house, look())
    house.clock.skip(599)
    assert (await go(house, look()))[1:] == (1, True)
    house.clock.skip(2)
    assert (await go(house, look()))[1:] == (2, False)
    assert (await go(house, look()))[1:] == (2, True)


async def test_workspaces_share_nothing(house: House) -> None:
    count(house)
    found = [(await go(house, look(), workspace=name))[1:] for name in ("ours", "theirs", "ours")]
    assert found == [(1, False), (2, False), (1, True)]


async def test_a_key_says_what_is_the_same_in_place_of_the_parameters(house: House) -> None:
    count(house)

    def keyed(of: str, key: str) -> str:
        return look(of, f'ttl: 10m, key: "{key}"')

    assert (await go(house, keyed("a", "{{ 40 + 2 }}")))[1:] == (1, False)
    assert (await go(house, keyed("b", "{{ 42 }}")))[1:] == (1, True)
    assert (await go(house, keyed("b", "{{ 43 }}")))[1:] == (2, False)


async def test_a_key_is_a_name_within_its_step(house: House) -> None:
    count(house)
    two = flow(
        """
one: {type: test.read, with: {of: customer}, cache: {ttl: 10m, key: 7}}
two: {type: test.read, with: {of: orders}, cache: {ttl: 10m, key: 7}}
""",
        links="one -> two",
    )
    await go(house, two)
    assert len(house.steps.calls) == 2
    await go(house, two)
    assert len(house.steps.calls) == 2


async def test_a_key_that_cannot_be_evaluated_fails_the_step_before_it_begins(house: House) -> None:
    count(house)
    run = await house.start(look(cache='ttl: 10m, key: "{{ 1 / input.parts }}"'), input={"parts": 0})
    ended = await house.engine.wait(run)
    assert ended.state == "failed"
    assert house.steps.calls == []


async def test_what_failed_is_not_kept(house: House) -> None:
    async def fail_first(settings: dict[str, Any], context: StepContext) -> Any:
        if len(house.steps.calls) == 1:
            raise StepFailed("no", code="no-luck")
        return {"number": len(house.steps.calls)}

    house.steps.work = fail_first
    assert (await go(house, look()))[0] == "failed"
    assert await go(house, look()) == ("succeeded", 2, False)


async def test_an_output_that_the_step_does_not_take_is_not_kept_and_not_used(house: House) -> None:
    count(house)
    high = ", expect: {properties: {number: {minimum: 3}}}"
    assert (await go(house, look(more=high)))[0] == "failed"
    assert await go(house, look()) == ("succeeded", 2, False)
    assert await go(house, look(more=high)) == ("succeeded", 3, False)
    assert await go(house, look(more=high)) == ("succeeded", 3, True)


async def test_the_ports_that_a_step_chose_are_chosen_again(house: House) -> None:
    async def choose(settings: dict[str, Any], context: StepContext) -> Any:
        return Chosen(("out", "more"), {"number": len(house.steps.calls)})

    house.steps.work = choose
    await go(house, look())
    second = await house.start(look())
    assert await outcome(house, second) == ("succeeded", 1, True)
    (fact,) = [fact for fact in await house.engine.facts(second) if isinstance(fact, StepSucceeded)]
    assert fact.ports == ("out", "more")


async def test_values_that_json_lacks_come_back_as_they_were(house: House) -> None:
    async def special(settings: dict[str, Any], context: StepContext) -> Any:
        return {"price": settings["price"], "$odd": '{"$file": 1}'}

    house.steps.work = special
    text = flow("one: {type: test.read, with: {price: \"{{ decimal('1.10') }}\"}, cache: {ttl: 1h}}")
    first = await go(house, text)
    second = await go(house, text)
    assert (first[2], second[2]) == (False, True)
    assert first[1] == second[1] == {"price": Decimal("1.10"), "$odd": '{"$file": 1}'}


async def test_a_secret_is_masked_in_what_is_kept(house: House) -> None:
    async def tell(settings: dict[str, Any], context: StepContext) -> Any:
        return "it is no-secret"

    house.steps.work = tell
    run = await house.start(look())
    await house.engine.wait(run)
    (granted,) = [fact for fact in await house.engine.facts(run) if isinstance(fact, StepGranted)]
    kept = await house.store.cached("default", granted.cache_key, 0)
    assert kept == b'[["out"],"it is ***"]'


@pytest.mark.parametrize("size", [60_000, 70_000])
async def test_only_an_output_of_up_to_64_kb_is_kept(house: House, size: int) -> None:
    async def large(settings: dict[str, Any], context: StepContext) -> Any:
        return "x" * size

    house.steps.work = large
    for _ in range(2):
        await house.engine.wait(await house.start(look()))
    assert len(house.steps.calls) == (1 if size == 60_000 else 2)


async def test_an_output_with_a_file_is_not_kept_for_the_file_goes_with_its_run(house: House) -> None:
    async def save(settings: dict[str, Any], context: StepContext) -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"

        return {"file": await context.files.write(pieces(), media_type="text/plain")}

    house.steps.work = save
    for _ in range(2):
        assert (await house.engine.wait(await house.start(look()))).state == "succeeded"
    assert len(house.steps.calls) == 2


async def test_a_cache_that_cannot_be_read_is_an_empty_one(house: House) -> None:
    count(house)
    run = await house.start(look())
    await house.engine.wait(run)
    writer = house.store._writer._connection
    writer.execute("update cache set value = x'7b'")
    writer.commit()
    assert await go(house, look()) == ("succeeded", 2, False)


async def test_outputs_whose_time_is_over_go_with_the_old_runs(house: House) -> None:
    count(house)
    await go(house, look())
    await go(house, look("b", "ttl: 1h"))
    house.clock.skip(1000)
    pruned = await house.engine.retention.prune()
    assert pruned.has_expired
    assert await house.store.has_expired(house.clock.now()) is False
    assert (await go(house, look("b", "ttl: 1h")))[1:] == (2, True)
    assert not (await house.engine.retention.prune()).has_expired


async def test_an_output_is_found_after_a_restart(house: House) -> None:
    count(house)
    await go(house, look())
    await house.close()
    await house.open()
    assert await go(house, look()) == ("succeeded", 1, True)


async def test_it_is_the_same_on_postgresql(on_postgres: PostgresHouse) -> None:
    count(on_postgres)
    found = [(await go(on_postgres, look()))[1:] for _ in range(2)]
    on_postgres.clock.skip(601)
    found.append((await go(on_postgres, look()))[1:])
    assert found == [(1, False), (1, True), (2, False)]


async def test_a_fork_that_begins_again_at_the_step_shows_where_its_output_is_from(house: House) -> None:
    count(house)
    version = house.definitions.add(look())
    first = await house.engine.start(version)
    await house.engine.wait(first)
    fork = await house.engine.retry(first, kind="fork", start_at="one")
    assert await outcome(house, fork) == ("succeeded", 1, True)
    program = await house.engine._programs.program(version.hash)
    (step,) = view(program, await house.engine.facts(fork)).steps
    assert (step.cached, step.attempts) == (True, 1)


async def test_a_retry_uses_what_another_run_brought_meanwhile(house: House) -> None:
    is_brought = asyncio.Event()

    async def fail_at_first(settings: dict[str, Any], context: StepContext) -> Any:
        number = len(house.steps.calls)
        if number == 1:
            await is_brought.wait()
            raise StepFailed("no", error_class="transient")
        return {"number": number}

    house.steps.work = fail_at_first
    slow = await house.start(look(more=", retry: {attempts: 2, first: 1ms, jitter: 0}"))
    await house.steps.started.wait()
    assert (await go(house, look()))[1:] == (2, False)
    is_brought.set()
    assert await outcome(house, slow) == ("succeeded", 2, True)
    assert len(house.steps.calls) == 2
