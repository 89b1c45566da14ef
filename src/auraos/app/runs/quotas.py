"""`RunQuotas` and `Usage`: how many runs a workspace may begin, and how much of its quotas it has used.

Whether one more run may go on at once is answered out of a number that was read within the last second and what this process
began since: processes on one database go beyond it by no more than what the others began in that second. The runs of a day are
counted in the store, in small blocks that a process takes for itself: they are never more than there may be, and what a process
took and did not use is used by nobody that day.
"""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from auraos.security.access.quotas import Most, QuotaFullError, TooManyRunsError
from auraos.security.access.walls import within
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

SECOND: Final = 1_000_000
DAY: Final = 24 * 3600 * SECOND
LARGEST_BLOCK: Final = 100
MOST_COUNTED: Final = 10_000
"""Of runs no more than so many are counted to tell how many there are."""
PAGE: Final = 200
EVERY: Final = 300.0
"""After so many seconds what may not grow beyond a size is measured again."""
MEASURED_FOR: Final = 600 * SECOND
"""For so long the size of a workspace is believed."""
UNDER_WAY: Final = ("queued", "running", "waiting", "paused", "cancelling", "compensating")
_COUNT = (
    "select count(*) from (select 1 from runs where workspace=? and state <> 'succeeded' and number > 0"  # noqa: S608
    f" and state in ({','.join('?' * len(UNDER_WAY))}) limit ?) as counted"
)
_TODAY = (
    "select count(*) from (select started_at from runs where workspace=? and number > 0 order by number desc limit ?)"
    " as newest where started_at >= ?"
)
_TAKE = (
    "insert into run_days(workspace, day, taken) values(?, ?, ?)"
    " on conflict(workspace, day) do update set taken = run_days.taken + excluded.taken"
    " where run_days.taken + excluded.taken <= ?"
)
_FORGET = "delete from run_days where workspace=? and day < ?"
_KEEP_SIZE = (
    "insert into workspace_sizes(workspace, bytes, at) values(?, ?, ?)"
    " on conflict(workspace) do update set bytes = excluded.bytes, at = excluded.at"
)
_SIZED = ("journal", "facts"), ("logs", "fields"), ("snapshots", "state")


