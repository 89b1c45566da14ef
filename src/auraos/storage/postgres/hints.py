"""Hints between processes: something was asked of runs in these shards. Polling is the truth; a hint only makes it soon.

A hint is sent on a connection of its own, outside of the transactions that write, and many become one.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import asyncpg

from auraos.core.errors import AuraError
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role

log = logging.getLogger("auraos.storage")

CHANNEL = "auraos_requests"
PAUSE = 0.005
RETRY = 2.0
STATEMENT_TIMEOUT = 5.0

Hinted: TypeAlias = Callable[[frozenset[int]], None]
"""Hears for which shards requests were written by another process."""


class Hints:
    """Sends hints, and listens for those of others. It is used on one event loop."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: asyncpg.Connection | None = None
        self._hear: Hinted | None = None
        self._own: Callable[[], Collection[int]] = frozenset
        self._turn = asyncio.Lock()
        self._pending: set[int] = set()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def listen(self, hear: Hinted, own: Callable[[], Collection[int]]) -> None:
        """Call `hear` when another process wrote requests, and send none for the shards that are our own."""
        self._hear, self._own = hear, own
        self._begin()
        try:
            await self._drop()  # one that was only to send hints does not listen
            await self._connected()
        except (AuraError, *FAILURES) as error:
            log.info("hints.away", extra={"reason": str(error)})
            await self._drop()

    def sent(self, shards: Collection[int]) -> None:
        """Send a hint for these shards, soon, unless we own them."""
        foreign = set(shards).difference(self._own())
        if foreign:
            self._pending |= foreign
            self._begin()
            self._wanted.set()

    async def close(self) -> None:
        """Send nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await close_quietly(self._connection)

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="store-hints")

    async def _work(self) -> None:
        """Send what is pending; where somebody listens, come back after the connection was lost."""
        while True:
            try:
                async with asyncio.timeout(RETRY if self._hear is not None else None):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            try:
                connection = await self._connected()
                if self._pending:
                    shards, self._pending = self._pending, set()
                    await connection.execute("select pg_notify($1, $2)", CHANNEL, _written(shards))
                    await asyncio.sleep(PAUSE)
            except (AuraError, *FAILURES) as error:
                log.info("hints.away", extra={"reason": str(error)})
                await self._drop()
                await asyncio.sleep(RETRY)

    async def _connected(self) -> asyncpg.Connection:
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                connection = await self._address.connect(role("hints"), statement_timeout=STATEMENT_TIMEOUT)
                self._connection = connection
                if self._hear is not None:
                    await connection.add_listener(CHANNEL, self._heard)
            return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _heard(self, connection: Any, process: int, channel: str, payload: object) -> None:  # noqa: ARG002 (asyncpg's call)
        if self._hear is not None and process != connection.get_server_pid():
            self._hear(_read(str(payload)))


def _written(shards: Collection[int]) -> str:
    return ",".join(map(str, sorted(shards)))


def _read(payload: str) -> frozenset[int]:
    return frozenset(int(word) for word in payload.split(",") if word.isdecimal())
