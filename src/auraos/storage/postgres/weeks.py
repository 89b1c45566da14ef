"""The large tables are divided by the week in which a run was born, so that the disk gets the room of old weeks back.

A run's rows lie in the part of its week, for its id begins with its time. Runs are deleted row by row, and the room is used
again by others of their week. Once a week is over and none of its runs is left, its parts are dropped. Where some are left and
most are gone, those that are left move to a new part, which then takes the place of the old one: what is over is copied while
everybody works, and what is not in the short transaction that puts the new part in place.

Ids that are not made of the time have parts of their own (`low`, `high`), in which room is only used again. `other` takes what
belongs to a week without a part; when the part is made, such rows move there. Each table is divided for itself, each change is
one transaction, and none waits longer than a moment for a lock. So whatever is cut off, all rows are there, once; what was being
copied is thrown away by whoever comes next.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

import asyncpg

from auraos.storage.migrations.walls import INSTALLATION, SAYS, wall

log = logging.getLogger("auraos.storage")

TABLES = ("journal", "results", "logs", "snapshots")
LOCK = 0x41757261_6F730002
"""The advisory lock of whoever looks after the weeks; for others there is nothing to do then."""
AHEAD = 4
"""So many weeks have their parts before they begin."""
REST = timedelta(days=1)
"""So long after its end a week is left alone."""
WORTHWHILE = 8 * 1024 * 1024
"""A part of fewer bytes is not copied for the sake of its room."""
ROW_HEAD = 28
"""So many bytes a row takes besides its columns."""
SAMPLE = 1_000
"""From so many pages it is judged how full a part is."""
AT_ONCE = 500
MOST_OPEN = 5_000
"""Of a week with more runs that are not over, what is left is not moved: that would hold others up."""
SETTLED = timedelta(hours=1)
"""So long after its end nothing more is written of a run, such as the last line of a step that was cut off."""
PAUSE = 0.01
PATIENCE = {"lock_timeout": "500ms", "statement_timeout": "5s"}
"""For so long a change may wait for others, who wait behind it, and so long each of its statements may take."""

_IN_THE_WAY = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.CheckViolationError,
)
"""What a change may meet that waits for another time; the last is a row that came into `other` meanwhile."""
_PART = re.compile(r"(?P<table>[a-z]+)_(?P<start>[0-9]{8})(?P<new>_new)?", re.ASCII)
_RUNS = (
    "select md5(coalesce(string_agg(id, ',' order by id), '')) as ids,"
    " coalesce(array_agg(id) filter (where finished_at is null or finished_at > $3), '{}') as open"
    " from runs where id >= $1 and id < $2"
)
_BLIND = f"current_setting('{SAYS}', true) is distinct from '{INSTALLATION[SAYS]}'"
_OVER = "select id from runs where id > $1 and id < $2 and id <> all($3::text[]) order by id limit $4"
_SIZE = "select pg_table_size($1::regclass) as size, 1 + pg_relation_size($1::regclass) / 8192 as pages"
_COLUMNS = (
    "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped"
)
_PARTS = (
    "select tablename from pg_tables where schemaname = current_schema() and tablename ~ '_[0-9]{8}(_new)?$'"
)


class Week(NamedTuple):
    """A week, from Monday on, in UTC."""

    start: date

    @classmethod
    def of(cls, moment: datetime) -> "Week":
        """Return the week of a moment."""
        day = moment.astimezone(UTC).date()
        return cls(day - timedelta(days=day.weekday()))

    @property
    def next(self) -> "Week":
        return Week(self.start + timedelta(days=7))

    @property
    def begins(self) -> datetime:
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)

    @property
    def first_id(self) -> str:
        """Return what is before every id of this week, and after every one of the week before."""
        moment = f"{round(self.begins.timestamp() * 1000):012x}"
        return f"{moment[:8]}-{moment[8:]}"

    def part_of(self, table: str) -> str:
        """Return the name of the part of a table."""
        return f"{table}_{self.start:%Y%m%d}"


class Weeks:
    """Looks after the weeks of a database, over a connection that is lent to it."""

    def __init__(
        self, connection: asyncpg.Connection, *, patience: Mapping[str, str] = MappingProxyType(PATIENCE)
    ) -> None:
        self._connection = connection
        self._patience = patience

    async def tidy(self, now: datetime) -> None:
        """Make the parts of the next weeks, and give the room of old ones back."""
        async with self._alone() as is_alone:
            if not is_alone:
                return
            await self._clear()
            await self.prepare(_weeks_around(now))
            for table, week in sorted(await self._parts()):
                if week.next.begins <= now - REST:
                    await self._give_back(table, week, now - SETTLED)

    async def make_ready(self, now: datetime) -> None:
        """Make the parts of the next weeks."""
        async with self._alone() as is_alone:
            if is_alone:
                await self.prepare(_weeks_around(now))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[bool]:
        """Do nothing where another process looks after the weeks now, and stop where somebody is in the way for longer."""
        if not await self._connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
            yield False
            return
        try:
            yield True
        except _IN_THE_WAY as error:
            log.info("store.weeks_postponed", extra={"reason": str(error)})
        finally:
            if not self._connection.is_closed():
                await self._connection.execute("select pg_advisory_unlock($1)", LOCK)

    async def prepare(self, weeks: Iterable[Week]) -> None:
        """Make the parts of these weeks that there are not."""
        parts = await self._parts()
        for week in weeks:
            for table in TABLES:
                if (table, week) not in parts:
                    await self._make(table, week)

    async def _parts(self) -> set[tuple[str, Week]]:
        found = [_PART.fullmatch(row[0]) for row in await self._connection.fetch(_PARTS)]
        return {
            (part["table"], Week(datetime.strptime(part["start"], "%Y%m%d").date()))  # noqa: DTZ007 (a date)
            for part in found
            if part and not part["new"] and part["table"] in TABLES
        }

    async def _clear(self) -> None:
        """Throw away what somebody copied who did not come to the end."""
        for (name,) in await self._connection.fetch(_PARTS):
            if (part := _PART.fullmatch(name)) and part["new"] and part["table"] in TABLES:
                await self._connection.execute(f"drop table {name}")

    async def _make(self, table: str, week: Week) -> None:
        """Make one part; what lies in `other` for this week moves there."""
        part, low, high = week.part_of(table), week.first_id, week.next.first_id
        async with self._connection.transaction():
            await self._be_short()
            await self._connection.execute(f"lock table {table}_other in access exclusive mode")
            await self._connection.execute(f"create table {part} (like {table} including defaults)")
            await self._connection.execute(
                f"with moved as (delete from {table}_other where run >= $1 and run < $2 returning *)"  # noqa: S608
                f" insert into {part} select * from moved",
                low,
                high,
            )
            await self._attach(table, part, week)

    async def _give_back(self, table: str, week: Week, settled: datetime) -> None:
        """Drop a part of which nothing is left, or let what is left move out of it where most is gone."""
        if not await self._is_used(week):
            await self._drop(table, week)
        elif await self._is_mostly_room(week.part_of(table)):
            await self._move(table, week, settled)

    async def _drop(self, table: str, week: Week) -> None:
        async with self._connection.transaction():
            await self._be_short()
            await self._connection.execute(f"lock table only {table} in access exclusive mode")
            if not await self._is_used(week):
                await self._connection.execute(f"drop table {week.part_of(table)}")
                log.info("store.week_dropped", extra={"table": week.part_of(table)})

    async def _move(self, table: str, week: Week, settled: datetime) -> None:
        """Copy what is left of a week into a new part, and put that in place of the old one."""
        part, low, high = week.part_of(table), week.first_id, week.next.first_id
        ids, are_open = await self._runs(week, settled)
        if len(are_open) > MOST_OPEN:
            return
        await self._connection.execute(
            f"create table {part}_new (like {table} including defaults including indexes,"
            f" constraint of_week check (run >= '{low}' and run < '{high}'))"
        )
        copy = f"insert into {part}_new select * from {part} where run = any($1::text[])"  # noqa: S608
        after = low
        while rows := await self._connection.fetch(_OVER, after, high, are_open, AT_ONCE):
            await self._connection.execute(copy, [row[0] for row in rows])
            after = rows[-1][0]
            await asyncio.sleep(PAUSE)
        async with self._connection.transaction():
            await self._be_short()
            await self._connection.execute(f"lock table only {table} in access exclusive mode")
            if (await self._runs(week, settled))[0] == ids:
                await self._connection.execute(copy, are_open)
                await self._connection.execute(f"drop table {part}")
                await self._connection.execute(f"alter table {part}_new rename to {part}")
                await self._attach(table, part, week)
                await self._connection.execute(f"alter table {part} drop constraint of_week")
                log.info("store.week_moved", extra={"table": part})
            else:  # a run was deleted meanwhile, or one came
                await self._connection.execute(f"drop table {part}_new")

    async def _is_mostly_room(self, part: str) -> bool:
        """Return whether less than half of a part is taken by rows, as far as some of its pages tell."""
        found = await self._connection.fetchrow(_SIZE, part)
        assert found is not None
        if found["size"] < WORTHWHILE:
            return False
        columns = [row[0] for row in await self._connection.fetch(_COLUMNS, part)]
        widths = " + ".join(f"coalesce(pg_column_size({column}), 0)" for column in columns)
        share = min(1.0, SAMPLE / found["pages"])
        sql = f"select coalesce(sum({widths} + {ROW_HEAD}), 0)::bigint from {part} tablesample system ({100 * share})"  # noqa: S608
        taken = int(await self._connection.fetchval(sql)) / share
        return bool(2 * taken < found["size"])

    async def _attach(self, table: str, part: str, week: Week) -> None:
        """Let a part take the rows of its week from now on, behind a wall of its own for whoever names it."""
        bounds = f"from ('{week.first_id}') to ('{week.next.first_id}')"
        for statement in wall(part):
            await self._connection.execute(statement)
        await self._connection.execute(f"alter table {table} attach partition {part} for values {bounds}")

    async def _is_used(self, week: Week) -> bool:
        """Return whether there are runs of a week; of a connection that does not see all of them, nobody knows."""
        sql = f"select {_BLIND} or exists(select from runs where id >= $1 and id < $2)"  # noqa: S608 (words of ours)
        return bool(await self._connection.fetchval(sql, week.first_id, week.next.first_id))

    async def _runs(self, week: Week, settled: datetime) -> tuple[str, list[str]]:
        """Return what stands for the ids of a week's runs, and those of which something may still be written."""
        until = round(settled.timestamp() * 1_000_000)
        found = await self._connection.fetchrow(_RUNS, week.first_id, week.next.first_id, until)
        assert found is not None
        return found["ids"], found["open"]

    async def _be_short(self) -> None:
        for name, time in self._patience.items():
            await self._connection.execute("select set_config($1, $2, true)", name, time)


def weeks_of(prefixes: Iterable[str]) -> list[Week]:
    """Return the weeks in which ids may lie that begin so, with six hexadecimal digits of the time each; the newest first."""
    found: set[Week] = set()
    for prefix in prefixes:
        for rest in ("000000", "ffffff"):
            found.add(Week.of(datetime.fromtimestamp(int(prefix + rest, 16) / 1000, tz=UTC)))
    return sorted(found, reverse=True)


def _weeks_around(now: datetime) -> list[Week]:
    """Return the week before, for clocks that are behind, this one and the next."""
    return [Week.of(now + timedelta(days=7 * ahead)) for ahead in range(-1, AHEAD + 1)]
