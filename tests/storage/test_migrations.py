"""Migrations: each wholly or not at all, whatever is killed; by one process at a time; and never backwards."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from migrating import MIGRATIONS

from auraos.storage import migrations
from auraos.storage.migrations import DatabaseNewerError, on_postgres, on_sqlite
from postgres_server import PostgresServer

SCRIPT = str(Path(__file__).parent / "migrating.py")
DONE = {"tables": ["one", "two"], "rows": {"one": [[2, 0]], "two": [["x1"]]}, "version": 3}
STANDS = {
    0: {"tables": [], "rows": {}, "version": 0},
    1: {"tables": ["one"], "rows": {"one": [[1]]}, "version": 1},
    2: {"tables": ["one", "two"], "rows": {"one": [[2]], "two": [["x1"]]}, "version": 2},
    3: DONE,
}


@pytest.fixture
def empty(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the place of a database of this kind without any table."""
    if kind == "sqlite":
        yield str(tmp_path / "x.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = asyncio.run(server.create())
    yield url
    asyncio.run(server.drop(url))


def migrating(*arguments: str) -> list[Any]:
    command = [sys.executable, SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_migration_that_is_killed_at_any_statement_is_made_wholly_or_not_at_all(
    empty: str, kind: str
) -> None:
    kills = migrating("sweep", empty)
    statements = sum(len(each.postgres) + 2 * len(each.afterwards) for each in MIGRATIONS)
    assert len([kill for kill in kills if kill["during"]]) > statements
    assert len([kill for kill in kills if not kill["during"]]) > statements
    for kill in kills:
        stood, stands = kill["before"], kill["after"]
        indexes = stands.pop("indexes", []), stood.pop("indexes", [])
        assert stood == STANDS[stood["version"]], kill
        assert kill["applied"] == list(range(stood["version"] + 1, 4)), kill
        assert stands == DONE, kill
        assert indexes[0] == (["one_by_c", "two_by_b"] if kind == "postgres" else [])
    assert {kill["before"]["version"] for kill in kills} == {0, 1, 2, 3}


def test_of_processes_that_migrate_at_once_one_does_it_and_the_others_wait(empty: str) -> None:
    applied = migrating("race", empty, "4")
    assert len(applied) == 4
    assert sorted(number for each in applied for number in each) == [1, 2, 3]


async def test_an_older_release_refuses_newer_tables_of_postgresql(postgres: PostgresServer) -> None:
    url = await postgres.create()
    connection = await asyncpg.connect(url)
    await on_postgres.upgrade(connection, MIGRATIONS)
    with pytest.raises(DatabaseNewerError, match="schema is 3, this release knows 2"):
        await on_postgres.upgrade(connection, MIGRATIONS[:2])
    assert await on_postgres.version_of(connection) == 3
    await connection.close()
    await postgres.drop(url)


def test_the_real_migrations_of_both_databases_have_the_same_tables(postgres_url: str) -> None:
    async def columns_on_postgres() -> dict[str, list[str]]:
        connection = await asyncpg.connect(postgres_url)
        found: dict[str, list[str]] = {}
        for table, column in await connection.fetch(
            "select table_name, column_name from information_schema.columns where table_schema = 'public'"
            " and not (select relispartition from pg_class where oid = to_regclass(table_name))"
            " order by table_name, ordinal_position"
        ):
            found.setdefault(table, []).append(column)
        await connection.close()
        return found

    connection = sqlite3.connect(":memory:", isolation_level=None)
    on_sqlite.upgrade(connection)
    tables = [row[0] for row in connection.execute("select name from sqlite_master where type='table'")]
    ours = {
        table: [
            row[1] for row in connection.execute(f"select * from pragma_table_info('{table}') order by cid")
        ]
        for table in tables
    }
    connection.close()
    theirs = asyncio.run(columns_on_postgres())
    shared_only_by_processes = {
        "owners",
        "heartbeats",
        "shards",
        "pools",
        "counters",
        "migrations",
        "migration_steps",
    }
    assert set(theirs) - set(ours) == shared_only_by_processes
    made_by_search = {table for table in ours if table.startswith("definition_search")}
    assert {table: theirs[table] for table in ours if table not in made_by_search} == {
        table: columns for table, columns in ours.items() if table not in made_by_search
    }


def test_every_row_of_work_names_its_workspace() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    on_sqlite.upgrade(connection)
    tables = [row[0] for row in connection.execute("select name from sqlite_master where type='table'")]
    without = {
        table
        for table in tables
        if "workspace" not in [row[1] for row in connection.execute(f"pragma table_info({table})")]
    }
    connection.close()
    of_the_installation = {
        "meta", "workspaces", "people", "identities", "passkeys", "sessions", "groups_of_people", "members",
        "failures_to_sign_in", "audit_head", "audit_checkpoints", "invitations", "first_owner", "providers",
        "directories", "provisioned", "chores", "key_uses",
    }  # fmt: skip
    assert {table for table in without if not table.startswith("definition_search")} == of_the_installation


def test_numbers_of_migrations_follow_one_another() -> None:
    assert [each.number for each in migrations.MIGRATIONS] == list(range(1, len(migrations.MIGRATIONS) + 1))
