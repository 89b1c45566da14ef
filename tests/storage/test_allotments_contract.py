"""The ledgers of pools: changed by whoever read the last version, and others are told when they can do something about it."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from auraos.engine.allotments import Ledger, Share
from auraos.engine.owning import Owner
from auraos.engine.ports import StoreUnavailableError
from auraos.storage.postgres.address import Address
from auraos.storage.postgres.allotments import PostgresAllotments
from auraos.storage.postgres.ownership import PostgresOwnership

MINE = {
    "a": Share(
        most=3, units=2, demand=5, first=1, level=5, since=1.5, longest=60, host="h", process=7, boot="b"
    )
}


class Rows:
    """The rows of one database, as several processes see them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opened: list[PostgresAllotments] = []

    def process(self) -> PostgresAllotments:
        self._opened.append(PostgresAllotments(Address(self.url)))
        return self._opened[-1]

    async def close(self) -> None:
        for each in self._opened:
            await each.close()


@pytest.fixture
async def rows(postgres_url: str) -> AsyncIterator[Rows]:
    made = Rows(postgres_url)
    yield made
    await made.close()


async def test_a_ledger_that_nobody_wrote_is_empty_and_what_is_written_is_read(rows: Rows) -> None:
    here = rows.process()
    assert (await here.read(["erp"])).pools == {"erp": Ledger({}, 0)}
    assert await here.write("erp", 0, MINE, hint=False)
    assert (await here.read(["erp", "cpu"])).pools == {"erp": Ledger(MINE, 1), "cpu": Ledger({}, 0)}


async def test_only_the_last_version_is_replaced(rows: Rows) -> None:
    here, there = rows.process(), rows.process()
    assert await here.write("erp", 0, MINE, hint=True)
    assert not await there.write("erp", 0, {}, hint=True)
    assert await there.write("erp", 1, {}, hint=True)
    assert not await here.write("erp", 1, MINE, hint=False)
    assert (await here.read(["erp"])).pools["erp"] == Ledger({}, 2)


async def test_of_many_who_write_at_once_one_is_heard_at_a_time(rows: Rows) -> None:
    processes = [rows.process() for _ in range(6)]

    async def add(number: int) -> int:
        tries = 0
        while True:
            tries += 1
            ledger = (await processes[number].read(["erp"])).pools["erp"]
            if await processes[number].write(
                "erp", ledger.version, {**ledger.shares, f"p{number}": Share(most=number)}, hint=False
            ):
                return tries

    tries = await asyncio.gather(*(add(number) for number in range(6)))
    ledger = (await processes[0].read(["erp"])).pools["erp"]
    assert {token: share.most for token, share in ledger.shares.items()} == {f"p{n}": n for n in range(6)}
    assert ledger.version == 6
    assert sum(tries) > 6


async def test_the_owners_and_the_time_are_those_of_the_database(rows: Rows) -> None:
    ownership = PostgresOwnership(Address(rows.url))
    await ownership.join(Owner(token="a"))
    here = rows.process()
    first, second = await here.read(["erp"]), await here.read(["erp"])
    await ownership.leave("a")
    assert first.owners == {"a"}
    assert (await here.read(["erp"])).owners == frozenset()
    assert first.now < second.now < first.now + 20
    await ownership.close()


async def test_others_hear_of_a_write_with_a_hint_once_it_is_done_and_of_no_other(rows: Rows) -> None:
    here, there = rows.process(), rows.process()
    heard: list[str] = []
    told = asyncio.Event()

    def hear() -> None:
        heard.append("there")
        told.set()

    await there.listen(hear)
    await here.listen(lambda: heard.append("here"))
    assert await here.write("erp", 0, MINE, hint=False)
    assert not await here.write("erp", 0, MINE, hint=True)
    assert await here.write("erp", 1, {}, hint=True)
    async with asyncio.timeout(10):
        await told.wait()
    await here.read(["erp"])
    assert heard == ["there"]


async def test_after_a_lost_connection_it_says_so_once_and_then_hears_again(rows: Rows) -> None:
    here, there = rows.process(), rows.process()
    told = asyncio.Event()
    await there.listen(told.set)
    connection = await asyncpg.connect(rows.url)
    await connection.fetch(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'auraos pools%'"
    )
    await connection.close()
    async with asyncio.timeout(20):
        while True:
            try:
                await there.read(["erp"])
            except StoreUnavailableError:
                continue
            break
    assert await here.write("erp", 0, MINE, hint=True)
    async with asyncio.timeout(10):
        await told.wait()