class Size(msgspec.Struct, frozen=True):
    """How many bytes a workspace had, and when they were measured."""

    bytes: int
    at: int


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace has and did; of runs no more than some thousand are counted."""

    definitions: int
    secrets: int
    running_runs: int
    runs_a_day: int
    bytes: int
    measured_at: int
    """When the bytes were measured; 0 for not yet."""


class RunQuotas:
    """Says whether one more run may begin in a workspace."""

    def __init__(self, tables: Tables, most: Most, now: Callable[[], int]) -> None:
        self._tables = tables
        self._most = most
        self._now = now
        self._counted: dict[str, tuple[int, int]] = {}
        self._blocks: dict[str, tuple[int, int]] = {}

    async def take(self, workspace: str) -> None:
        """Count one more run; raise `TooManyRunsError` or `QuotaFullError` where none may begin."""
        running, a_day = self._most(workspace, "running_runs"), self._most(workspace, "runs_a_day")
        await self.look(workspace)
        if a_day:
            await self._take_of_day(workspace, a_day)
        if running:
            count, at = self._counted[workspace]
            self._counted[workspace] = (count + 1, at)

    async def look(self, workspace: str) -> None:
        """Count nothing; raise where the workspace is full, or as many runs are under way as may be."""
        running, size = self._most(workspace, "running_runs"), self._most(workspace, "bytes")
        if size:
            await self._refuse_full(workspace, size)
        if running:
            await self._refuse_running(workspace, running)

    async def _refuse_full(self, workspace: str, most: int) -> None:
        found = await size_of(self._tables, workspace)
        if found is not None and found.bytes >= most:
            raise QuotaFullError.of("bytes", workspace, most)

    async def _refuse_running(self, workspace: str, most: int) -> None:
        count, at = self._counted.get(workspace, (0, -SECOND))
        if self._now() - at >= SECOND or (count >= most and self._now() - at >= SECOND // 10):
            count, at = await count_under_way(self._tables, workspace, most), self._now()
            self._counted[workspace] = (count, at)
        if count >= most:
            raise TooManyRunsError(
                f"{most:,} runs may be under way at once in the workspace {workspace!r}, and are.",
                hint="Wait until some are over, or ask an owner of the installation for a larger quota.",
                what="running_runs", workspace=workspace, most=most, retry_after=1,
            )  # fmt: skip

    async def _take_of_day(self, workspace: str, most: int) -> None:
        now = self._now()
        day = now // DAY
        known, left = self._blocks.get(workspace, (day, 0))
        if known != day or not left:
            left = await self._take_block(workspace, day, most)
        if not left:
            wait = -(-((day + 1) * DAY - now) // SECOND)
            raise TooManyRunsError(
                f"{most:,} runs may begin in a day in the workspace {workspace!r}, and have.",
                hint="The next day begins at midnight in UTC; an owner of the installation can give a larger quota.",
                what="runs_a_day", workspace=workspace, most=most, retry_after=wait,
            )  # fmt: skip
        self._blocks[workspace] = (day, left - 1)

    async def _take_block(self, workspace: str, day: int, most: int) -> int:
        """Return how many more runs may begin of which no other process knows: a block of them, one, or none."""
        for block in sorted({min(LARGEST_BLOCK, max(1, most // 100)), 1}, reverse=True):
            take = Statement(_TAKE, (workspace, day, block, most), expect=1)
            try:
                await self._tables.change([take, Statement(_FORGET, (workspace, day))])
            except NotAsExpectedError:
                continue
            return block
        return 0


class Usage:
    """Tells how much of its quotas a workspace has used."""

    def __init__(self, tables: Tables, blobs: Path, most: Most, now: Callable[[], int]) -> None:
        self._tables = tables
        self._blobs = blobs
        self._most = most
        self._now = now
        self._measuring: dict[str, asyncio.Task[None]] = {}
        self._watching: asyncio.Task[None] | None = None

    async def of(self, workspace: str) -> Used:
        """Return what a workspace has used. Its size is measured beside, so the next answer may know it better."""
        size = await size_of(self._tables, workspace)
        if size is None or self._now() - size.at >= MEASURED_FOR:
            self.measure_soon(workspace)
        counted = {
            table: await self._count(f"select count(*) from {table} where workspace=?", (workspace,))  # noqa: S608
            for table in ("definitions", "secrets")
        }
        midnight = self._now() // DAY * DAY
        return Used(
            **counted,
            running_runs=await count_under_way(self._tables, workspace, MOST_COUNTED),
            runs_a_day=await self._count(_TODAY, (workspace, MOST_COUNTED, midnight)),
            bytes=size.bytes if size is not None else 0,
            measured_at=size.at if size is not None else 0,
        )

    def measure_soon(self, workspace: str) -> None:
        """Measure a workspace beside everything else, unless that goes on already."""
        if workspace not in self._measuring:
            task = self._measuring[workspace] = asyncio.create_task(self.measure(workspace))
            task.add_done_callback(lambda _: self._measuring.pop(workspace, None))

    def start(self, workspaces: Callable[[], Collection[str]]) -> None:
        """Measure again and again those that may not grow beyond a size."""
        self._watching = asyncio.create_task(self._watch(workspaces))

    async def _watch(self, workspaces: Callable[[], Collection[str]]) -> None:
        while True:
            for workspace in workspaces():
                if self._most(workspace, "bytes"):
                    self.measure_soon(workspace)
            await asyncio.sleep(EVERY)

    async def measure(self, workspace: str) -> None:
        """Measure what a workspace has, some runs at a time."""
        with within(workspace):
            await self._measure(workspace)

    async def _measure(self, workspace: str) -> None:
        total = await self._count(
            "select coalesce(sum(length(text)), 0) from definitions where workspace=?", (workspace,)
        )
        last = 0
        while True:
            sql = "select id, number from runs where workspace=? and number > ? order by number limit ?"
            found = await self._tables.all(
                sql, (workspace, last, PAGE), lambda row: (str(row[0]), int(row[1]))
            )
            if not found:
                break
            last = found[-1][1]
            total += await self._size_of_runs([run for run, _ in found])
        total += await asyncio.to_thread(_size_below, self._blobs / workspace)
        await self._tables.change([Statement(_KEEP_SIZE, (workspace, total, self._now()))])

    async def close(self) -> None:
        """Measure no more."""
        if self._watching is not None:
            self._watching.cancel()
        for task in list(self._measuring.values()):
            task.cancel()
        await asyncio.gather(*self._measuring.values(), return_exceptions=True)

    async def _size_of_runs(self, runs: list[str]) -> int:
        """Return the size of runs, and of all that they called."""
        total = 0
        while runs:
            marks = ",".join("?" * len(runs))
            for table, column in _SIZED:
                sql = f"select coalesce(sum(length({column})), 0) from {table} where run in ({marks})"  # noqa: S608
                total += await self._count(sql, tuple(runs))
            sql = f"select id from runs where parent in ({marks}) and parent <> ''"  # noqa: S608
            runs = await self._tables.all(sql, tuple(runs), lambda row: str(row[0]))
        return total

    async def _count(self, sql: str, values: tuple[str | int, ...]) -> int:
        return await self._tables.one(sql, values, lambda row: int(row[0])) or 0


async def count_under_way(tables: Tables, workspace: str, most: int) -> int:
    """Return how many runs of a workspace are not over, counted up to this many."""
    return await tables.one(_COUNT, (workspace, *UNDER_WAY, most), lambda row: int(row[0])) or 0


async def size_of(tables: Tables, workspace: str) -> Size | None:
    """Return how large a workspace was when it was measured last."""
    sql = "select bytes, at from workspace_sizes where workspace=?"
    return await tables.one(sql, (workspace,), lambda row: Size(int(row[0]), int(row[1])))


def _size_below(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
