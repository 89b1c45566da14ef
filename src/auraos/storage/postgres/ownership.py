"""Which process owns which shards, as rows of the database.

Takeovers come one after another, by an advisory lock. The row of an owner that is silent goes first: a commit of that
owner either holds the row, and is waited for, or finds it gone and writes nothing. Only then do its shards go to another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar

import asyncpg

from auraos.engine.owning import Owner, Standing
from auraos.engine.ports import FencedError
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role

T = TypeVar("T")
STATEMENT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 6.0
LONGEST_IDLE = "2s"
"""A process that stands still in the midst of a takeover lets go of its locks after this time."""

BROKEN = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What says that an idle connection is no more. The last is said if the server takes leave while it is being asked."""

_LOCK = "select pg_advisory_xact_lock(4716914310238044162)"
_JOIN = "insert into owners(token, host, process, boot) values($1, $2, $3, $4) on conflict do nothing"
_FIRST_BEAT = (
    "insert into heartbeats(token) values($1) on conflict (token) do update set beat_at = clock_timestamp()"
)
_BEAT = "update heartbeats set beat_at = clock_timestamp() where token = $1 returning token"
_OWNERS = (
    "select o.token, o.host, o.process, o.boot,"
    " extract(epoch from clock_timestamp() - h.beat_at)::double precision as silence"
    " from owners o join heartbeats h using (token)"
)
_SHARDS = "select shard, token from shards where token is not null"
_STANDS = "select token from owners where token = $1 for share"
_DEAD = (
    "select token from heartbeats where token <> $1"
    " and (token = any($2::text[]) or beat_at < clock_timestamp() - make_interval(secs => $3)) for update"
)
_REMOVE_OWNERS = "delete from owners where token = any($1::text[])"
_REMOVE_BEATS = "delete from heartbeats where token = any($1::text[])"
_FREE = "update shards set token = null where token = any($1::text[])"
_TAKE = (
    "update shards set token = $1 where shard = any($2::bigint[]) and (token is null or token = $1)"
    " returning shard"
)
_HAND_OVER = (
    "update shards set token = (select token from owners where token = $3)"
    " where token = $1 and shard = any($2::bigint[])"
)


class PostgresOwnership:
    """The rows of owners, over a connection of its own that belongs to the loop on which it is first used."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()

    async def join(self, owner: Owner) -> None:
        """Write the row of a process that owns nothing yet."""

        async def write(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(_JOIN, owner.token, owner.host, owner.process, owner.boot)
                await connection.execute(_FIRST_BEAT, owner.token)

        await self._with_connection(write)

    async def beat(self, token: str) -> Standing:
        """Say that this process lives; raise `FencedError` if its row is gone."""

        async def write(connection: asyncpg.Connection) -> Standing:
            if await connection.fetchval(_BEAT, token) is None:
                raise _fenced()
            owners = await connection.fetch(_OWNERS)
            shards = await connection.fetch(_SHARDS)
            return Standing(
                owners={
                    row[0]: Owner(token=row[0], host=row[1], process=row[2], boot=row[3]) for row in owners
                },
                silence={row[0]: row[4] for row in owners},
                shards={row[0]: row[1] for row in shards},
            )

        return await self._with_connection(write)

    async def take(
        self, token: str, shards: Collection[int], *, lease: float, void: Collection[str] = ()
    ) -> list[int]:
        """Take those of these shards that are free, or whose owner is silent for a lease or void."""

        async def write(connection: asyncpg.Connection) -> list[int]:
            async with connection.transaction():
                await connection.execute(_LOCK)
                if await connection.fetchval(_STANDS, token) is None:
                    raise _fenced()
                dead = [row[0] for row in await connection.fetch(_DEAD, token, list(void), lease)]
                if dead:
                    await connection.execute(_REMOVE_OWNERS, dead)
                    await connection.execute(_REMOVE_BEATS, dead)
                    await connection.execute(_FREE, dead)
                return sorted(row[0] for row in await connection.fetch(_TAKE, token, list(shards)))

        return await self._with_connection(write)

    async def hand_over(self, token: str, shards: Collection[int], to: str = "") -> None:
        """Give shards to another owner, or set them free; they are free too if that owner is gone."""

        async def write(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(_LOCK)
                await connection.execute(_HAND_OVER, token, list(shards), to)

        await self._with_connection(write)

    async def leave(self, token: str) -> None:
        """Set all shards of this process free, and remove its row."""

        async def write(connection: asyncpg.Connection) -> None:
            async with connection.transaction():
                await connection.execute(_LOCK)
                await connection.execute(_REMOVE_OWNERS, [token])
                await connection.execute(_REMOVE_BEATS, [token])
                await connection.execute(_FREE, [token])

        await self._with_connection(write)

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        await close_quietly(connection)

    async def _with_connection(self, write: Callable[[Any], Awaitable[T]]) -> T:
        """Do something on the connection; what is done here may be done again, so an idle one that broke counts once."""
        async with self._turn:
            connection = self._connection
            if connection is not None and not connection.is_closed():
                try:
                    return await self._attempt(connection, write)
                except BROKEN:
                    pass
                except FAILURES as error:
                    raise self._address.unavailable(error) from error
            self._connection = connection = await self._address.connect(
                role("owner"),
                statement_timeout=STATEMENT_TIMEOUT,
                idle_in_transaction_session_timeout=LONGEST_IDLE,
            )
            try:
                return await self._attempt(connection, write)
            except FAILURES as error:
                raise self._address.unavailable(error) from error

    async def _attempt(self, connection: asyncpg.Connection, write: Callable[[Any], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await write(connection)
        except FencedError:
            raise
        except BaseException:
            connection.terminate()
            self._connection = None
            raise


def _fenced() -> FencedError:
    return FencedError("Another process has taken over what this one owned.")
