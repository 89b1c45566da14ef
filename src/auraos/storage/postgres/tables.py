"""Changes of what people keep, each a transaction on a connection of its own."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import asyncpg

from auraos.core.errors import AuraError
from auraos.engine.ports import StoreUnavailableError
from auraos.security.access.walls import workspace_within
from auraos.security.audit.parts import AnyEntry
from auraos.storage.migrations.walls import SAYS
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role
from auraos.storage.postgres.readers import Readers, numbered
from auraos.storage.postgres.walls import Entrance, go_behind_walls
from auraos.storage.tables.chaining import HEAD, head_of, statements_for
from auraos.storage.tables.statement import Dialect, NotAsExpectedError, Statement

LONGEST_CHANGE = 10.0
LONGEST_SCRUB = 600.0
MOST_CHANGES = 2
AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
MOST_TRIES = 10

T = TypeVar("T")


class PostgresTables:
    """The tables of a database, read and changed over a few connections. It is used on one event loop."""

    dialect: Dialect = "postgres"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._readers = Readers(address, most=4, plans={}, prepare=Entrance())
        self._turns = asyncio.Semaphore(MOST_CHANGES)
        self._idle: list[asyncpg.Connection] = []

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]:
        """Return what a query finds, each row as data."""
        return await self._readers.all(sql, parameters, make, page=page)

    async def one(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the first that a query finds, or None."""
        found = await self._readers.all(sql, parameters, make)
        return found[0] if found else None

    async def glance(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the row of a key, or None."""
        return await self.one(sql, parameters, make)

    async def change(self, statements: Sequence[Statement], entries: Sequence[AnyEntry] = ()) -> None:
        """Make a change durable, with what the audit trail says of it."""
        async with self._turns:
            for _ in range(MOST_TRIES):
                connection = await self._connection()
                try:
                    await _carry_out(connection, statements, entries)
                except AGAIN:
                    self._idle.append(connection)
                    continue
                except NotAsExpectedError:
                    self._idle.append(connection)
                    raise
                except FAILURES as error:
                    connection.terminate()
                    raise self._address.unavailable(error) from error
                except BaseException:  # whoever asked went away; the transaction with it
                    connection.terminate()
                    raise
                self._idle.append(connection)
                return
        raise StoreUnavailableError(
            f"{self._address} has others change the same at every try.", hint="Try again."
        )

    async def scrub(self, tables: Sequence[str]) -> None:
        """Write these tables anew without what was deleted. What the log of the database holds goes as it is recycled."""
        connection = await self._address.connect(role("scrub"), statement_timeout=LONGEST_SCRUB)
        try:
            for table in tables:
                await connection.execute(f"vacuum (full) {table}")
        except FAILURES as error:
            raise self._address.unavailable(error) from error
        finally:
            await close_quietly(connection)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._readers.close()
        while self._idle:
            await close_quietly(self._idle.pop())

    async def _connection(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            try:  # it was idle, and the server may have gone and come back since
                await connection.execute("select 1")
            except FAILURES:
                connection.terminate()
            else:
                return connection
        try:
            connection = await self._address.connect(role("tables"), statement_timeout=LONGEST_CHANGE)
            try:
                await go_behind_walls(connection)
            except FAILURES as error:
                connection.terminate()
                raise self._address.unavailable(error) from error
        except StoreUnavailableError:
            raise
        except AuraError as error:
            raise StoreUnavailableError(error.message, hint=error.hint) from error
        return connection


async def _carry_out(
    connection: asyncpg.Connection, statements: Sequence[Statement], entries: Sequence[AnyEntry]
) -> None:
    async with connection.transaction():
        await connection.execute("select set_config($1, $2, true)", SAYS, workspace_within())
        for statement in statements:
            await _execute(connection, statement)
        if entries:
            row = await connection.fetchrow(f"{HEAD} for update")
            assert row is not None
            for statement in statements_for(head_of(tuple(row)), entries, lambda: secrets.token_hex(16)):
                await connection.execute(numbered(statement.sql), *statement.values)


async def _execute(connection: asyncpg.Connection, statement: Statement) -> None:
    try:
        told = await connection.execute(numbered(statement.sql), *statement.values)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise NotAsExpectedError.of(statement, str(error)) from error
    touched = int(told.rsplit(" ", 1)[-1])
    if statement.expect is not None and touched != statement.expect:
        raise NotAsExpectedError.of(statement, f"{touched} rows instead of {statement.expect}")
