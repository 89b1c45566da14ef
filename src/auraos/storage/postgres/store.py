"""`PostgresStore`: the engine's store in a PostgreSQL database, which several processes share."""

import math
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Self
from uuid import uuid4

from auraos.engine.ports import ALL_SHARDS, GateRow, RequestRow, RunRow, Timer
from auraos.storage import rows
from auraos.storage.migrations import MIGRATIONS, Migration
from auraos.storage.migrations.on_postgres import check_version, upgrade, version_of
from auraos.storage.migrations.walls import INSTALLATION
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role
from auraos.storage.postgres.allotments import PostgresAllotments
from auraos.storage.postgres.hints import Hinted, Hints
from auraos.storage.postgres.ownership import PostgresOwnership
from auraos.storage.postgres.readers import IN_ORDER, Readers
from auraos.storage.postgres.tables import PostgresTables
from auraos.storage.postgres.walls import Entrance, let_walled_in
from auraos.storage.postgres.weeks import Weeks
from auraos.storage.postgres.writer import Writer
from auraos.storage.reads import Reads
from auraos.storage.writes import Writes

NUMBERS_AT_ONCE = 100
MIGRATION_TIMEOUT = 24 * 3600.0
LOOK_TIMEOUT = 10.0
COPY_TIMEOUT = 600.0
LONGEST_IDLE = "2s"
"""A process that stands still in the midst of a change of tables lets go of its locks after this time."""

_NUMBERS = (
    "insert into counters as c (workspace, next) values(?::text,"
    " (select coalesce(max(number), 0) + 1 from runs where workspace = ?::text and number > 0) + ?)"
    " on conflict (workspace) do update set next = c.next + ? returning next"
)


