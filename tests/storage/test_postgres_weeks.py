"""The large tables of PostgreSQL by weeks: the disk gets the room of old weeks back, and nothing else goes or waits for long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import msgspec
import pytest

from auraos.engine.clock import uuid7
from auraos.engine.ports import LogLine, Snapshot, StoreUnavailableError, Write
from auraos.storage.postgres import PostgresStore, migrate, weeks
from auraos.storage.postgres.dumping import open_dump
from auraos.storage.postgres.weeks import TABLES, Week, Weeks, weeks_of
from postgres_server import PostgresServer, until_found
from rows_for_tests import row, started, write
from stores import own_all

NOW = datetime.now(tz=UTC)
LATER = NOW + timedelta(days=15)
PROSE = Random(1).randbytes(3_000)


@pytest.fixture(autouse=True)
def small_parts_are_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weeks, "WORTHWHILE", 0)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(postgres_url)
    await own_all(store)
    yield store
    await store.close()


@pytest.fixture
async def looker(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


def born(number: int, at: datetime = NOW) -> str:
    return uuid7(round(at.timestamp() * 1000), number, number)


def whole(run: str, number: int) -> Write:
    """Return a start with rows in all of the large tables."""
    line = LogLine(run=run, path="a", attempt=1, at=1, level="info", message="m")
    return msgspec.structs.replace(
        started(run, number),
        facts=PROSE,
        results=[("a", 0)],
        logs=[line],
        snapshot=Snapshot(1, "s", b"state"),
    )


def end(run: str, number: int, **other: Any) -> Write:
    return write(run, 2, count=1, facts=PROSE, row=row(run, number, state="failed", finished_at=20), **other)


async def content(store: PostgresStore, run: str) -> tuple[Any, ...]:
    return await store.journal(run), await store.results(run), await store.logs(run), await store.read([run])


async def parts(looker: asyncpg.Connection, table: str) -> list[str]:
    sql = "select inhrelid::regclass::text from pg_inherits where inhparent = $1::regclass order by 1"
    return [row[0] for row in await looker.fetch(sql, table)]


async def rows_in(looker: asyncpg.Connection, part: str) -> int:
    return int(await looker.fetchval(f"select count(*) from {part}"))


async def size(looker: asyncpg.Connection, table: str) -> int:
    sql = "select sum(pg_total_relation_size(relid)) from pg_partition_tree($1::regclass)"
    return int(await looker.fetchval(sql, table))


async def leave_few(store: PostgresStore, count: int) -> list[str]:
    """Let runs come in this week, and delete most; return those that are left: two that are over and one that is not."""
    runs = [born(number) for number in range(count)]
    for number, run in enumerate(runs, 1):
        await store.commit(whole(run, number))
        if number != 2:
            await store.commit(end(run, number))
    await store.commit(write("", 0, pruned=runs[3:]))
    return runs[:3]


def test_a_week_begins_on_monday_and_ids_of_its_time_lie_in_it() -> None:
    week = Week.of(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert week.part_of("journal") == "journal_20251229"
    sunday = datetime(2026, 1, 4, 23, 59, 59, 999_000, tzinfo=UTC)
    last, first = born(0xFFF, sunday), born(0, sunday + timedelta(milliseconds=1))
    assert week.first_id <= born(0, week.begins) < last < week.next.first_id <= first
    assert weeks_of([last[:6], first[:6]]) == [week.next, week]
    assert weeks_of(["019b79"]) == [week]


async def test_the_rows_of_a_run_lie_in_its_week_and_those_of_other_ids_apart(
    store: PostgresStore, looker: asyncpg.Connection
) -> None:
    week = Week.of(NOW)
    names = (born(1), "order-17", "00-import", "01-import")
    for number, run in enumerate(names, 1):
        await store.commit(whole(run, number))
    for table in TABLES:
        for part in (week.part_of(table), f"{table}_high", f"{table}_low", f"{table}_other"):
            assert await rows_in(looker, part) == 1
    for run in names:
        assert all(await content(store, run))


async def test_a_week_of_which_nothing_is_left_is_dropped_once_it_is_over(
    store: PostgresStore, looker: asyncpg.Connection
) -> None:
    week, runs = Week.of(NOW), [born(number) for number in range(300)]
    empty = await size(looker, "journal")
    for start in range(0, 300, 100):
        await asyncio.gather(
            *(store.commit(whole(run, n)) for n, run in enumerate(runs[start : start + 100], start + 1))
        )
    await asyncio.gather(*(store.commit(end(run, number)) for number, run in enumerate(runs, 1)))
    assert await size(looker, "journal") > empty + 300 * len(PROSE)
    await store.commit(write("", 0, pruned=runs))
    await store.tidy(round(NOW.timestamp() * 1e6))
    assert week.part_of("journal") in await parts(looker, "journal")
    await store.tidy(round(LATER.timestamp() * 1e6))
    for table in TABLES:
        assert week.part_of(table) not in await parts(looker, table)
    assert await size(looker, "journal") <= empty + 10 * 65_536
    await store.commit(whole(runs[0], 1))
    assert all(await content(store, runs[0]))


async def test_what_is_left_of_a_week_stays_whole_and_goes_on_while_the_room_of_the_others_comes_back(
    store: PostgresStore, looker: asyncpg.Connection
) -> None:
    week = Week.of(NOW)
    left = await leave_few(store, 60)
    before = [await content(store, run) for run in left]
    was = await size(looker, week.part_of("journal"))
    await store.tidy(round(LATER.timestamp() * 1e6))
    assert [await content(store, run) for run in left] == before
    assert await size(looker, week.part_of("journal")) < was / 2
    assert not [part for part in await parts(looker, "journal") if part.endswith("_new")]
    await store.commit(end(left[1], 2, results=[("b", 0)]))
    assert [batch.seq for batch in await store.journal(left[1])] == [1, 2]
    again = await asyncio.gather(store.commit(whole(left[0], 70)), return_exceptions=True)
    assert "write-refused" in getattr(again[0], "code", "")
    await store.commit(write("", 0, pruned=left))
    await store.tidy(round(LATER.timestamp() * 1e6))
    assert week.part_of("journal") not in await parts(looker, "journal")


async def test_rows_that_came_before_their_week_had_a_part_move_into_it(
    store: PostgresStore, looker: asyncpg.Connection
) -> None:
    far = NOW + timedelta(days=365)
    run = born(1, far)
    await store.commit(whole(run, 1))
    before = await content(store, run)
    assert await rows_in(looker, "journal_other") == 1
    await store.tidy(round(far.timestamp() * 1e6))
    assert await rows_in(looker, "journal_other") == 0
    assert await rows_in(looker, Week.of(far).part_of("journal")) == 1
    assert await content(store, run) == before


async def test_a_backup_that_reads_sees_all_and_the_weeks_wait_for_it(
    postgres_url: str, store: PostgresStore, looker: asyncpg.Connection
) -> None:
    week = Week.of(NOW)
    await leave_few(store, 30)
    async with open_dump(postgres_url) as dump:
        assert (await dump.counts())[0] == 3
        await store.tidy(round(LATER.timestamp() * 1e6))
        copied = b"".join([piece async for piece in dump.rows("journal")])
        assert copied.count(PROSE) == 5
    was = await size(looker, week.part_of("journal"))
    await store.tidy(round(LATER.timestamp() * 1e6))
    assert await size(looker, week.part_of("journal")) < was


async def test_a_part_is_left_alone_when_a_run_of_it_goes_while_it_is_copied(
    postgres_url: str, store: PostgresStore, looker: asyncpg.Connection
) -> None:
    left = await leave_few(store, 30)
    before = await content(store, left[1])

    class Pruning(Weeks):
        async def _be_short(self) -> None:
            await store.commit(write("", 0, pruned=[left[0]]))
            await super()._be_short()

    connection = await asyncpg.connect(postgres_url)
    await Pruning(connection).tidy(LATER)
    await connection.close()
    assert await store.journal(left[0]) == []
    assert await content(store, left[1]) == before
    assert not [name for name in await parts(looker, "journal") if name.endswith("_new")]


class CutOffError(Exception):
    """The process is gone."""


def dying_at(number: int) -> type[asyncpg.Connection]:
    """Return a kind of connection that is cut off when this statement is on its way."""
    left = [number]

    class Dying(asyncpg.Connection):
        async def _execute(self, *arguments: Any, **options: Any) -> Any:
            self._count()
            return await super()._execute(*arguments, **options)

        async def execute(self, *arguments: Any, **options: Any) -> str:
            self._count()
            return await super().execute(*arguments, **options)

        def _count(self) -> None:
            left[0] -= 1
            if left[0] == 0:
                self.terminate()
                raise CutOffError

    return Dying


async def test_whatever_statement_it_is_cut_off_at_all_rows_are_there_and_the_next_one_ends_the_work(
    postgres_url: str, store: PostgresStore, looker: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weeks, "TABLES", ("journal",))
    week, far = Week.of(NOW), born(99, LATER + timedelta(days=40))
    left = [*await leave_few(store, 20), far]
    await store.commit(whole(far, 99))
    before = [await content(store, run) for run in left]
    was = await size(looker, week.part_of("journal"))
    number, cuts = 0, 0
    while True:
        number += 1
        connection = await asyncpg.connect(postgres_url, connection_class=dying_at(number))
        try:
            await Weeks(connection).tidy(LATER + timedelta(days=7))
            break
        except (CutOffError, asyncpg.InterfaceError):
            cuts += 1
        finally:
            await connection.close()
        await until_found(looker, "select not exists(select from pg_locks where locktype = 'advisory')")
        assert [await content(store, run) for run in left] == before
    assert cuts > 25
    assert [await content(store, run) for run in left] == before
    assert await size(looker, week.part_of("journal")) < was


async def test_writers_go_on_and_lose_nothing_while_weeks_are_made_dropped_and_moved(
    postgres_url: str, store: PostgresStore, looker: asyncpg.Connection
) -> None:
    left = await leave_few(store, 30)
    told = asyncio.Event()
    written: list[tuple[str, int]] = []

    async def keep_writing(run: str, number: int) -> None:
        seq = 1
        while not told.is_set():
            seq += 1
            await store.commit(write(run, seq, count=1, facts=b"{}", results=[(f"p{seq}", 0)]))
        written.append((run, seq))

    fresh = born(77, LATER)
    await store.commit(whole(fresh, 77))
    writing = [asyncio.create_task(keep_writing(run, n)) for n, run in enumerate((left[1], fresh))]
    for days in range(0, 60, 5):
        await store.tidy(round((NOW + timedelta(days=days)).timestamp() * 1e6))
    told.set()
    await asyncio.gather(*writing)
    assert {run for run, _ in written} == {left[1], fresh}
    for run, seq in written:
        assert [batch.seq for batch in await store.journal(run)] == list(range(1, seq + 1))
        assert len(await store.results(run)) == seq


async def test_one_that_stands_still_in_the_midst_of_a_change_holds_writers_up_for_a_moment_only(
    postgres_url: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, stands, goes_on = born(1), asyncio.Event(), asyncio.Event()
    await store.commit(whole(left, 1))
    drop = Weeks._drop

    async def stand_still(self: Weeks, table: str, week: Week) -> None:
        async with self._connection.transaction():
            await self._connection.execute(f"lock table {table} in access exclusive mode")
            stands.set()
            await goes_on.wait()
        await drop(self, table, week)

    monkeypatch.setattr(Weeks, "_drop", stand_still)
    tidying = asyncio.create_task(store.tidy(round(LATER.timestamp() * 1e6)))
    await stands.wait()
    async with asyncio.timeout(20):
        await store.commit(end(left, 1))
    goes_on.set()
    (error,) = await asyncio.gather(tidying, return_exceptions=True)
    assert isinstance(error, StoreUnavailableError)
    assert [batch.seq for batch in await store.journal(left)] == [1, 2]


async def test_of_processes_that_tidy_at_once_one_does_it(
    store: PostgresStore, postgres_url: str, looker: asyncpg.Connection
) -> None:
    await leave_few(store, 20)
    others = [await PostgresStore.open(postgres_url) for _ in range(3)]
    now = round(LATER.timestamp() * 1e6)
    await asyncio.gather(*(each.tidy(now) for each in (store, *others)))
    for other in others:
        await other.close()
    assert len(await parts(looker, "journal")) == len(await parts(looker, "snapshots"))


async def test_a_new_database_has_the_parts_of_the_next_weeks(postgres: PostgresServer) -> None:
    url = await postgres.create()
    await migrate(url)
    connection = await asyncpg.connect(url)
    assert len(await parts(connection, "journal")) == 3 + 2 + weeks.AHEAD
    await connection.close()
    await postgres.drop(url)
