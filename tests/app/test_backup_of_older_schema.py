"""A backup of a database that an older release made: its rows are brought up to this one, or it is refused in plain words."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from auraos.app.backup.database import (
    BackupNewerError,
    TargetNewerError,
    back_up_database,
    restore_database,
)
from auraos.app.backup.file import BackupWriter
from auraos.app.backup.folder import new_header
from auraos.engine.ports import Subscription
from auraos.storage.migrations import MIGRATIONS, SCHEMA_VERSION, Migration
from auraos.storage.postgres import PostgresStore, migrate
from postgres_server import PostgresServer
from rows_for_tests import started
from stores import own_all

LATER = (
    *MIGRATIONS,
    Migration(
        number=SCHEMA_VERSION + 1,
        name="reasons with an end",
        postgres=(
            "alter table runs add column urgency bigint not null default 3",
            "update runs set why = why || '.'",
            "alter table subscriptions rename to hearings",
        ),
    ),
)


@pytest.fixture
def without_tables(postgres: PostgresServer) -> Iterator[str]:
    """Return the address of a database in which nothing is."""
    url = asyncio.run(postgres.create())
    yield url
    asyncio.run(postgres.drop(url))


@pytest.fixture
def backup(postgres_url: str, tmp_path: Path) -> Path:
    """Return a backup of a database with one run."""

    async def fill() -> None:
        store = await PostgresStore.open(postgres_url)
        await own_all(store)
        await store.commit(
            msgspec.structs.replace(started(why="It waits"), subscriptions=[Subscription("r1", "a", "paid")])
        )
        await store.close()

    asyncio.run(fill())
    made = back_up_database(postgres_url, tmp_path / "data", tmp_path / "all.backup", None, tell)
    return Path(made.file)


def tell(what: str, done: int, total: int) -> None:
    """Listen to how far something has come."""


def test_the_rows_of_an_older_backup_are_brought_up_to_the_tables_of_this_release(
    backup: Path, without_tables: str, tmp_path: Path
) -> None:
    restored = restore_database(backup, without_tables, tmp_path / "back", None, tell, LATER)
    assert (restored.runs, restored.unfinished) == (1, 1)

    async def look() -> tuple[object, ...]:
        connection = await asyncpg.connect(without_tables)
        run = await connection.fetchrow("select why, urgency from runs")
        found = (tuple(run), await connection.fetchval("select path from hearings"))
        version = await connection.fetchval("select max(number) from migrations")
        await connection.close()
        return (*found, version)

    assert asyncio.run(look()) == (("It waits.", 3), "a", SCHEMA_VERSION + 1)


def test_a_database_with_newer_tables_is_refused_and_left_as_it_is(
    backup: Path, without_tables: str, tmp_path: Path
) -> None:
    asyncio.run(migrate(without_tables, LATER))
    with pytest.raises(TargetNewerError, match=f"whose schema is {SCHEMA_VERSION}"):
        restore_database(backup, without_tables, tmp_path / "back", None, tell, LATER)
    assert not (tmp_path / "back").exists()


def test_a_backup_of_a_newer_release_is_refused(without_tables: str, tmp_path: Path) -> None:
    header = msgspec.structs.replace(new_header("postgresql"), schema=SCHEMA_VERSION + 1, release="99.0")
    with BackupWriter(tmp_path / "new.backup", header, None) as out:
        out.add("columns/runs", [b"[]"])
    with pytest.raises(BackupNewerError, match=r"newer release \(99.0\)"):
        restore_database(tmp_path / "new.backup", without_tables, tmp_path / "back", None, tell)
