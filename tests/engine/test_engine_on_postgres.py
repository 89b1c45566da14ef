"""The engine on PostgreSQL: what it does on SQLite is tested elsewhere, here that it does the same on the other store."""

import asyncio
from typing import Any

import pytest
from engine_house import flow
from postgres_house import PostgresHouse

from auraos.engine.ports import ALL_SHARDS, RunQuery
from auraos.sdk import StepContext
from auraos.storage.postgres import PostgresStore
from stores import own_all

CHAIN = flow(
    """
one: {type: test.idempotent, with: {n: 1}}
two: {type: test.idempotent, with: {n: "{{ steps.one.n + 1 }}"}}
""",
    links="one -> two",
)


@pytest.fixture
def house(on_postgres: PostgresHouse) -> PostgresHouse:
    return on_postgres


async def test_many_runs_at_once_end_and_share_commits(house: PostgresHouse) -> None:
    version = house.definitions.add(CHAIN)
    ended = await asyncio.gather(*(house.engine.run(version) for _ in range(150)))
    assert [each.state for each in ended] == ["succeeded"] * 150
    assert len(house.steps.calls) == 300
    numbers = {row.number for row in await house.store.runs(RunQuery(limit=200))}
    assert len(numbers) == 150
    assert house.store.commits < house.store.writes / 3


async def test_a_run_goes_on_where_another_owner_left_it(house: PostgresHouse) -> None:
    waiting = asyncio.Event()

    async def hang_in_two(settings: dict[str, Any], context: StepContext) -> Any:
        if context.path == "two" and not waiting.is_set():
            waiting.set()
            await asyncio.Event().wait()
        return settings

    house.steps.work = hang_in_two
    run = await house.start(CHAIN)
    await waiting.wait()
    await house.crash()
    engine = await house.open()
    ended = await engine.wait(run)
    assert ended.state == "succeeded"
    assert [path for path, _ in house.steps.calls] == ["one", "two", "two"]
    assert house.steps.keys[1] == house.steps.keys[2]


async def test_a_sleeping_run_wakes_in_the_next_process(house: PostgresHouse) -> None:
    run = await house.start(flow("nap: {type: wait.for, with: {duration: 1h}}"))
    await house.engine.drive_until_idle()
    assert [timer.run for timer in await house.store.timers(2**62, ALL_SHARDS)] == [run]
    await house.crash()
    house.clock.ahead = 2 * 3600 * 1_000_000
    engine = await house.open()
    assert (await engine.wait(run)).state == "succeeded"
    assert await house.store.timers(2**62, ALL_SHARDS) == []


async def test_a_fenced_engine_writes_nothing_more(house: PostgresHouse, postgres_url: str) -> None:
    other = await PostgresStore.open(postgres_url)
    await own_all(other, lease=0)
    before = await other.runs(RunQuery())
    starting = asyncio.create_task(house.start(CHAIN))
    await asyncio.wait([starting], timeout=1)
    assert await other.runs(RunQuery()) == before == []
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await other.close()
