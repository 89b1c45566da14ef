"""Calls whose caller and called run are led by two processes on one database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from engine_house import House, NoDoor, flow

from auraos.core.run.identity import home_of, keyed_run_id
from auraos.engine.context import Doors
from auraos.engine.engine import Engine, RequestRefusedError
from auraos.engine.owning import Owner
from auraos.engine.ports import ALL_SHARDS, RunQuery
from auraos.engine.shards import Shards
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.postgres import PostgresStore

LOW = frozenset(range(128))
WAITING = flow("paid: {type: wait.signal, with: {name: paid}}", name="charge")
CALLER = flow(
    'ask: {type: call, key: "{{ input.order }}", with: {workflow: charge, input: {n: 7}}}', name="shop"
)


class HalfHouse(House):
    """A process that owns some of the shards; blobs lie in a folder that both have."""

    def __init__(self, path: Path, url: str, shards: Collection[int], blobs: LocalBlobs) -> None:
        super().__init__(path)
        self.url, self.shards, self.blobs = url, frozenset(shards), blobs

    async def begin(self) -> None:
        self.folder = DataFolder.claim(self.path)
        self.store = await PostgresStore.open(self.url)
        ownership = self.store.ownership()
        await ownership.join(Owner(token=self.store.token))
        await ownership.take(self.store.token, self.shards, lease=60)
        await ownership.close()
        nowhere: Any = NoDoor()
        doors = Doors(http=nowhere, secrets=nowhere, sandbox=nowhere, blobs=self.blobs, redact=self.redact)
        self.engine = Engine(
            self.store,
            self.catalogue,
            self.definitions,
            doors,
            clock=self.clock,
            shards=Shards(are_shared=True),
        )
        await self.engine.open()
        self.engine.moves.take_up(self.shards)
        await self.engine.moves.settled()


@pytest.fixture
async def houses(tmp_path: Path, postgres_url: str) -> AsyncIterator[tuple[HalfHouse, HalfHouse]]:
    blobs = LocalBlobs(tmp_path / "blobs")
    low = HalfHouse(tmp_path / "low", postgres_url, LOW, blobs)
    high = HalfHouse(tmp_path / "high", postgres_url, ALL_SHARDS - LOW, blobs)
    for house in (low, high):
        await house.begin()
    yield low, high
    for house in (low, high):
        await house.close()


def order_at_home_in(shards: Collection[int]) -> str:
    """Return an order whose run lives in one of these shards."""
    orders = (f"o{number}" for number in range(100))
    return next(one for one in orders if home_of(keyed_run_id("default", "charge", f'"{one}"')) in shards)


async def until(is_so: Callable[[], Awaitable[Any]]) -> Any:
    """Return what this gives once it is something: what another process does, nothing tells."""
    async with asyncio.timeout(20):
        while not (found := await is_so()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def stands(house: House, run: str, state: str) -> bool:
    row = await house.store.find(run)
    return row is not None and row.state == state


async def all_joined(house: House, run: str, count: int) -> bool:
    return (await house.kinds(run)).count("CallJoined") == count


async def test_callers_of_two_processes_await_one_run_and_are_told_of_its_end(
    houses: tuple[HalfHouse, HalfHouse],
) -> None:
    order = order_at_home_in(ALL_SHARDS - LOW)
    called = keyed_run_id("default", "charge", f'"{order}"')
    runs = []
    for house in houses:
        house.definitions.add(WAITING)
        runs += [
            await house.engine.start(house.definitions.add(CALLER), input={"order": order}) for _ in range(3)
        ]
    low, high = houses
    await until(lambda: stands(high, called, "waiting"))
    await until(lambda: all_joined(high, called, 5))
    await high.engine.cancel(runs[-1])
    await high.engine.signal(called, "paid", data={"sum": 3})
    ended = await asyncio.gather(
        *(low.engine.wait(run) for run in runs[:3]), *(high.engine.wait(run) for run in runs[3:])
    )
    assert [each.state for each in ended] == ["succeeded"] * 5 + ["cancelled"]
    assert {str(each.output["data"]) for each in ended[:5]} == {"{'sum': 3}"}
    later = await low.engine.run(low.definitions.add(CALLER), input={"order": order})
    assert later.output["data"] == {"sum": 3}
    rows = await low.store.runs(RunQuery(workflow="charge", parent=runs[0]))
    assert len(rows) <= 1
    assert await low.store.requests(ALL_SHARDS) == []


async def test_a_called_workflow_with_a_limit_tells_its_caller_in_another_process(
    houses: tuple[HalfHouse, HalfHouse],
) -> None:
    limited = flow(
        "paid: {type: wait.signal, with: {name: paid}}",
        name="charge",
        extra="  settings: {concurrency: {limit: 9}}\n",
    )
    plain = flow("ask: {type: call, with: {workflow: charge}}", name="shop")
    ended, cancelled = [], []
    for house in houses:
        house.definitions.add(limited)
        version = house.definitions.add(plain)
        ended.append(await house.engine.start(version))
        cancelled.append(await house.engine.start(version))
    for house, runs in zip(houses, zip(ended, cancelled, strict=True), strict=True):
        called = []
        for run in runs:
            (row,) = await until(partial(house.store.runs, RunQuery(parent=run)))
            called.append(row.run)
            await until(partial(stands, house, row.run, "waiting"))
        await house.engine.signal(called[0], "paid")
        await house.engine.cancel(runs[1])
        async with asyncio.timeout(20):
            assert (await house.engine.wait(runs[0])).state == "succeeded"
            assert (await house.engine.wait(runs[1])).state == "cancelled"
            assert (await house.engine.wait(called[1])).state == "cancelled"


async def test_a_run_is_moved_by_the_process_that_leads_it_whichever_is_asked(
    houses: tuple[HalfHouse, HalfHouse],
) -> None:
    low, high = houses
    other = WAITING.replace("paid: {", "money: {")
    run = await low.start(WAITING)
    await low.engine.drive_until_idle()
    found = await high.engine.check_move(run, high.definitions.add(other), steps={"paid": "money"})
    assert [(fate.path, fate.becomes) for fate in found.fates] == [("paid", "kept")]
    with pytest.raises(RequestRefusedError, match="by this version already"):
        await high.engine.move(run, high.definitions.add(WAITING))
    made = await high.engine.move(run, high.definitions.add(other), steps={"paid": "money"}, by="ann")
    old, new = await high.store.find(run), await high.store.find(made)
    assert old is not None
    assert new is not None
    assert (old.state, new.shard) == ("moved", old.shard)
    await high.engine.signal(made, "paid", data=1)
    assert (await high.engine.wait(made)).state == "succeeded"
