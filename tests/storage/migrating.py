"""Migrates a database in processes that are killed at every statement. Run by the tests of migrations:

    python migrating.py sweep PLACE     one line of JSON for each kill: where it was, and how the database stood before
                                        and after somebody else went on
    python migrating.py race PLACE N    N processes at once; one line of JSON for each: what it applied

PLACE is a file, or an address of PostgreSQL. The migrations are three small ones, with steps outside of transactions.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from auraos.storage.migrations import Migration, Step, on_postgres, on_sqlite

MIGRATIONS = (
    Migration(
        number=1,
        name="one",
        sqlite=("create table one(a integer)", "insert into one values(1)"),
        postgres=("create table one(a bigint)", "insert into one values(1)"),
    ),
    Migration(
        number=2,
        name="two",
        sqlite=(
            "create table two(b text)",
            "insert into two select 'x' || a from one",
            "update one set a = a + 1",
        ),
        postgres=(
            "create table two(b text)",
            "insert into two select 'x' || a from one",
            "update one set a = a + 1",
        ),
        afterwards=(
            Step(
                name="index of two",
                statement="create index concurrently two_by_b on two(b)",
                undo="drop index concurrently if exists two_by_b",
            ),
        ),
    ),
    Migration(
        number=3,
        name="three",
        sqlite=("alter table one add column c integer not null default 0",),
        postgres=("alter table one add column c bigint not null default 0",),
        afterwards=(
            Step(
                name="index of one",
                statement="create unique index concurrently one_by_c on one(c)",
                undo="drop index concurrently if exists one_by_c",
            ),
        ),
    ),
)


class Countdown:
    """Kills this process at a statement: before it is sent, or while it is carried out."""

    left = -1
    during = False

    @classmethod
    def is_over(cls) -> bool:
        cls.left -= 1
        return cls.left == 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingSqlite(sqlite3.Connection):
    """A connection whose process dies at a statement."""

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        if Countdown.is_over():
            if Countdown.during:
                super().execute(*statement)
            die()
        return super().execute(*statement)


class DyingPostgres(asyncpg.Connection):
    """A connection whose process dies at a statement."""

    async def execute(self, *statement: Any, **options: Any) -> str:
        await self._count(super().execute, statement)
        return await super().execute(*statement, **options)

    async def fetchval(self, *statement: Any, **options: Any) -> Any:
        await self._count(super().fetchval, statement)
        return await super().fetchval(*statement, **options)

    async def _count(self, send: Callable[..., Any], statement: tuple[Any, ...]) -> None:
        if not Countdown.is_over():
            return
        if Countdown.during:
            sending = asyncio.create_task(send(*statement))
            for _ in range(5):  # it is on its way then, and nobody waits for the answer
                await asyncio.sleep(0)
            sending.cancel()
        die()


async def on_database(place: str, use: Callable[[Any], Any]) -> Any:
    connection = await asyncpg.connect(place, connection_class=DyingPostgres)
    try:
        return await use(connection)
    finally:
        await connection.close()


def upgrade(place: str) -> list[int]:
    """Bring the database to the last migration."""
    if place.startswith("postgresql:"):
        return asyncio.run(on_database(place, lambda connection: on_postgres.upgrade(connection, MIGRATIONS)))
    connection = sqlite3.connect(place, isolation_level=None, factory=DyingSqlite, timeout=20)
    try:
        return on_sqlite.upgrade(connection, MIGRATIONS)
    finally:
        connection.close()


def look(place: str) -> dict[str, Any]:
    """Return how the database stands: its version, tables and rows; on PostgreSQL also which indexes are valid."""
    if place.startswith("postgresql:"):
        return asyncio.run(on_database(place, _look))
    connection = sqlite3.connect(place)
    tables = [
        row[0]
        for row in connection.execute("select name from sqlite_master where type='table' order by name")
    ]
    found = {
        "version": on_sqlite.version_of(connection),
        "tables": tables,
        "rows": {
            table: [list(row) for row in connection.execute(f"select * from {table}")] for table in tables
        },
    }
    connection.close()
    return found


async def _look(connection: asyncpg.Connection) -> dict[str, Any]:
    tables = [
        row[0]
        for row in await connection.fetch(
            "select table_name from information_schema.tables where table_schema='public'"
            " and table_name not like 'migration%' order by 1"
        )
    ]
    indexes = await connection.fetch(
        "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid"
        " join pg_class t on t.oid = i.indrelid where i.indisvalid and t.relname in ('one', 'two') order by 1"
    )
    return {
        "version": await on_postgres.version_of(connection),
        "tables": tables,
        "rows": {
            table: [list(row) for row in await connection.fetch(f"select * from {table}")] for table in tables
        },
        "indexes": [row[0] for row in indexes],
    }


def clear(place: str) -> None:
    """Empty the database."""
    if place.startswith("postgresql:"):
        asyncio.run(
            on_database(
                place,
                lambda connection: connection.execute("drop schema public cascade; create schema public"),
            )
        )
    else:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(place + end).unlink(missing_ok=True)


def in_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own; return how it ended, in the words of `waitpid`."""
    child = os.fork()
    if not child:
        failed = 1
        try:
            work()
            failed = 0
        finally:
            if failed:
                traceback.print_exc()
            os._exit(failed)
    return os.waitpid(child, 0)[1]


def sweep(place: str) -> None:
    for during in (False, True):
        for number in range(1, 1000):
            in_child(lambda: clear(place))
            Countdown.left, Countdown.during = number, during
            ended = in_child(lambda: upgrade(place))
            Countdown.left = -1
            if not os.WIFSIGNALED(ended):
                break
            if in_child(lambda number=number, during=during: tell_of(place, number, during)):
                sys.exit(1)


def tell_of(place: str, number: int, during: bool) -> None:
    before = look(place)
    applied = upgrade(place)
    print(
        json.dumps(
            {"at": number, "during": during, "before": before, "applied": applied, "after": look(place)}
        )
    )
    sys.stdout.flush()


def race(place: str, number: int) -> None:
    for _ in range(number):
        if not os.fork():
            os.write(1, json.dumps(upgrade(place)).encode() + b"\n")  # at once, so that lines do not mix
            os._exit(0)
    failed = [os.wait()[1] for _ in range(number)]
    sys.exit(max(failed) and 1)


if __name__ == "__main__":
    if sys.argv[1] == "sweep":
        sweep(sys.argv[2])
    else:
        race(sys.argv[2], int(sys.argv[3]))
