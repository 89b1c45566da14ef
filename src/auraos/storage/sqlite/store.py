"""`SqliteStore`: the engine's store in one file, with one writer and a few readers."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from uuid import uuid4

from auraos.engine.ports import GateRow, RequestRow, RunRow, Timer
from auraos.storage import rows
from auraos.storage.folder import DataFolder
from auraos.storage.reads import Reads
from auraos.storage.sqlite.opening import open_database
from auraos.storage.sqlite.readers import Readers
from auraos.storage.sqlite.tables import SqliteTables
from auraos.storage.sqlite.writer import Writer
from auraos.storage.writes import Writes


class SqliteStore(Reads, Writes):
    """The store of one data folder. It holds the folder's file until it is closed, the folder's lock is the
    caller's.
    """

    _reader: Readers
    _writer: Writer
    _newest_by = "number"

    def __init__(self, file: Path, writer: Writer) -> None:
        self._writer = writer
        self._reader = Readers(file)
        self.tables = SqliteTables(file, writer)
        """What people keep, in the same file."""

    @classmethod
    def open(cls, folder: DataFolder) -> "SqliteStore":
        """Open the store of a folder that this process has claimed; a new folder gets a new one."""
        connection = open_database(folder)
        return cls(folder.database, Writer(folder.database, connection, uuid4().hex))

    @property
    def token(self) -> str:
        """Return the mark under which this process writes."""
        return self._writer.token

    @property
    def pace(self) -> float:
        """Return about how many seconds a commit takes at present."""
        return self._writer.pace

    async def awake(self, shards: Collection[int], *, after: str = "", limit: int = 1000) -> list[RunRow]:  # noqa: ARG002
        """Return runs that a restart goes on with, oldest first; one process owns all the shards of a file."""
        return await self._reader.all(
            f"{rows.SELECT_RUNS} where finished_at is null and asleep = 0 and id > ? order by id limit ?",
            (after, limit),
            rows.run_row,
        )

    async def timers(self, until: int, shards: Collection[int], *, limit: int = 10_000) -> list[Timer]:  # noqa: ARG002
        """Return the timers that come due up to this time, the earliest first."""
        sql = "select run, path, timer, due from timers where due <= ? order by due limit ?"
        return await self._reader.all(sql, (until, limit), rows.timer)

    async def requests(self, shards: Collection[int], *, limit: int = 10_000) -> list[RequestRow]:  # noqa: ARG002
        """Return the requests that wait, oldest first."""
        sql = "select id, run, kind, body, shard from requests where refusal is null order by id limit ?"
        found = await self._reader.all(sql, (limit,), rows.request)
        return found if self.sealing is None else await self.sealing.open_requests(found)

    async def gates(
        self,
        shards: Collection[int],  # noqa: ARG002 (one process owns all the shards of a file)
        *,
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> list[GateRow]:
        """Return the rows of gates by the name of the gate and the run."""
        sql = f"{rows.SELECT_GATES} where {rows.AFTER_GATE}"
        return await self._reader.all(sql, (*after, limit), rows.gate_row)

    async def numbers(self, workspace: str) -> range:
        """Return all numbers after the highest that was given; one process gives them all."""
        sql = "select max(number) from runs where workspace=? and number > 0"
        last = await self._one(sql, (workspace,), lambda row: row[0] or 0)
        return range((last or 0) + 1, 2**62)

    async def copy(self, file: Path) -> None:
        """Write a whole copy of the database, as of one moment, into a new file, while writing goes on."""
        await self._writer.copy(file)

    async def tidy(self, now: int) -> None:
        """Do nothing: the writer gives room back in the moments between writes."""

    async def close(self) -> None:
        """Write what waits, and let go of the file."""
        await asyncio.to_thread(self._reader.close)
        await asyncio.to_thread(self.tables.close)
        await self._writer.close()  # last, so that it can fold the log into the file and remove it
