"""What both stores read in the same words: SQL with `?` for values, which each store's readers carry out."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

from auraos.core.errors import OperationalError, UserError
from auraos.engine.ports import (
    Batch,
    LogLine,
    NotFoundError,
    RunQuery,
    RunRow,
    StoredRun,
    Subscription,
    Version,
)
from auraos.storage import rows
from auraos.storage.inspection import Inspection
from auraos.storage.reader import Reader
from auraos.storage.texts import is_storable
from auraos.storage.whole_runs import read_runs

T = TypeVar("T")
LARGEST_PAGE = 1000
LONGEST_READ = 5.0
"""For how many seconds a query may run before it is cut off."""


class ReadTooLongError(OperationalError):
    """A query of the store took too long and was cut off."""

    code = "read-too-long"


class ReadFailedError(OperationalError):
    """The store could not be read."""

    code = "read-failed"


class AmbiguousRunError(UserError):
    """More than one run's id begins so."""

    code = "ambiguous-run"


_BELOW = (
    "number < coalesce((select number from runs where id=? and workspace=?),"
    " (select max(number) + 1 from runs where workspace=? and id < ?))"
)
"""Started before this run; if that was deleted meanwhile, before those whose ids come before its own."""


class Opening(Protocol):
    """What is done with what private runs wrote when it is read."""

    async def open_journal(self, run: str, batches: list[Batch]) -> list[Batch]: ...

    async def open_runs(self, found: list[StoredRun]) -> list[StoredRun]: ...

    async def open_lines(self, run: str, lines: list[LogLine]) -> list[LogLine]: ...

    async def is_private(self, run: str) -> bool: ...


