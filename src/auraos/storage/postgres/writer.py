"""The one writer of a process: all writes that wait go into one statement, which is one transaction.

While one batch is on its way, the next one gathers. A write that the database refuses for what it says is found by
halving the batch, and the others are written without it. When the connection fails, nothing is known of the batch, and
every write in it is told so; the next connection is used only once the one before it is gone for certain, so that nothing
of an old batch comes to light after the journals were read again.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from auraos.core.errors import AuraError
from auraos.engine.ports import FencedError, StoreUnavailableError, Told, Write, WriteRefusedError
from auraos.storage.batching import Waiting, cut, part_runs, tell
from auraos.storage.migrations.walls import INSTALLATION
from auraos.storage.postgres.address import FAILURES, Address, close_quietly
from auraos.storage.postgres.statement import columns_of, rows_of, statement_of

log = logging.getLogger("auraos.storage")

STATEMENT_TIMEOUT = 30.0
ANSWER_TIMEOUT = 35.0
"""For how many seconds an answer is awaited: longer than the server works on a statement."""
PAUSES = (0.05, 5.0)
MOST_STATEMENTS = 64
MOST_CONFLICTS = 20
LONGEST_GATHERING = 0.005
_NOBODY = ""
"""No owner has this token, so all that is written under it is fenced."""

Outcomes: TypeAlias = Sequence[BaseException | None] | None
Sent: TypeAlias = Callable[[Collection[int]], None]
"""Hears of the shards for which requests became durable."""

_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    **INSTALLATION,
}
"""The statements reach rows by their keys only. A plan made while a table was empty must not read all of it later."""


class Writer:
    """Writes for one owner. It is used on one event loop."""

    def __init__(self, address: Address, token: str, sent: Sent, *, is_fenced: bool = True) -> None:
        self.commits = 0
        self.writes = 0
        self._address = address
        self._token = token
        self._name = f"auraos writer {token}"[:63]
        self._sent = sent
        self._is_fenced = is_fenced
        self._connection: asyncpg.Connection | None = None
        self._statements: dict[tuple[str, ...], PreparedStatement[Any]] = {}
        self._waiting: list[Waiting] = []
        self._handed = asyncio.Event()
        self._rests = asyncio.Event()
        self._closed = False
        self._pause = 0.0
        self._task: asyncio.Task[None] | None = None

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        """Take writes along with the next batch; `told` hears what became of them."""
        if self._closed:
            closed = [StoreUnavailableError("The store is closed.")] * len(writes)
            asyncio.get_running_loop().call_soon(told, closed)
            return
        self._waiting.append(Waiting(writes, told))
        self._handed.set()
        self._rests.clear()
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="store-writer")

    async def renew(self, token: str) -> None:
        """Write for another owner from now on. What waits for the one before is told that it is fenced."""
        self._token = _NOBODY
        if self._task is not None:
            await self._rests.wait()
        self._token = token

    async def close(self) -> None:
        """Write what waits, and let go of the connection."""
        self._closed = True
        self._handed.set()
        if self._task is not None:
            await self._task
        self._rests.set()
        await close_quietly(self._connection)
        self._connection = None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                if self._closed:
                    return
                self._handed.clear()
                self._rests.set()
                await self._handed.wait()
                continue
            await self._gather()
            taken, self._waiting = self._waiting, []
            batch, rest = cut(taken)
            batch, later = part_runs(batch)
            self._waiting = [*later, *rest, *self._waiting]
            outcomes = await self._write([write for each in batch for write in each.writes])
            loop.call_soon(tell, batch, outcomes)

    async def _gather(self) -> None:
        """Let more writes come along for a moment, as long as each turn of the loop brings some."""
        until = time.monotonic() + LONGEST_GATHERING
        before = 0
        while len(self._waiting) > before and time.monotonic() < until:
            before = len(self._waiting)
            await asyncio.sleep(0)

    async def _write(self, writes: list[Write]) -> Outcomes:
        try:
            outcomes = await self._write_together(writes)
        except AuraError as error:
            return [error] * len(writes)
        except Exception as error:
            log.exception("store.writer")
            await self._let_go()
            return [self._address.unavailable(error)] * len(writes)
        self._announce(writes)
        return outcomes

    async def _write_together(self, writes: list[Write]) -> Outcomes:
        """Write a batch whole; if something in it is refused, each half for itself."""
        try:
            await self._send(writes)
        except REFUSALS as error:
            if len(writes) == 1:
                refusal = f"The store refused a write of run {writes[0].run}: {error}."
                return [WriteRefusedError(refusal, run=writes[0].run)]
        else:
            self.commits += 1
            self.writes += len(writes)
            return None
        outcomes: list[BaseException | None] = []
        for half in (writes[: len(writes) // 2], writes[len(writes) // 2 :]):
            try:
                outcomes.extend(await self._write_together(half) or [None] * len(half))
            except AuraError as error:
                outcomes.extend([error] * len(half))
        return outcomes

    async def _send(self, writes: list[Write]) -> None:
        """Carry out one statement, again while it only got into another transaction's way."""
        rows = rows_of(writes)
        columns = columns_of(rows)
        for conflict in range(MOST_CONFLICTS):
            try:
                owns = await self._execute(tuple(rows), columns)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
                log.info("store.conflict", extra={"reason": str(error)})
                await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(conflict, 6)))  # noqa: S311
                continue
            if not owns:
                raise FencedError("Another process has taken over what this one owned; nothing was written.")
            return
        raise StoreUnavailableError(f"Transactions in {self._address} stand in each other's way.")

    async def _execute(self, parts: tuple[str, ...], columns: list[Any]) -> int:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await self._connect()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                statement = self._statements.get(parts)
                if statement is None:
                    statement = await self._prepare(connection, parts)
                return int(await statement.fetchval(self._token, *columns))
        except (*REFUSALS, asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
            raise
        except FAILURES as error:
            await self._let_go()
            raise self._address.unavailable(error) from error

    async def _prepare(
        self, connection: asyncpg.Connection, parts: tuple[str, ...]
    ) -> "PreparedStatement[Any]":
        if len(self._statements) >= MOST_STATEMENTS:
            self._statements.clear()
        statement = await connection.prepare(statement_of(parts, is_fenced=self._is_fenced))
        self._statements[parts] = statement
        return statement

    async def _connect(self) -> asyncpg.Connection:
        """Open the connection, and make sure that the one before it writes nothing any more."""
        if self._pause:
            await asyncio.sleep(self._pause)
        try:
            connection = await self._address.connect(
                self._name, statement_timeout=STATEMENT_TIMEOUT, **_PLANS
            )
            try:
                await _prepare_session(connection, self._name)
            except FAILURES as error:
                await close_quietly(connection)
                raise self._address.unavailable(error) from error
        except AuraError as error:
            self._pause = min(max(self._pause * 2, PAUSES[0]), PAUSES[1])
            raise _as_unavailable(error) from error
        self._pause = 0.0
        self._connection = connection
        return connection

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        self._statements.clear()
        self._pause = PAUSES[0]
        if connection is not None:
            connection.terminate()

    def _announce(self, writes: Sequence[Write]) -> None:
        shards = {request.shard for write in writes for request in write.requests}
        if shards:
            self._sent(shards)


REFUSALS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.CardinalityViolationError,
    ValueError,
    TypeError,
    OverflowError,
)
"""What says that a write is at fault, and not the server or the way to it."""


async def _prepare_session(connection: asyncpg.Connection, name: str) -> None:
    """End what an earlier connection of this owner may still be doing, and see that a commit is on disk when it is told."""
    ended = await connection.fetch(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where application_name = $1 and pid <> pg_backend_pid()",
        name,
    )
    if not all(row[0] for row in ended):
        raise TimeoutError("an earlier connection still writes")
    await connection.execute(
        "select set_config('synchronous_commit', 'on', false)"
        " where current_setting('synchronous_commit') in ('off', 'local')"
    )


def _as_unavailable(error: AuraError) -> StoreUnavailableError:
    if isinstance(error, StoreUnavailableError):
        return error
    return StoreUnavailableError(error.message, hint=error.hint)
