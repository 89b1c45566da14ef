"""`SqliteStore`: the engine's store in one file, with one writer and a few readers."""

import asyncio
from collections.abc import Collection, Sequence
from uuid import uuid4

from auraos.core.errors import UserError
from auraos.engine.ports import (
    Batch,
    LogLine,
    NotFoundError,
    RequestRow,
    RunQuery,
    RunRow,
    Subscription,
    Timer,
    Told,
    Version,
    Write,
)
from auraos.storage.batching import commit_one
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import rows, schema
from auraos.storage.sqlite.opening import open_database
from auraos.storage.sqlite.readers import Readers
from auraos.storage.sqlite.writer import Writer

_RUNS = schema.SELECT_RUNS
LARGEST_PAGE = 1000


class AmbiguousRunError(UserError):
    """More than one run's id begins so."""

    code = "ambiguous-run"


class SqliteStore:
    """The store of one data folder. It holds the folder's file until it is closed, the folder's lock is the
    caller's.
    """

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    @classmethod
    def open(cls, folder: DataFolder) -> "SqliteStore":
        """Open the store of a folder that this process has claimed; a new folder gets a new one."""
        connection = open_database(folder)
        return cls(Writer(folder.database, connection, uuid4().hex), Readers(folder.database))

    @property
    def commits(self) -> int:
        """Return how many transactions were made durable."""
        return self._writer.commits

    @property
    def writes(self) -> int:
        """Return how many writes were made durable."""
        return self._writer.writes

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        """Make writes durable, together with all that wait."""
        self._writer.submit(writes, told)

    def commit(self, write: Write) -> asyncio.Future[None]:
        """Make one write durable."""
        return commit_one(self, write)

    async def journal(self, run: str, after: int = 0) -> list[Batch]:
        """Return the journal of a run in order."""
        sql = "select seq, count, facts from journal where run=? and seq + count - 1 > ? order by seq"
        return await self._readers.all(sql, (run, after), rows.batch)

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None:
        """Return the run with this id; within a workspace also by its number or the beginning of its id."""
        if workspace is None:
            return await self._readers.one(f"{_RUNS} where id=?", (name,), rows.run_row)
        if name.isascii() and name.isdigit() and len(name) < 12:
            sql = f"{_RUNS} where workspace=? and number=? and number > 0"
            by_number = await self._readers.one(sql, (workspace, int(name)), rows.run_row)
            if by_number is not None:
                return by_number
        sql = f"{_RUNS} where id >= ? and id < ? and workspace=? order by id limit 2"
        found = await self._readers.all(sql, (name, name + "\U0010ffff", workspace), rows.run_row)
        if len(found) > 1 and found[0].run != name:
            raise AmbiguousRunError(f"The ids of several runs begin with {name!r}.", hint="Write more of it.")
        return found[0] if found and name else None

    async def runs(self, query: RunQuery) -> list[RunRow]:
        """Return a page of runs, newest first."""
        tests, values = ["workspace=?"], [query.workspace]
        if query.states:
            tests.append(f"state in ({','.join('?' * len(query.states))})")
            values.extend(query.states)
        if query.workflow:
            tests.append("workflow=?")
            values.append(query.workflow)
        if query.parent is None:
            tests.append("number > 0")
        else:
            tests.append("parent=? and parent <> ''")
            values.append(query.parent)
        if query.before:
            tests.append("id < ?")
            values.append(query.before)
        sql = f"{_RUNS} where {' and '.join(tests)} order by id desc limit ?"
        return await self._readers.all(sql, (*values, min(query.limit, LARGEST_PAGE)), rows.run_row)

    async def logs(self, run: str, *, path: str | None = None, limit: int = 1000) -> list[LogLine]:
        """Return the first lines that the steps of a run, or the one at this path, wrote."""
        sql = "select run, path, attempt, at, level, message, fields from logs"
        return await self._readers.all(
            f"{sql} where run=? and (? is null or path=?) order by line limit ?",
            (run, path, path, limit),
            rows.log_line,
        )

    async def version(self, hash: str) -> Version | None:  # noqa: A002 (as in the port)
        """Return a version of a definition by its hash."""
        sql = "select hash, kind, name, text, step_types from definition_versions where hash=?"
        return await self._readers.one(sql, (hash,), rows.version)

    async def awake(self, shards: Collection[int], *, after: str = "", limit: int = 1000) -> list[RunRow]:  # noqa: ARG002
        """Return runs that a restart goes on with, oldest first; one process owns all the shards of a file."""
        return await self._readers.all(
            f"{_RUNS} where finished_at is null and asleep = 0 and id > ? order by id limit ?",
            (after, limit),
            rows.run_row,
        )

    async def timers(self, until: int, shards: Collection[int], *, limit: int = 10_000) -> list[Timer]:  # noqa: ARG002
        """Return the timers that come due up to this time, the earliest first."""
        sql = "select run, path, timer, due from timers where due <= ? order by due limit ?"
        return await self._readers.all(sql, (until, limit), rows.timer)

    async def requests(self, shards: Collection[int], *, limit: int = 10_000) -> list[RequestRow]:  # noqa: ARG002
        """Return the requests that wait, oldest first."""
        sql = "select id, run, kind, body, shard from requests where refusal is null order by id limit ?"
        return await self._readers.all(sql, (limit,), rows.request)

    async def answer(self, request: str) -> bytes | None:
        """Return why a request was refused, None while it waits."""
        found = await self._readers.all("select refusal from requests where id=?", (request,), rows.refusal)
        if not found:
            raise NotFoundError(f"The request {request!r} was answered.")
        return found[0]

    async def subscribers(self, type: str) -> list[Subscription]:  # noqa: A002 (as in the port)
        """Return the waits for events of this type."""
        sql = "select run, path, type, shard from subscriptions where type=? order by run"
        return await self._readers.all(sql, (type,), rows.subscription)

    async def numbers(self, workspace: str) -> range:
        """Return all numbers after the highest that was given; one process gives them all."""
        sql = "select max(number) from runs where workspace=? and number > 0"
        last = await self._readers.one(sql, (workspace,), lambda row: row[0] or 0)
        return range((last or 0) + 1, 2**62)

    async def close(self) -> None:
        """Write what waits, and let go of the file."""
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()  # last, so that it can fold the log into the file and remove it