class PostgresStore(Reads, Writes):
    """The store of one process. It writes under its token: once an owner of that token has joined, and until its row
    is gone.
    """

    is_fenced = True
    """Whether only the owner of its token may write."""
    _reader: Readers
    _asked: Readers
    _writer: Writer

    def __init__(self, address: Address, token: str) -> None:
        self.token = token
        self._address = address
        self._hints = Hints(address)
        self._writer = Writer(address, token, self._hints.sent, is_fenced=self.is_fenced)
        # An engine leads the runs of all workspaces; who asks is in one of them.
        self._reader = Readers(address, plans=IN_ORDER | INSTALLATION)
        self._asked = Readers(address, plans=IN_ORDER, prepare=Entrance())
        self.tables = PostgresTables(address)
        """What people keep, in the same database."""

    @classmethod
    async def open(cls, url: str, *, token: str = "") -> Self:
        """Open the store at `postgresql://…` for the owner of a token; without one it gets a new one.

        The tables must be those of this release: see `migrate`.
        """
        address = Address(url)
        connection = await address.connect(role("look"), statement_timeout=LOOK_TIMEOUT)
        try:
            check_version(await version_of(connection))
        except FAILURES as error:
            raise address.unavailable(error) from error
        finally:
            await close_quietly(connection)
        return cls(address, token or uuid4().hex)

    def ownership(self) -> PostgresOwnership:
        """Return the rows of owners, over a connection of its own that may live on another thread's loop."""
        return PostgresOwnership(self._address)

    def allotments(self) -> PostgresAllotments:
        """Return the ledgers of pools, over a connection of its own."""
        return PostgresAllotments(self._address)

    async def hints(self, callback: Hinted, own: Callable[[], Collection[int]]) -> None:
        """Call back, with shards, when another process has written requests for runs in them.

        `own` tells which shards are ours: of these no other process is told. A hint may be lost; polling is the truth.
        """
        await self._hints.listen(callback, own)

    async def renew(self, token: str) -> None:
        """Write for an owner of another token from now on; what still waits is told that it is fenced."""
        await self._writer.renew(token)
        self.token = token

    @property
    def words(self) -> str:
        """Return which database it is, for people."""
        return str(self._address)

    @property
    def pace(self) -> float:
        """Return infinity: the loop itself sends off what is to be written."""
        return math.inf

    async def awake(self, shards: Collection[int], *, after: str = "", limit: int = 1000) -> list[RunRow]:
        """Return runs that are neither final nor asleep, by id."""
        sql = f"{rows.SELECT_RUNS} where finished_at is null and not asleep and id > ?"
        if len(shards) == len(ALL_SHARDS):
            return await self._reader.all(f"{sql} order by id limit ?", (after, limit), rows.run_row)
        sql = f"{sql} and shard = any(?::bigint[]) order by id limit ?"
        return await self._reader.all(sql, (after, list(shards), limit), rows.run_row)

    async def timers(self, until: int, shards: Collection[int], *, limit: int = 10_000) -> list[Timer]:
        """Return the timers that come due up to this time, the earliest first."""
        sql = (
            "select run, path, timer, due from timers where shard = any(?::bigint[]) and due <= ?"
            " order by due limit ?"
        )
        return await self._reader.all(sql, (list(shards), until, limit), rows.timer)

    async def requests(self, shards: Collection[int], *, limit: int = 10_000) -> list[RequestRow]:
        """Return the requests that wait, oldest first."""
        sql = (
            "select id, run, kind, body, shard from requests where refusal is null"
            " and shard = any(?::bigint[]) order by id limit ?"
        )
        found = await self._reader.all(sql, (list(shards), limit), rows.request)
        return found if self.sealing is None else await self.sealing.open_requests(found)

    async def gates(
        self, shards: Collection[int], *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[GateRow]:
        """Return the rows of gates by the name of the gate and the run."""
        sql = f"{rows.SELECT_GATES} where g.shard = any(?::bigint[]) and {rows.AFTER_GATE}"
        return await self._reader.all(sql, (list(shards), *after, limit), rows.gate_row)

    async def numbers(self, workspace: str) -> range:
        """Return the next block of numbers of a workspace; those that a process does not use stay unused."""
        values = (workspace, workspace, NUMBERS_AT_ONCE, NUMBERS_AT_ONCE)
        (after,) = await self._reader.all(_NUMBERS, values, lambda row: int(row[0]))
        return range(after - NUMBERS_AT_ONCE, after)

    async def tidy(self, now: int) -> None:
        """Give the disk the room of old weeks back of which little is left, and make ready for those that come."""
        async with _weeks(self._address) as weeks:
            await weeks.tidy(datetime.fromtimestamp(now / 1_000_000, tz=UTC))

    async def close(self) -> None:
        """Write what waits, and let go of all connections."""
        await self._writer.close()
        await self._hints.close()
        await self._reader.close()
        await self._asked.close()
        await self.tables.close()


async def migrate(url: str, migrations: Sequence[Migration] = MIGRATIONS) -> list[int]:
    """Bring the tables of a database to this release, alone of all processes; return the migrations that were applied."""
    address = Address(url)
    connection = await address.connect(role("migration"), statement_timeout=MIGRATION_TIMEOUT, **INSTALLATION)
    try:
        applied = await upgrade(connection, migrations)
        await let_walled_in(connection)
    except FAILURES as error:
        raise address.unavailable(error) from error
    finally:
        await close_quietly(connection)
    async with _weeks(address) as weeks:
        await weeks.make_ready(datetime.now(tz=UTC))
    return applied


@asynccontextmanager
async def _weeks(address: Address) -> AsyncIterator[Weeks]:
    connection = await address.connect(
        role("weeks"), statement_timeout=COPY_TIMEOUT, idle_in_transaction_session_timeout=LONGEST_IDLE,
        **INSTALLATION,
    )  # fmt: skip
    try:
        yield Weeks(connection)
    except FAILURES as error:
        raise address.unavailable(error) from error
    finally:
        await close_quietly(connection)
