"""Reading: a few connections of their own, each query cut off by the server when it takes too long."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg

from auraos.core.errors import AuraError
from auraos.engine.slices import in_slices
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role
from auraos.storage.reads import LONGEST_READ, ReadFailedError, ReadTooLongError

T = TypeVar("T")
IN_ORDER = {"enable_seqscan": "off", "enable_bitmapscan": "off"}
"""Whatever is read has an index, and is read in its order as far as the page goes. Left to itself, the server reads and sorts
all of a table that grew since it was last looked over.
"""


class Readers:
    """Connections for reading, opened when they are needed. It is used on one event loop."""

    def __init__(
        self,
        address: Address,
        *,
        most: int = 3,
        longest: float = LONGEST_READ,
        plans: Mapping[str, str],
        prepare: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._address = address
        self._plans = plans
        self._prepare = prepare
        self._longest = longest
        self._turns = asyncio.Semaphore(most)
        self._idle: list[asyncpg.Connection] = []

    async def all(
        self,
        sql: str,
        parameters: tuple[Any, ...],
        make: Callable[[Sequence[Any]], T],
        *,
        page: int = 0,  # noqa: ARG002 (its rows come together anyway)
    ) -> list[T]:
        """Return what a query finds, each row as data."""
        rows: list[Any] = await self._read(numbered(sql), parameters)
        return await in_slices(make, rows)

    async def close(self) -> None:
        """Let go of the connections."""
        while self._idle:
            await close_quietly(self._idle.pop())

    async def _read(self, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
        async with self._turns:
            while self._idle:
                connection = self._idle.pop()
                try:
                    return await self._fetch(connection, sql, parameters)
                except ReadFailedError:  # it was idle, and the server has gone and come back since
                    continue
            try:
                connection = await self._address.connect(
                    role("reader"), statement_timeout=self._longest, **self._plans
                )
            except AuraError as error:
                raise ReadFailedError(error.message, hint=error.hint) from error
            return await self._fetch(connection, sql, parameters)

    async def _fetch(
        self, connection: asyncpg.Connection, sql: str, parameters: tuple[Any, ...]
    ) -> list[Any]:
        try:
            if self._prepare is not None:
                await self._prepare(connection)
            found = await connection.fetch(sql, *parameters)
        except asyncpg.QueryCanceledError as error:
            self._idle.append(connection)
            raise ReadTooLongError(
                f"A query took longer than {self._longest:g} s and was cut off."
            ) from error
        except FAILURES as error:
            connection.terminate()
            raise ReadFailedError(f"{self._address} could not be read: {error}.") from error
        except BaseException:  # whoever asked went away; what the connection still has to say is for nobody
            connection.terminate()
            raise
        self._idle.append(connection)
        return found


@lru_cache(maxsize=256)
def numbered(sql: str) -> str:
    """Return a query with `?` for its values in the words of PostgreSQL."""
    first, *rest = sql.split("?")
    return first + "".join(f"${place}{piece}" for place, piece in enumerate(rest, 1))
