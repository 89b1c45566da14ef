"""How batches are written to PostgreSQL: the guilty write alone is refused, and a conflict is nobody's fault."""

import asyncio

import asyncpg
import pytest

from auraos.engine.ports import (
    ALL_SHARDS,
    LogLine,
    RequestRow,
    RunQuery,
    Subscription,
    Timer,
    WriteRefusedError,
)
from auraos.storage.migrations import DatabaseNewerError, DatabaseOlderError
from auraos.storage.postgres import PostgresStore, migrate
from auraos.storage.postgres.address import DatabaseAddressError
from auraos.storage.postgres.statement import PARTS, statement_of
from postgres_server import until_found, until_waiting
from rows_for_tests import row, started, write
from stores import own_all

pytestmark = pytest.mark.usefixtures("postgres_url")


@pytest.fixture
def kind() -> str:
    return "postgres"


async def test_among_many_writes_only_the_guilty_ones_are_refused(store: PostgresStore) -> None:
    await store.commit(started("r0", 1000))
    guilty = {17, 40, 41}
    batch = [
        write("r0", 1, count=1, facts=b"again") if number in guilty else started(f"r{number + 1}", number + 1)
        for number in range(60)
    ]
    outcomes = await asyncio.gather(*map(store.commit, batch), return_exceptions=True)
    assert {place for place, outcome in enumerate(outcomes) if outcome is not None} == guilty
    assert all(isinstance(outcomes[place], WriteRefusedError) for place in guilty)
    assert len(await store.runs(RunQuery(limit=100))) == 58


