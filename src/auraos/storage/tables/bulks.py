"""Keeps wishes for many runs, and of each run what became of it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry
from auraos.storage.tables.bulk_rows import Bulk, BulkRun
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import Statement, Tables

AT_ONCE: Final = 500
_BULK = Shape(Bulk, "bulks", ("id",))
_RUN = Shape(BulkRun, "bulk_runs", ("bulk", "position"))


class BulkTables(RowTables):
    """The rows of wishes, and of the runs that each means."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables, {Bulk: _BULK, BulkRun: _RUN})
        self._of = tables

    async def add(self, bulk: Bulk, runs: Sequence[BulkRun], entry: Entry) -> None:
        """Keep a new wish with all its runs and what the audit trail says of it."""
        await self._of.change([*_inserted(_BULK, [bulk]), *_inserted(_RUN, runs)], [entry])

    async def newest(self, workspace: str, before: str, limit: int) -> list[Bulk]:
        """Return wishes of a workspace, the newest first, beginning before the one of this id."""
        sql = f"{_BULK.select} where workspace=? and id<? order by id desc limit ?"
        return await self._of.all(sql, (workspace, before or "~", limit), _BULK.make)

    async def unfinished(self, now: int) -> list[Bulk]:
        """Return the wishes that nobody is at though there is more to do."""
        sql = f"{_BULK.select} where state='running' and held_until<? order by id"
        return await self._of.all(sql, (now,), _BULK.make)

    async def forgettable(self, now: int, limit: int) -> list[Bulk]:
        """Return wishes whose record may go."""
        sql = f"{_BULK.select} where ends_at<=? order by ends_at limit ?"
        return await self._of.all(sql, (now, limit), _BULK.make)

    async def runs(self, bulk: str, after: int, limit: int, *, open_only: bool = False) -> list[BulkRun]:
        """Return the runs of a wish in order, after this position; the open ones are those of which nothing is known yet."""
        still = " and became in ('pending','begun')" if open_only else ""
        sql = f"{_RUN.select} where bulk=? and position>?{still} order by position limit ?"
        return await self._of.all(sql, (bulk, after, limit), _RUN.make)


def _inserted(shape: Shape[Any], rows: Sequence[msgspec.Struct]) -> Iterator[Statement]:
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        marks = f"({','.join('?' * len(shape.columns))})"
        values = tuple(shape.value(row, column) for row in some for column in shape.columns)
        sql = f"insert into {shape.table}({', '.join(shape.columns)}) values{','.join([marks] * len(some))}"
        yield Statement(sql, values, expect=len(some), name=shape.table)