class Reads(Inspection):
    """The reading half of a store. Whoever inherits it sets `_reader`."""

    _reader: Reader
    _asked: Reader | None = None
    """Carries out what somebody asks, where that sees less than the engine does."""
    opening: Opening | None = None
    """Opens what private runs wrote, or hides it; where nobody has set it, it stays under seal."""
    _newest_by = "id"
    """What says which runs are newer. Where one process numbers them all, their numbers do, also for ids that somebody chose."""

    def behind(self, opening: Opening) -> "Reads":
        """Return the same store for whoever asks of runs: read through something, and behind the walls between workspaces."""
        return _Shown(self._asked or self._reader, self._newest_by, opening)

    async def _one(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the first that a query finds, or None."""
        found = await self._reader.all(sql, parameters, make)
        return found[0] if found else None

    async def journal(self, run: str, after: int = 0) -> list[Batch]:
        """Return the journal of a run in order."""
        sql = "select seq, count, facts from journal where run=? and seq + count - 1 > ? order by seq"
        batches = await self._reader.all(sql, (run, after), rows.batch)
        return batches if self.opening is None else await self.opening.open_journal(run, batches)

    async def is_private(self, run: str) -> bool:
        """Return whether what a run tells is under seal, or was until it was erased."""
        return self.opening is not None and await self.opening.is_private(run)

    async def read(self, runs: Collection[str]) -> list[StoredRun]:
        """Return those of these runs that there are, each with what brings it into memory."""
        found = await read_runs(self._reader, runs)
        return found if self.opening is None else await self.opening.open_runs(found)

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None:
        """Return the run with this id; within a workspace also by its number or the beginning of its id."""
        if not is_storable(name):
            return None
        if workspace is None:
            return await self._one(f"{rows.SELECT_RUNS} where id=?", (name,), rows.run_row)
        if name.isascii() and name.isdigit() and len(name) < 12:
            sql = f"{rows.SELECT_RUNS} where workspace=? and number=? and number > 0"
            by_number = await self._one(sql, (workspace, int(name)), rows.run_row)
            if by_number is not None:
                return by_number
        sql = f"{rows.SELECT_RUNS} where id >= ? and id < ? and workspace=? order by id limit 2"
        found = await self._reader.all(sql, (name, name + "\U0010ffff", workspace), rows.run_row, page=2)
        if len(found) > 1 and found[0].run != name:
            raise AmbiguousRunError(f"The ids of several runs begin with {name!r}.", hint="Write more of it.")
        return found[0] if found and name else None

    async def runs(self, query: RunQuery) -> list[RunRow]:
        """Return a page of runs, newest first."""
        order = self._newest_by if query.parent is None else "id"
        tests: list[str] = ["workspace=?"]
        values: list[Any] = [query.workspace]
        if query.states:
            tests.append(f"state in ({','.join('?' * len(query.states))})")
            values.extend(query.states)
            if "succeeded" not in query.states:
                tests.append("state <> 'succeeded'")  # which is what the index by state has
        if query.workflow:
            tests.append("workflow=?")
            values.append(query.workflow)
        if query.parent is None:
            tests.append("number > 0")
        else:
            tests.append("parent=? and parent <> ''")
            values.append(query.parent)
        if query.before:
            if order == "id":
                tests.append("id < ?")
                values.append(query.before)
            else:
                tests.append(_BELOW)
                values += [query.before, query.workspace, query.workspace, query.before]
        if not all(is_storable(value) for value in values):
            return []
        sql = f"{rows.SELECT_RUNS} where {' and '.join(tests)} order by {order} desc limit ?"
        limit = min(query.limit, LARGEST_PAGE)
        return await self._reader.all(sql, (*values, limit), rows.run_row, page=limit)

    async def versions(self) -> list[str]:
        """Return the hashes of all versions that are kept."""
        return await self._reader.all(
            "select hash from definition_versions order by hash", (), lambda row: str(row[0])
        )

    async def ended(
        self, version: str, after: tuple[int, str], until: int, *, limit: int = 500
    ) -> list[RunRow]:
        """Return runs of a version that ended up to a time, but for those that a run which is not over belongs to."""
        sql = (
            f"{rows.SELECT_RUNS} where version = ? and finished_at is not null and (finished_at, id) > (?, ?)"  # noqa: S608
            " and finished_at <= ?"
            " and not exists(select 1 from runs c where c.parent = runs.id and c.parent <> '' and c.finished_at is null)"
            " and not exists(select 1 from runs p where p.id = runs.parent and p.finished_at is null)"
            " order by finished_at, id limit ?"
        )
        return await self._reader.all(sql, (version, *after, until, limit), rows.run_row)

    async def refused(self, before: str, *, limit: int = 500) -> list[str]:
        """Return requests that were refused and whose ids are before this one."""
        sql = "select id from requests where refusal is not null and id < ? order by id limit ?"
        return await self._reader.all(sql, (before, limit), lambda row: str(row[0]))

    async def logs(
        self, run: str, *, path: str | None = None, limit: int = 1000, after: int = 0
    ) -> list[LogLine]:
        """Return the first lines that the steps of a run, or the one at this path, wrote, but for so many."""
        sql = "select run, path, attempt, at, level, message, fields from logs where run=?"
        values: tuple[Any, ...] = (run,)
        if path is not None:
            if not is_storable(path):
                return []
            sql, values = f"{sql} and path=?", (run, path)
        lines = await self._reader.all(
            f"{sql} order by line limit ? offset ?", (*values, limit, after), rows.log_line
        )
        return lines if self.opening is None else await self.opening.open_lines(run, lines)

    async def version(self, hash: str) -> Version | None:  # noqa: A002 (as in the port)
        """Return a version of a definition by its hash."""
        sql = "select hash, kind, name, text, step_types from definition_versions where hash=?"
        return await self._one(sql, (hash,), rows.version)

    async def answer(self, request: str) -> bytes | None:
        """Return why a request was refused, None while it waits."""
        found = await self._reader.all("select refusal from requests where id=?", (request,), rows.refusal)
        if not found:
            raise NotFoundError(f"The request {request!r} was answered.")
        return found[0]

    async def cached(self, workspace: str, key: str, now: int) -> bytes | None:
        """Return the output under a key, unless there is none or its time is over."""
        sql = "select value from cache where workspace=? and key=? and expires > ?"
        return await self._one(sql, (workspace, key, now), lambda row: bytes(row[0]))

    async def has_expired(self, now: int) -> bool:
        """Return whether there are cached outputs whose time is over."""
        sql = "select expires from cache where expires <= ? order by expires limit 1"
        return await self._one(sql, (now,), lambda row: int(row[0])) is not None

    async def subscribers(self, type: str, workspace: str) -> list[Subscription]:  # noqa: A002 (as in the port)
        """Return the waits of a workspace's runs for events of this type."""
        if not is_storable(type):
            return []
        sql = (
            "select run, path, type, shard from subscriptions where type=? and workspace=? order by run, path"
        )
        return await self._reader.all(sql, (type, workspace), rows.subscription)


class _Shown(Reads):
    """The reading half of a store, with something between it and whoever looks."""

    def __init__(self, reader: Reader, newest_by: str, opening: Opening) -> None:
        self._reader = reader
        self._newest_by = newest_by
        self.opening = opening
