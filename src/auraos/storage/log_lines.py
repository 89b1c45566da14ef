"""Reading the logs of many runs: in bounded pieces, by SQL that both databases understand."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from auraos.engine.log_lines import KeptLine, LinePlace, RunsMet, RunStretch
from auraos.storage import rows
from auraos.storage.texts import is_storable

_STRETCH = "workspace=? and number > 0 and number > ? and number < ? order by number {order} limit ?"
_MEANT = "(finished_at is null or finished_at >= ?) and started_at < ? and (? = '' or workflow = ?)"


class LogLines:
    """The half of a store that reads logs. Whoever inherits it sets `_reader`, and `opening` where something is under seal."""

    _reader: Any
    opening: Any

    async def runs_of(self, stretch: RunStretch) -> RunsMet:
        """Return the runs of a stretch that are meant. However few they are, no more than `limit` are looked at."""
        order = "asc" if stretch.oldest_first else "desc"
        within = (stretch.workspace, stretch.above, stretch.below, stretch.limit)
        meant = (stretch.since, stretch.until, stretch.workflow, stretch.workflow)
        if not is_storable(stretch.workflow):
            return RunsMet(rows=[], looked=0, last=0)
        inner = f"from runs where {_STRETCH.format(order=order)}"
        sql = f"select count(*), min(number), max(number) from (select number {inner}) as looked"  # noqa: S608
        (looked, lowest, highest), *_ = await self._reader.all(sql, within, tuple)
        if not looked:
            return RunsMet(rows=[], looked=0, last=0)
        sql = rows.SELECT_RUNS.replace(" from runs", f" from (select * {inner}) as looked")
        found = await self._reader.all(
            f"{sql} where {_MEANT} order by number {order}", (*within, *meant), rows.run_row
        )
        return RunsMet(rows=found, looked=looked, last=highest if stretch.oldest_first else lowest)

    async def lines_of(
        self,
        runs: Sequence[str],
        *,
        after: LinePlace | None = None,
        oldest_first: bool = False,
        limit: int = 1000,
    ) -> list[KeptLine]:
        """Return lines of these runs by run and line, in their order or against it, beginning after a place."""
        if not runs:
            return []
        sql = (
            "select run, path, attempt, at, level, message, fields, line from logs"  # noqa: S608
            f" where run in ({','.join('?' * len(runs))})"
        )
        values: list[Any] = list(runs)
        if after is not None:
            sql += f" and (run, line) {'>' if oldest_first else '<'} (?, ?)"
            values += [after.run, after.line]
        order = "asc" if oldest_first else "desc"
        found: list[KeptLine] = await self._reader.all(
            f"{sql} order by run {order}, line {order} limit ?", (*values, limit), _kept
        )
        if self.opening is None or not any(one.is_private for one in found):
            return found
        opened: list[KeptLine] = []
        for run, lines in groupby(found, key=lambda one: one.said.run):
            own = list(lines)
            said = await self.opening.open_lines(run, [one.said for one in own])
            opened += [msgspec.structs.replace(one, said=new) for one, new in zip(own, said, strict=True)]
        return opened


def _kept(row: Sequence[Any]) -> KeptLine:
    said = rows.log_line(row)
    return KeptLine(line=row[7], said=said, is_private="$sealed" in said.fields)