async def test_a_deadlock_is_resolved_by_writing_again(
    store: PostgresStore, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Another transaction holds one request and wants the other; ours is the victim, and nobody hears of it."""
    caplog.set_level("INFO", "auraos.storage")
    requests = [RequestRow("q1", "r9", "start", b""), RequestRow("q2", "r9", "start", b"")]
    await store.commit(write("r1", 1, requests=requests))
    other = await asyncpg.connect(postgres_url)
    looker = await asyncpg.connect(postgres_url)
    await other.execute("set deadlock_timeout = '60s'")
    async with other.transaction():
        await other.execute("update requests set kind = 'x' where id = 'q1'")
        commit = store.commit(write("r9", 1, count=1, facts=b"x", answered=["q1"], refused=[("q2", b"no")]))
        await until_waiting(looker, "refused_part")
        await other.execute("update requests set kind = 'x' where id = 'q2'")
    await commit
    assert any(record.message == "store.conflict" for record in caplog.records)
    assert await store.requests(ALL_SHARDS) == []
    assert await store.answer("q2") == b"no"
    assert len(await store.journal("r9")) == 1
    await other.close()
    await looker.close()


async def test_writes_of_one_run_that_wait_together_keep_their_order(store: PostgresStore) -> None:
    commits = [store.commit(started())]
    commits += [store.commit(write(seq=seq, count=1, facts=b"%d" % seq)) for seq in range(2, 6)]
    commits.append(store.commit(write(seq=6, row=row(state="succeeded", finished_at=30))))
    await asyncio.gather(*commits)
    assert [batch.seq for batch in await store.journal("r1")] == [1, 2, 3, 4, 5]
    found = await store.find("r1")
    assert found is not None
    assert found.state == "succeeded"


async def test_what_meets_in_one_write_comes_out_as_if_written_one_after_the_other(
    store: PostgresStore,
) -> None:
    await store.commit(
        write(
            seq=1,
            timers=[Timer("r1", "a", "t", 1), Timer("r1", "a", "t", 2)],
            stopped=[("a", "t")],
            subscriptions=[Subscription("r1", "a", "paid")],
            unsubscribed=[("a", "paid")],
            requests=[RequestRow("q1", "r2", "start", b""), RequestRow("q2", "r2", "start", b"")],
            answered=["q1"],
            refused=[("q2", b"no")],
        )
    )
    assert await store.timers(10, ALL_SHARDS) == [Timer("r1", "a", "t", 2)]
    assert await store.subscribers("paid", "default") == [Subscription("r1", "a", "paid")]
    assert await store.requests(ALL_SHARDS) == []
    assert await store.answer("q2") == b"no"


async def test_only_what_lies_in_the_asked_shards_is_read(store: PostgresStore) -> None:
    for number in (1, 2):
        run, shard = f"r{number}", number
        await store.commit(
            write(
                run, 1, shard=shard, created=True, row=row(run, number, shard=shard),
                timers=[Timer(run, "a", "t", 5)], requests=[RequestRow(f"q{number}", run, "start", b"", shard)],
            )
        )  # fmt: skip
    assert [found.run for found in await store.awake({2, 3})] == ["r2"]
    assert [found.run for found in await store.timers(10, {1})] == ["r1"]
    assert [found.run for found in await store.requests({2})] == ["r2"]
    assert await store.awake(set()) == []


async def test_numbers_are_given_to_one_process_only(store: PostgresStore, postgres_url: str) -> None:
    other = await PostgresStore.open(postgres_url)
    blocks = await asyncio.gather(*(each.numbers("default") for each in (store, other) for _ in range(5)))
    numbers = [number for block in blocks for number in block]
    assert len(set(numbers)) == len(numbers) == 1000
    assert min(numbers) == 1
    await other.close()


async def test_lines_of_a_run_that_moved_keep_their_order(store: PostgresStore, postgres_url: str) -> None:
    other = await PostgresStore.open(postgres_url)
    await own_all(other)
    for place, each in enumerate((store, other, store)):
        line = LogLine(run="r1", path="a", attempt=1, at=place, level="info", message=str(place))
        await each.commit(write(seq=place + 1, logs=[line]))
    assert [line.message for line in await store.logs("r1")] == ["0", "1", "2"]
    await other.close()


async def test_another_process_hears_of_requests_for_its_shards(
    store: PostgresStore, postgres_url: str
) -> None:
    heard: asyncio.Queue[frozenset[int]] = asyncio.Queue()
    listener = await PostgresStore.open(postgres_url)
    await listener.hints(heard.put_nowait, lambda: {7, 8})
    await store.hints(lambda shards: None, lambda: ALL_SHARDS - {7, 8})
    await store.commit(write(seq=1, requests=[RequestRow("q1", "r9", "start", b"", 3)]))
    await store.commit(write(seq=2, requests=[RequestRow("q2", "r9", "start", b"", 7)]))
    assert await asyncio.wait_for(heard.get(), 20) == {7}
    assert heard.empty()
    await listener.close()


async def test_hints_come_again_after_the_connection_was_lost(
    store: PostgresStore, postgres_url: str
) -> None:
    heard: asyncio.Queue[frozenset[int]] = asyncio.Queue()
    listener = await PostgresStore.open(postgres_url)
    await listener.hints(heard.put_nowait, lambda: {7})
    outside = await asyncpg.connect(postgres_url)
    ended = await outside.fetch(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'auraos hints%'"
    )
    assert len(ended) == 1
    await until_found(
        outside, "select count(*) from pg_stat_activity where application_name like 'auraos hints%'"
    )
    await store.commit(write(seq=1, requests=[RequestRow("q1", "r9", "start", b"", 7)]))
    assert await asyncio.wait_for(heard.get(), 20) == {7}
    await outside.close()
    await listener.close()


async def test_every_part_of_the_statement_reaches_rows_by_their_keys(postgres_url: str) -> None:
    """Even on empty tables without statistics no part of the plan may read a whole table."""
    connection = await asyncpg.connect(
        postgres_url,
        server_settings={"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"},
    )
    types = ", ".join(
        "bytea[]" if kind == "bytea" else "text" for part in PARTS.values() for kind in part.types
    )
    await connection.execute(
        f"set plan_cache_mode = force_generic_plan; prepare all_parts(text, text, {types}) as {statement_of(PARTS)}"
    )
    nulls = ", ".join(["null"] * (2 + sum(len(part.types) for part in PARTS.values())))
    plan = "\n".join(found[0] for found in await connection.fetch(f"explain execute all_parts({nulls})"))
    await connection.close()
    assert "Seq Scan" not in plan
    assert "Index" in plan


async def test_a_page_of_work_costs_no_more_in_a_full_database(
    store: PostgresStore, postgres_url: str
) -> None:
    """What the owner looks for is found by an index that holds little else, before the server has counted its rows."""
    outside = await asyncpg.connect(postgres_url)
    await outside.execute(
        "insert into runs select 'r' || g, 'default', g, 'w', 'v', 'x', 1, 1, case when g > 20 then 2 end, '', '', '', '',"
        " false, g > 10, g % 256 from generate_series(1, 20000) g;"
        "insert into timers select 'r' || g, 'a', 't', g, 'default', g % 256 from generate_series(1, 20000) g;"
        "insert into requests select 'q' || g, 'r', 'start', 'default', '', g % 256, case when g > 10 then ''::bytea end"
        " from generate_series(1, 20000) g"
    )
    before = await rows_read(outside)
    assert len(await store.awake(ALL_SHARDS)) == 10
    assert len(await store.awake({1, 2, 3})) == 3
    assert len(await store.timers(10, ALL_SHARDS)) == 10
    assert len(await store.requests(ALL_SHARDS)) == 10
    await store.close()  # the server counts what a connection read once it ends
    async with asyncio.timeout(20):
        while (read := await rows_read(outside)) == before:  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.05)
    await outside.close()
    assert read - before < 1000


async def rows_read(connection: asyncpg.Connection) -> int:
    await connection.execute("select pg_stat_clear_snapshot()")
    return int(
        await connection.fetchval(
            "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables"
            " where relname in ('runs', 'timers', 'requests')"
        )
    )


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql:", "nonsense", ""])
async def test_an_address_that_is_none_is_refused_in_words(url: str) -> None:
    with pytest.raises(DatabaseAddressError, match="not one of PostgreSQL") as caught:
        await PostgresStore.open(url)
    assert "postgresql://" in caught.value.hint


async def test_a_database_that_is_not_there_is_refused_without_telling_the_password(
    postgres_url: str,
) -> None:
    url = postgres_url.replace("postgres@", "postgres:geheim@").replace("/test_", "/no_such_")
    with pytest.raises(DatabaseAddressError, match="does not exist") as caught:
        await PostgresStore.open(url)
    assert "geheim" not in str(caught.value)


async def test_tables_of_another_release_are_refused(postgres_url: str) -> None:
    outside = await asyncpg.connect(postgres_url)
    await outside.execute("insert into migrations(number, name) values(99, 'of tomorrow')")
    for attempt in (PostgresStore.open, migrate):
        with pytest.raises(DatabaseNewerError, match="its schema is 99"):
            await attempt(postgres_url)
    await outside.execute("delete from migrations")
    with pytest.raises(DatabaseOlderError, match="schema 0"):
        await PostgresStore.open(postgres_url)
    await outside.close()
