"""What a store says of the runs of a workflow without reading a journal: SQL that both databases understand."""

from typing import Any

from auraos.engine.counting import RunsCounted, RunWindow, Spread, rank
from auraos.engine.ports import RunRow
from auraos.storage import rows
from auraos.storage.texts import is_storable

_MEANT = "workspace=? and workflow=? and number > 0 and started_at >= ? and started_at < ?"
_COUNTS = "select version, state, count(*) from runs where {meant} group by version, state"
_PLACED = (
    "with ended as (select version, finished_at - started_at as took from runs where {meant} and finished_at is not null),"
    " meant as (select version, took from ended union all select '', took from ended),"
    " placed as (select version, took, row_number() over (partition by version order by took) as place,"
    " count(*) over (partition by version) as many from meant)"
    " select version, many, place, took from placed"
    " where place in ((many * 50 + 99) / 100, (many * 95 + 99) / 100, (many * 99 + 99) / 100)"
)
"""The durations at the places that `counting.rank` names, of each version and of all together."""


class RunCounts:
    """The counting half of a store. Whoever inherits it sets `_reader`."""

    _reader: Any

    async def count_runs(self, window: RunWindow) -> list[RunsCounted]:
        """Return what there is to say of all runs of a window, and of each version; the first one is all together."""
        meant, values = _meant(window)
        if not all(is_storable(value) for value in values):
            return []
        counts: list[tuple[str, str, int]] = await self._reader.all(
            _COUNTS.format(meant=meant), values, tuple
        )
        states: dict[str, dict[str, int]] = {"": {}}
        for version, state, count in counts:
            states.setdefault(version, {})[state] = count
            states[""][state] = states[""].get(state, 0) + count
        placed: list[tuple[str, int, int, int]] = await self._reader.all(
            _PLACED.format(meant=meant), values, tuple
        )
        took: dict[str, tuple[int, dict[int, int]]] = {}
        for version, many, place, micros in placed:
            took.setdefault(version, (many, {}))[1][place] = micros
        return [
            RunsCounted(
                version=version, states=own, took=_spread(*took[version]) if version in took else None
            )
            for version, own in states.items()
        ]

    async def newest_of(self, window: RunWindow, limit: int) -> list[RunRow]:
        """Return the newest runs of a window."""
        meant, values = _meant(window)
        if not all(is_storable(value) for value in values):
            return []
        sql = f"{rows.SELECT_RUNS} where {meant} order by number desc limit ?"
        found: list[RunRow] = await self._reader.all(sql, (*values, limit), rows.run_row)
        return found


def _meant(window: RunWindow) -> tuple[str, tuple[Any, ...]]:
    values = (window.workspace, window.workflow, window.since, window.until)
    if not window.version:
        return _MEANT, values
    return f"{_MEANT} and version >= ? and version < ?", (*values, window.version, f"{window.version}~")


def _spread(many: int, placed: dict[int, int]) -> Spread:
    p50, p95, p99 = (placed[rank(many, percent)] for percent in (50, 95, 99))
    return Spread(count=many, p50=p50, p95=p95, p99=p99)
