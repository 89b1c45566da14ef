"""The ledgers of pools, as rows of the database: one for each pool, changed as a whole by whoever read its last version.

No lock is held between a process and the database, so one that stands still keeps nobody from changing a ledger.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

import asyncpg

from auraos.engine.allotments import Ledger, Ledgers, Share, read_shares, write_shares
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role

T = TypeVar("T")
CHANNEL = "auraos_pools"
STATEMENT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 6.0

_READ = (
    "select wanted.pool, coalesce(p.version, 0), p.shares,"
    " extract(epoch from statement_timestamp())::double precision, array(select token from owners)"
    " from unnest($1::text[]) as wanted(pool) left join pools p using (pool)"
)
_WRITE = (
    "insert into pools as p (pool, version, shares) values($1, 1, $3) on conflict (pool)"
    " do update set version = p.version + 1, shares = excluded.shares where p.version = $2 returning version"
)
_WRITE_AND_HINT = f"with done as ({_WRITE}) select pg_notify('{CHANNEL}', '') from done"  # noqa: S608 (a name of ours)


class PostgresAllotments:
    """The ledgers of pools, over a connection of its own on the loop on which it is first used."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: asyncpg.Connection | None = None
        self._heard: Callable[[], None] | None = None
        self._turn = asyncio.Lock()

    async def read(self, pools: Collection[str]) -> Ledgers:
        """Return ledgers with the tokens of all owners, as of one moment; one that nobody has written yet is empty."""
        rows = await self._do(lambda connection: connection.fetch(_READ, list(pools)))
        return Ledgers(
            {row[0]: Ledger(read_shares(row[2]) if row[2] else {}, row[1]) for row in rows},
            frozenset(rows[0][4]) if rows else frozenset(),
            rows[0][3] if rows else 0.0,
        )

    async def write(self, pool: str, version: int, shares: Mapping[str, Share], *, hint: bool) -> bool:
        """Put shares in the place of this version; return whether it was done, which it is not where another was quicker."""
        sql = _WRITE_AND_HINT if hint else _WRITE
        done = await self._do(lambda connection: connection.fetch(sql, pool, version, write_shares(shares)))
        return bool(done)

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` when another process gives a hint, until the connection is lost."""
        self._heard = heard
        await self._drop()
        await self._do(lambda connection: connection.fetch("select 1"))

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        await close_quietly(connection)

    async def _do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do something on the connection; whether a write was done whose answer was lost, only reading tells."""
        async with self._turn:
            try:
                connection = await self._connected()
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    return await work(connection)
            except FAILURES as error:
                await self._drop()
                raise self._address.unavailable(error) from error
            except BaseException:
                await self._drop()
                raise

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._address.connect(role("pools"), statement_timeout=STATEMENT_TIMEOUT)
            if self._heard is not None:
                await self._connection.add_listener(CHANNEL, self._hear)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _hear(self, connection: Any, process: int, channel: str, payload: object) -> None:  # noqa: ARG002 (asyncpg's call)
        if self._heard is not None and process != connection.get_server_pid():
            self._heard()
