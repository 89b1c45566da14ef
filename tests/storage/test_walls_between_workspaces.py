"""The second wall: PostgreSQL itself shows and takes nothing of another workspace, whatever a query forgets to say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from auraos.documents.definitions.rows import Query, Ref
from auraos.security.access.walls import everywhere, within, workspace_within
from auraos.storage.postgres import PostgresStore
from auraos.storage.tables.definitions import DefinitionTables
from auraos.storage.tables.statement import NotAsExpectedError, Statement
from kept_definitions import definitions_over, published, workflow
from postgres_server import PostgresServer
from stores import AnyStore, own_all
from walled_stores import owned_by_a_mere_user

OF_PROCESSES = {"owners", "heartbeats", "shards", "pools", "meta", "migrations", "migration_steps"}
"""They tell of processes and of the database itself, and only engines read them."""
OF_THE_INSTALLATION = {
    "workspaces", "people", "identities", "providers", "passkeys", "sessions", "groups_of_people", "members", "directories",
    "provisioned", "invitations", "first_owner", "failures_to_sign_in", "chores", "audit_head", "audit_checkpoints",
    "key_uses",
}  # fmt: skip
"""People may be in many workspaces; these rows belong to none."""
FOUND_BY_WORDS = {"definition_search"}
"""It gives numbers of definitions and nothing else; whoever searches reads these from behind the wall."""


class Careless:
    """Tables whose queries forgot in which workspace they look."""

    def __init__(self, store: AnyStore) -> None:
        self._tables = store.tables
        self.dialect = store.tables.dialect

    async def all(self, sql: str, parameters: tuple[Any, ...], make: Any, *, page: int = 0) -> list[Any]:
        return await self._tables.all(careless(sql), parameters, make, page=page)

    async def one(self, sql: str, parameters: tuple[Any, ...], make: Any) -> Any:
        return await self._tables.one(careless(sql), parameters, make)

    async def change(self, statements: Sequence[Statement], entries: Sequence[Any] = ()) -> None:
        await self._tables.change(statements, entries)


def careless(sql: str) -> str:
    assert "workspace=?" in sql
    return sql.replace("workspace=?", "(workspace=? or 1=1)")


@pytest.fixture(params=["superuser", "owner"])
async def walled(request, postgres: PostgresServer, postgres_url: str) -> AsyncIterator[PostgresStore]:
    """Return a store in which two workspaces have a workflow each; a superuser, or the mere owner of the tables, opens it."""
    url = postgres_url
    if request.param == "owner":
        url = await owned_by_a_mere_user(postgres)
    store = await PostgresStore.open(url)
    await own_all(store)
    definitions = definitions_over(store)
    for workspace in ("one", "two"):
        await published(definitions, workflow(title=f"of {workspace}"), workspace)
    yield store
    await store.close()


async def test_a_query_that_forgets_the_workspace_shows_nothing_of_another_one(walled):
    """N04, S01: the where clause is gone, and the wall stands."""
    forgetful = DefinitionTables(Careless(walled))
    everything = await forgetful.page(Query(workspace="one"))
    assert [row.title for row in everything] == ["of one", "of two"]
    for workspace in ("one", "two"):
        with within(workspace):
            seen = await forgetful.page(Query(workspace="one"))
            assert [row.title for row in seen] == [f"of {workspace}"]
    with within("three"):
        assert await forgetful.page(Query(workspace="one")) == []


async def test_a_change_that_forgets_the_workspace_changes_nothing_of_another_one(walled):
    with within("one"):
        await walled.tables.change([Statement("update definitions set title='mine'")])
        await walled.tables.change([Statement("delete from uses")])
        with pytest.raises(NotAsExpectedError):
            await walled.tables.change(
                [Statement("update definitions set title='mine' where workspace='two'", expect=1)]
            )
    titles = await walled.tables.all(
        "select title from definitions order by workspace", (), lambda row: row[0]
    )
    assert titles == ["mine", "of two"]


async def test_nothing_is_put_into_another_workspace(walled):
    sql = "insert into roles(workspace, name, title, actions) values('two', 'x', '', '[]')"
    with within("one"), pytest.raises(Exception, match="row-level security"):
        await walled.tables.change([Statement(sql)])
    assert await walled.tables.all("select name from roles", (), tuple) == []


async def test_who_says_nothing_of_where_they_work_sees_nothing(walled):
    url = walled._address._url
    connection = await asyncpg.connect(url)
    await connection.execute("set role auraos_walled" if "postgres@" in url else "select 1")
    assert await connection.fetchval("select count(*) from definitions") == 0
    assert await connection.fetchval("select count(*) from audit") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(
            "insert into roles(workspace, name, title, actions) values('one', 'x', '', '[]')"
        )
    await connection.close()


async def test_each_table_has_a_wall_that_holds_for_its_owner_or_a_reason_to_have_none(walled):
    """A new table is held here without a word, and so is each part that a table is divided into."""
    connection = await asyncpg.connect(walled._address._url)
    found = await connection.fetch(
        "select relname, relrowsecurity and relforcerowsecurity, exists(select from pg_policy where polrelid = c.oid)"
        " from pg_class c where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace"
    )
    await connection.close()
    walls = {row[0]: row[1] and row[2] for row in found}
    assert {name for name, stands in walls.items() if not stands} == (
        OF_PROCESSES | OF_THE_INSTALLATION | FOUND_BY_WORDS
    )
    assert {"runs", "journal", "journal_low", "journal_other", "logs_high"} < set(walls)


async def test_a_task_begun_within_a_workspace_is_not_held_within_it():
    """It may serve others, long after."""
    with within("one"):
        assert workspace_within() == "one"
        assert await asyncio.create_task(seen_by_a_task()) == "*"
        with everywhere():
            assert workspace_within() == "*"
        assert workspace_within() == "one"
    assert workspace_within() == "*"


async def seen_by_a_task() -> str:
    return workspace_within()


async def test_two_at_once_see_each_their_own_over_the_same_connections(walled):
    definitions = definitions_over(walled)

    async def look(workspace: str) -> set[str]:
        with within(workspace):
            found: set[str] = set()
            for _ in range(20):
                rows = await walled.tables.all("select title from definitions", (), lambda row: row[0])
                found |= set(rows)
            return found

    seen = await asyncio.gather(*(look(name) for name in ("one", "two") * 8))
    assert seen == [{"of one"}, {"of two"}] * 8
    assert (await definitions.find(Ref("two", "workflow", "greet"))).title == "of two"
