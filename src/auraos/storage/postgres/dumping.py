"""All tables of a database as of one moment, in the form in which PostgreSQL copies them, and back into an empty one."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from auraos.core.errors import UserError
from auraos.storage.migrations import MIGRATIONS, Migration
from auraos.storage.migrations.on_postgres import check_version, version_of
from auraos.storage.migrations.walls import INSTALLATION
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role
from auraos.storage.postgres.holding import HELD
from auraos.storage.postgres.walls import lift_wall, put_wall_back
from auraos.storage.postgres.weeks import TABLES, Weeks, weeks_of

LONGEST = 24 * 3600.0
AHEAD = 8
"""So many pieces wait between the database and whoever reads them."""
MOST_WEEKS = 300
"""So many weeks that hold runs get parts of their own; older runs lie together."""

_OWN = ("owners", "heartbeats", "shards", "pools", "migrations", "migration_steps")
"""What tells of processes and of the database itself, and does not go into another one."""
_TABLES = (
    "select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')"
    " and not relispartition and not relname = any($1::text[]) order by relname <> 'runs', relname"
)
"""The table of runs comes first: by it the parts are made that the others are divided into."""
_COLUMNS = (
    "select column_name from information_schema.columns where table_schema = current_schema() and table_name = $1"
    " order by ordinal_position"
)
_NEXT_LINE = "select setval('logs_line', (select coalesce(max(line), 0) + 1 from logs), false)"
_SIZE = "select coalesce(sum(pg_table_size(relid)), 0)::bigint from pg_partition_tree($1::regclass)"
_TIMES = "select distinct left(id, 6) from runs where id ~ '^0[12][0-9a-f]{6}-[0-9a-f]{4}-7' order by 1 desc"
_STAY = f"lock table {', '.join(TABLES)} in access share mode"
"""What is read must not be moved meanwhile: who moves it is not seen by a reader of before."""


class DatabaseNotEmptyError(UserError):
    """There are runs in the database already."""

    code = "target-not-empty"


class Dump:
    """A database as of the moment when this was opened."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def counts(self) -> tuple[int, int]:
        """Return how many runs there are, and how many of them are not over."""
        found = await self._connection.fetchrow(
            "select count(*), count(*) filter (where finished_at is null) from runs"
        )
        assert found is not None
        return found[0], found[1]

    async def size(self) -> int:
        """Return how many bytes the tables have on the disk."""
        total = 0
        for table in await self.tables():
            total += await self._connection.fetchval(_SIZE, table)
        return total

    async def tables(self) -> list[str]:
        """Return the names of the tables that belong into a backup."""
        return [row[0] for row in await self._connection.fetch(_TABLES, list(_OWN))]

    async def columns(self, table: str) -> list[str]:
        """Return the columns of a table, in the order in which they are copied."""
        return [row[0] for row in await self._connection.fetch(_COLUMNS, table)]

    async def rows(self, table: str) -> AsyncIterator[bytes]:
        """Yield the rows of a table, in pieces of PostgreSQL's own binary form."""
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)

        async def copy() -> None:
            try:
                whole = f'select * from "{table}"'  # noqa: S608 (the name of a table of ours)
                await self._connection.copy_from_query(whole, output=pieces.put, format="binary")
            finally:
                await pieces.put(None)

        copying = asyncio.create_task(copy())
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await copying
        finally:
            copying.cancel()


@asynccontextmanager
async def open_dump(url: str) -> AsyncIterator[Dump]:
    """Open a database for reading as of now; what is written meanwhile is not seen."""
    address = Address(url)
    connection = await address.connect(role("backup"), statement_timeout=LONGEST, **INSTALLATION)
    try:
        check_version(await version_of(connection))
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(_STAY)
            yield Dump(connection)
    except FAILURES as error:
        raise address.unavailable(error) from error
    finally:
        await close_quietly(connection)


class Load:
    """An empty database that is filled in one transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fill(self, table: str, columns: list[str], pieces: Iterator[bytes]) -> None:
        """Put rows into a table, as `Dump.rows` gave them."""
        if table not in [row[0] for row in await self._connection.fetch(_TABLES, list(_OWN))]:
            raise DatabaseNotEmptyError(
                f"This release has no table {table!r}.", hint="Restore with the release it was made by."
            )
        await self._connection.execute(f'delete from "{table}"')  # noqa: S608 (the name of a table of ours)
        has_wall = await lift_wall(self._connection, table)  # the database copies into none that has one

        async def source() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        await self._connection.copy_to_table(table, source=source(), columns=columns, format="binary")
        if has_wall:
            await put_wall_back(self._connection, table)
        if table == "runs":
            times = [str(row[0]) for row in await self._connection.fetch(_TIMES)]
            await Weeks(self._connection, patience={}).prepare(weeks_of(times)[:MOST_WEEKS])

    async def finish(self, held: str) -> tuple[int, int]:
        """Hold everything, and return how many runs there are and how many are not over."""
        await self._connection.execute(
            "insert into meta values($1, $2) on conflict (name) do update set value = excluded.value",
            HELD,
            held,
        )
        await self._connection.execute(_NEXT_LINE)
        return await Dump(self._connection).counts()


@asynccontextmanager
async def open_load(url: str, migrations: Sequence[Migration] = MIGRATIONS) -> AsyncIterator[Load]:
    """Open a database without runs, and with the tables of these migrations, to be filled: all of it is there when the block
    ends well, or nothing.
    """
    address = Address(url)
    connection: Any = await address.connect(role("restore"), statement_timeout=LONGEST, **INSTALLATION)
    try:
        check_version(await version_of(connection), migrations)
        async with connection.transaction():
            await connection.execute("lock table runs, owners in access exclusive mode")
            if await connection.fetchval("select exists(select 1 from runs) or exists(select 1 from owners)"):
                raise DatabaseNotEmptyError(
                    "The database holds runs, or a process is at work on it.",
                    hint="Restore into a new database.",
                )
            yield Load(connection)
    except FAILURES as error:
        raise address.unavailable(error) from error
    finally:
        await close_quietly(connection)
