"""The second wall in the tables of runs: who asks sees their workspace, an engine sees the runs of all."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from test_walls_between_workspaces import careless

from auraos.core.gate import Gate
from auraos.engine.cache import CacheRow
from auraos.engine.clock import uuid7
from auraos.engine.ports import (
    ALL_SHARDS,
    Batch,
    GateRow,
    LogLine,
    NotFoundError,
    RequestRow,
    RunQuery,
    Snapshot,
    StoredRun,
    Subscription,
    Timer,
    Version,
    Write,
)
from auraos.security.access.walls import within
from auraos.storage.migrations import MIGRATIONS
from auraos.storage.migrations.m0002_walls_of_runs import TABLES
from auraos.storage.postgres import PostgresStore, migrate
from auraos.storage.postgres.cleaning import CleaningStore
from auraos.storage.postgres.readers import IN_ORDER, numbered
from auraos.storage.postgres.weeks import Weeks
from auraos.storage.reads import Reads
from postgres_server import PostgresServer
from rows_for_tests import row
from stores import own_all
from walled_stores import behind_walls, owned_by_a_mere_user, root_of

NOW = datetime.now(tz=UTC)
RUNS = {"one": uuid7(round(NOW.timestamp() * 1000), 1, 1), "two": uuid7(round(NOW.timestamp() * 1000), 2, 2)}
MANY = """insert into runs select '0190' || lpad(n::text, 6, '0'), case n % 3 when 0 then 'one' else 'three' end, n + 500,
    'w', 'v', case n % 9 when 0 then 'failed' else 'succeeded' end, n, n, n, '', '', '', '', false, false, 0
    from generate_series(1, 3000) n"""
VALUES = {"bigint": 1, "boolean": False, "bytea": b"{}", "tsvector": ""}


@pytest.fixture(params=["superuser", "owner"])
async def url(request, postgres: PostgresServer, postgres_url: str) -> str:
    """Return the address of a database as a superuser opens it, or the mere owner of the tables."""
    return postgres_url if request.param == "superuser" else (await owned_by_a_mere_user(postgres))


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    """Return a store with rows of two workspaces in all tables of runs."""
    store = await PostgresStore.open(url)
    await own_all(store)
    for workspace in RUNS:
        await store.commit(whole(workspace))
        assert await store.numbers(workspace) == range(2, 102)
    yield store
    await store.close()


@pytest.fixture
async def root(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(root_of(url))
    yield connection
    await connection.close()


def whole(workspace: str, **other: Any) -> Write:
    """Return the start of a run that writes to all tables of runs."""
    run = RUNS[workspace]
    given = {
        "row": row(run, 1, workspace=workspace),
        "results": [("a", 0)],
        "timers": [Timer(run, "a", "t", 5)],
        "subscriptions": [Subscription(run, "a", "paid")],
        "requests": [RequestRow(f"ask-{workspace}", run, "signal", b"x")],
        "logs": [LogLine(run=run, path="a", attempt=1, at=1, level="info", message=workspace)],
        "versions": [Version(hash=f"v-{workspace}", kind="workflow", name="w", text=workspace)],
        "snapshot": Snapshot(1, "s", b"state"),
        "gates": [GateRow(run=run, gate=Gate(name=f"g-{workspace}", setting="s", key="k", limit=1), born=1)],
        "cached": [CacheRow("key", 10, workspace.encode())],
    }
    return Write(workspace=workspace, run=run, seq=1, count=1, facts=b"{}", created=True, **(given | other))


class Nothing:
    """Hides nothing of what is read."""

    async def open_journal(self, run: str, batches: list[Batch]) -> list[Batch]:
        return batches

    async def open_runs(self, found: list[StoredRun]) -> list[StoredRun]:
        return found

    async def open_lines(self, run: str, lines: list[LogLine]) -> list[LogLine]:
        return lines

    async def is_private(self, run: str) -> bool:
        return False


class Forgetful:
    """A reader whose queries forgot in which workspace they look, and which keeps what was asked."""

    def __init__(self, reads: Reads, forget: Callable[[str], str] = careless) -> None:
        self._reader = reads._reader
        self._forget = forget
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], Any], *, page: int = 0
    ) -> Any:
        self.asked.append((sql, parameters))
        return await self._reader.all(self._forget(sql), parameters, make, page=page)


def forgetful(store: PostgresStore, forget: Callable[[str], str] = careless) -> tuple[Reads, Forgetful]:
    """Return what answers those who ask of runs, with queries that were changed, and those queries."""
    shown = store.behind(Nothing())
    reader = shown._reader = Forgetful(shown, forget)
    return shown, reader


async def test_a_list_that_forgets_the_workspace_shows_no_run_of_another_one(store):
    """N04, S01: the where clause is gone, and the wall stands."""
    shown, _ = forgetful(store)
    for workspace, run in RUNS.items():
        with within(workspace):
            assert [each.run for each in await shown.runs(RunQuery(workspace="one"))] == [run]
            assert [each.run for each in await shown.runs(RunQuery(states=("running",)))] == [run]
            assert (await shown.find(run[:8], workspace="one")).run == run
            assert (await shown.find("1", workspace="two")).run == run
            assert [each.run for each in await shown.subscribers("paid", "one")] == [run]
    with within("three"):
        assert await shown.runs(RunQuery(workspace="one")) == []


async def test_what_is_asked_of_a_run_of_another_workspace_by_its_id_is_not_there(store):
    shown = store.behind(Nothing())
    one, two = RUNS.values()
    with within("one"):
        assert await shown.find(one) is not None
        assert (
            len(await shown.journal(one)) == len(await shown.logs(one)) == len(await shown.results(one)) == 1
        )
        assert (await shown.version("v-one")).text == "one"
        assert [each.row.run for each in await shown.read([one, two])] == [one]
        assert [each.run for each in await shown.every_run()] == [one]
        assert (await shown.unfinished()).awake == 1
        assert await shown.find(two) is None
        assert await shown.journal(two) == await shown.logs(two) == await shown.results(two) == []
        assert await shown.version("v-two") is None
        assert await shown.cached("two", "key", 5) is None
        with pytest.raises(NotFoundError):
            await shown.answer("ask-two")


async def test_an_engine_reads_the_runs_of_all_workspaces_also_where_one_of_them_asked_it_to(store):
    """A start that comes in by a request is written and read in the task of that request."""
    one, two = RUNS.values()
    with within("one"):
        assert {each.run for each in await store.awake(ALL_SHARDS)} == {one, two}
        assert {each.run for each in await store.timers(10, ALL_SHARDS)} == {one, two}
        assert {each.run for each in await store.requests(ALL_SHARDS)} == {one, two}
        assert {each.run for each in await store.gates(ALL_SHARDS)} == {one, two}
        assert len(await store.read([one, two])) == 2
        assert len(await store.journal(two)) == 1
        assert await store.cached("two", "key", 5) == b"two"
        assert await store.answer("ask-two") is None
        assert [each.run for each in await store.subscribers("paid", "two")] == [two]
        assert await store.numbers("two") == range(102, 202)


async def test_an_engine_takes_a_run_of_each_workspace_to_its_end_and_away(store):
    ended = {
        workspace: row(run, 1, workspace=workspace, state="failed", finished_at=20, changed_at=20)
        for workspace, run in RUNS.items()
    }
    for workspace, run in RUNS.items():
        await store.commit(
            Write(
                workspace=workspace, run=run, seq=2, count=1, facts=b"{}", row=ended[workspace],
                answered=[f"ask-{workspace}"], left=[(f"g-{workspace}", run)], expired=15,
            )
        )  # fmt: skip
        assert (await store.find(run)).state == "failed"
    assert await store.timers(10, ALL_SHARDS) == await store.requests(ALL_SHARDS) == []
    assert await store.gates(ALL_SHARDS) == []
    assert await store.cached("two", "key", 5) is None
    cleaning = await CleaningStore.open(store._address._url)
    await cleaning.commit(Write(workspace="", run="", seq=0, pruned=list(RUNS.values())))
    await cleaning.close()
    assert await store.every_run() == []
    assert [await store.journal(run) for run in RUNS.values()] == [[], []]


async def test_a_query_without_any_where_sees_in_each_table_its_workspace_alone(url, store, root):
    """The catalogue of the database says which tables there are: a new one is held here without a word."""
    tables = await fill_all(root)
    assert set(TABLES) < tables
    assert len(tables) > len(TABLES) + 20
    for workspace, other in (("one", "two"), ("two", "one")):
        connection = await behind_walls(url, workspace)
        for table in tables:
            seen = {row[0] for row in await connection.fetch(f"select distinct workspace from {table}")}
            assert seen == {workspace}, table
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await connection.execute(
                    f"insert into {table} select (jsonb_populate_record(null::{table}, jsonb_build_object('workspace',"
                    f" $1::text))).* ",
                    other,
                )
        await connection.close()


async def test_a_change_without_any_where_changes_nothing_of_the_runs_of_another_workspace(url, store, root):
    for table in TABLES:
        connection = await behind_walls(url, "one")
        told = await connection.execute(f"delete from {table}")
        await connection.close()
        assert told == "DELETE 1", table
        left = await root.fetch(f"select workspace from {table}")
        assert [row[0] for row in left] == ["two"], table


async def test_who_says_nothing_of_where_they_work_sees_no_run(url, store):
    connection = await behind_walls(url)
    for table in TABLES:
        assert await connection.fetchval(f"select count(*) from {table}") == 0, table
    await connection.close()


async def test_a_part_that_is_named_itself_shows_nothing_of_another_workspace(url, store, root):
    """The mere owner of the tables may name it; whom a superuser becomes may not even do that."""
    connection = await behind_walls(url, "one")
    parts = await parts_with_rows(root)
    assert {table.partition("_")[0] for table in parts} == {"journal", "results", "logs", "snapshots"}
    for part in parts:
        if url == root_of(url):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"select workspace from {part}")
        else:
            found = await connection.fetch(f"select workspace from {part}")
            assert [row[0] for row in found] == ["one"], part
    await connection.close()


async def test_weeks_are_given_back_for_all_workspaces_and_by_nobody_who_sees_only_one(url, store, root):
    """Whoever sees no run of a week must not take it for one that is over and empty."""
    later = NOW + timedelta(days=15)
    before = await parts_with_rows(root)
    for workspace in ("", "one"):
        blind = await asyncpg.connect(url, server_settings={"auraos.workspace": workspace or "nowhere"})
        await Weeks(blind).tidy(later)
        await blind.close()
    await store.tidy(round(later.timestamp() * 1_000_000))
    assert await parts_with_rows(root) == before
    assert len(await store.journal(RUNS["two"])) == 1
    await root.execute("delete from runs")
    await store.tidy(round(later.timestamp() * 1_000_000))
    assert await parts_with_rows(root) == []


async def test_walls_are_built_in_a_database_of_the_release_before_around_what_is_in_it(
    postgres: PostgresServer,
) -> None:
    url = await postgres.create()
    await migrate(url, MIGRATIONS[:1])
    root = await asyncpg.connect(url)
    for workspace, run in RUNS.items():
        await root.execute(
            "insert into journal(run, seq, count, workspace, facts) values($1, 1, 1, $2, '')", run, workspace
        )
    await migrate(url)
    await root.execute(
        "delete from migration_steps where step = 'wall of journal'"
    )  # killed before it was noted
    assert await migrate(url) == []
    connection = await behind_walls(url, "one")
    assert [row[0] for row in await connection.fetch("select workspace from journal")] == ["one"]
    await connection.close()
    bare = "select relname from pg_class where relname ~ '^(journal|logs)_' and relkind = 'r' and not relforcerowsecurity"
    assert await root.fetch(bare) == []
    await root.close()
    await postgres.drop(url)


async def test_the_server_takes_the_same_way_through_indexes_behind_the_walls_as_without_them(
    url, store, root
):
    """What the wall asks of a row is asked last, and keeps nothing from the order in which a page is read."""
    await root.execute(MANY)
    await root.execute("analyze runs, journal, logs")
    shown, reader = forgetful(store, forget=lambda sql: sql)
    with within("one"):
        await shown.runs(RunQuery(workspace="one"))
        await shown.runs(RunQuery(workspace="one", states=("failed", "running"), before=RUNS["two"]))
        await shown.runs(RunQuery(workspace="one", parent=RUNS["one"]))
        await shown.find("1", workspace="one")
        await shown.find(RUNS["one"][:-1], workspace="one")
        await shown.journal(RUNS["one"])
        await shown.logs(RUNS["one"])
    connection = await behind_walls(url, "one")
    behind = [await way_of(connection, *asked) for asked in reader.asked]
    await connection.close()
    assert behind == [await way_of(root, *asked) for asked in reader.asked]
    assert all("Index" in way for way in behind)


async def way_of(connection: asyncpg.Connection, sql: str, parameters: tuple[Any, ...]) -> str:
    """Return how the server would read, without what a filter or the wall asks."""
    for name, value in IN_ORDER.items():
        await connection.execute(f"set {name} = {value}")
    plan = await connection.fetch(f"explain (costs off) {numbered(sql)}", *parameters)
    lines = [line.strip().replace("runs.", "") for (line,) in plan]
    return "\n".join(line for line in lines if not line.startswith(("Filter:", "InitPlan", "->  Result")))


async def fill_all(root: asyncpg.Connection) -> set[str]:
    """Put a row of each of two workspaces into every table that has a workspace and none of it yet; return these tables."""
    found = await root.fetch(
        "select c.relname, a.attname, format_type(a.atttypid, null) from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = current_schema()::regnamespace"
        " and a.attnum > 0 and not a.attisdropped"
    )
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in found:
        columns.setdefault(table, {})[column] = kind
    walled = {table: kinds for table, kinds in columns.items() if "workspace" in kinds}
    for table, kinds in walled.items():
        for number, workspace in enumerate(RUNS, 1000):
            if await root.fetchval(f"select count(*) from {table} where workspace = $1", workspace):
                continue
            values = [
                workspace
                if column == "workspace"
                else number
                if kind == "bigint"
                else VALUES.get(kind, workspace)
                for column, kind in kinds.items()
            ]
            marks = ", ".join(f"${place}" for place in range(1, len(values) + 1))
            await root.execute(f"insert into {table}({', '.join(kinds)}) values({marks})", *values)
    return set(walled)


async def parts_with_rows(root: asyncpg.Connection) -> list[str]:
    """Return the parts in which there is something."""
    parts = await root.fetch(
        "select relname from pg_class where relispartition and relkind = 'r' order by relname"
    )
    return [row[0] for row in parts if await root.fetchval(f"select exists(select from {row[0]})")]
