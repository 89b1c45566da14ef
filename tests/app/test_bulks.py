"""A wish for many runs outlives the process that began with it, and nothing is done twice."""

import asyncio

import msgspec
import pytest

from auraos.app.bulk.bulks import Bulks
from auraos.app.bulk.deeds import do
from auraos.app.bulk.selecting import Which
from auraos.app.runs.runs import Asking
from auraos.engine.ports import RunQuery
from auraos.security.row_store import Replace
from auraos.storage.tables.bulk_rows import Bulk, BulkRun, Deed
from auraos.storage.tables.bulks import BulkTables
from houses import House
from kept_definitions import ANN, definitions_over, published
from kept_runs import runs_over

FAILS = "kind: workflow\nname: fails\nspec:\n  steps:\n    a: {type: fail, with: {message: No.}}\n"
ASKING = Asking(actor=ANN)


class Hours:
    """A clock that a test sets forward, and ids in order."""

    def __init__(self) -> None:
        self.time = 1_800_000_000_000_000
        self.ids = 0

    def now(self) -> int:
        return self.time

    def new_id(self) -> str:
        self.ids += 1
        return f"bulk-{self.ids}"


class Stage:
    """Failed runs, and processes that do something to them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.hours = Hours()
        self.definitions = definitions_over(house.store)
        self.runs = runs_over(house, self.definitions)
        self.rows = BulkTables(house.tables)

    def process(self) -> Bulks:
        return Bulks(self.rows, self.runs, self.house.store, now=self.hours.now, new_id=self.hours.new_id)

    async def wish(self, bulks: Bulks, **how: object) -> Bulk:
        deed = Deed(action="retry")
        return await bulks.begin(
            ASKING, "default", deed, await bulks.select("default", deed, Which(), 100, None), **how
        )

    async def count(self) -> int:
        return len(await self.house.store.runs(RunQuery(limit=1000)))


@pytest.fixture
async def stage(house):
    """Thirty failed runs."""
    stage = Stage(house)
    await stage.runs.engine.open()
    await published(stage.definitions, FAILS)
    for _ in range(30):
        await stage.runs.engine.run("fails")
    yield stage
    await stage.runs.engine.close()


async def test_what_a_process_left_is_done_by_the_next_and_nothing_twice(stage):
    first, second = stage.process(), stage.process()
    bulk = await stage.wish(first)
    await first.close()
    left = await first.find("default", bulk.id)
    assert (left.state, left.held_until) == ("running", 0)
    second.start()
    ended = await until_over(second, bulk)
    assert (ended.state, ended.done, await stage.count()) == ("over", 30, 60)
    await second.close()


async def test_a_process_that_died_is_followed_once_its_time_is_up_and_what_it_began_is_not_done_again(stage):
    process = stage.process()
    bulk = await stage.wish(process)
    await process.close()
    runs = await stage.rows.runs(bulk.id, -1, 100, open_only=True)
    dead = await process.find("default", bulk.id)
    held = msgspec.structs.replace(dead, held_until=stage.hours.now() + 1)
    begun = [msgspec.structs.replace(run, became="begun") for run in runs]
    assert await stage.rows.save([Replace(dead, held), *map(Replace, runs, begun)]) is None
    await stage.process().settled(await again(stage, runs[:5], bulk), 0)
    other = stage.process()
    other.start()
    await asyncio.sleep(0)
    assert (await other.find("default", bulk.id)).done == dead.done
    await other.close()
    stage.hours.time += 60_000_000
    third = stage.process()
    third.start()
    ended = await until_over(third, bulk)
    assert (ended.done, ended.refused, ended.unknown, await stage.count()) == (30, 0, 0, 60)
    await third.close()


async def again(stage: Stage, runs: list[BulkRun], bulk: Bulk) -> Bulk:
    """Do it to some runs as a process does that dies before it has written what became of them."""
    for run in runs:
        await do(stage.runs, ASKING, bulk, run.run)
    return bulk


async def test_while_the_engine_holds_nothing_is_refused_and_all_is_done_later(stage):
    stage.runs.engine.hold("restored from a backup")
    process = stage.process()
    bulk = await stage.wish(process)
    told = await process.settled(bulk, 0.2)
    assert (told.state, told.handled) == ("running", 0)
    await stage.runs.engine.open()
    ended = await process.settled(bulk, 20)
    assert (ended.state, ended.done) == ("over", 30)
    await process.close()


async def test_a_stop_is_seen_before_the_next_piece(stage):
    process = stage.process()
    bulk = await stage.wish(process)
    stopped = await process.stop(ASKING, bulk)
    ended = await process.settled(stopped, 10)
    assert ended.state == "stopped"
    assert ended.done in (0, 20)
    await process.go_on(ASKING, ended)
    assert (await process.settled(ended, 10)).done == 30
    await process.close()


async def until_over(bulks: Bulks, bulk: Bulk) -> Bulk:
    """Return a wish once it is over."""
    async with asyncio.timeout(20):
        while (found := await bulks.find("default", bulk.id)).state == "running":
            await bulks.settled(found, 5)
            await asyncio.sleep(0.02)
    return found
