"""Bring a PostgreSQL database to the tables of this release: each migration with its number in one transaction."""

import asyncio
from collections.abc import Sequence

import asyncpg

from auraos.storage.migrations import MIGRATIONS, DatabaseNewerError, DatabaseOlderError, Migration

LOCK = 0x41757261_6F730001
"""The advisory lock of whoever migrates; another one waits and then finds nothing left to do."""

PAUSE = 0.1

_TABLES = (
    """create table if not exists migrations(
        number bigint primary key, name text not null, applied_at timestamptz not null default clock_timestamp()
    )""",
    """create table if not exists migration_steps(
        number bigint not null, step text not null, done_at timestamptz not null default clock_timestamp(),
        primary key(number, step)
    )""",
)


async def upgrade(connection: asyncpg.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> list[int]:
    """Apply what is missing, alone of all processes, and return the numbers of it. A newer database is refused."""
    # Who waits inside of a statement would hold up an index that is made concurrently.
    while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110 (another process has it)
        await asyncio.sleep(PAUSE)
    try:
        for table in _TABLES:
            await connection.execute(table)
        version = await version_of(connection)
        check_version(version, migrations, allow_older=True)
        missing = [migration for migration in migrations if migration.number > version]
        for migration in migrations:
            if migration in missing:
                await _apply(connection, migration)
            await _finish(connection, migration)  # before the next one, which may rename what its steps name
    finally:
        if not connection.is_closed():
            await connection.execute("select pg_advisory_unlock($1)", LOCK)
    return [migration.number for migration in missing]


async def version_of(connection: asyncpg.Connection) -> int:
    """Return the number of the last migration that was applied, 0 in a database without tables of ours."""
    if await connection.fetchval("select to_regclass('migrations')") is None:
        return 0
    return int(await connection.fetchval("select coalesce(max(number), 0) from migrations"))


def check_version(
    version: int, migrations: Sequence[Migration] = MIGRATIONS, *, allow_older: bool = False
) -> None:
    """Raise an error that says what to do if this release cannot work with a database of this version."""
    known = migrations[-1].number
    if version > known:
        raise DatabaseNewerError(
            f"The database was written by a newer release: its schema is {version}, this release knows {known}.",
            hint="Run that release, or a later one.",
        )
    if version < known and not allow_older:
        raise DatabaseOlderError(
            f"The database has the schema {version}, this release needs {known}.",
            hint="Migrate it first; `auraos serve` does so when it starts.",
        )


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        for statement in migration.postgres:
            await connection.execute(statement)
        await connection.execute(
            "insert into migrations(number, name) values($1, $2)", migration.number, migration.name
        )


async def _finish(connection: asyncpg.Connection, migration: Migration) -> None:
    """Carry out the steps of a migration that were not noted as done; the rest of a broken one goes first."""
    for step in migration.afterwards:
        done = await connection.fetchval(
            "select 1 from migration_steps where number=$1 and step=$2", migration.number, step.name
        )
        if done is None:
            await connection.execute(step.undo)
            await connection.execute(step.statement)
            await connection.execute(
                "insert into migration_steps(number, step) values($1, $2)", migration.number, step.name
            )
