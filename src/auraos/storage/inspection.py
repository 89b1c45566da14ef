"""What is read of a store to look after it. It walks over many rows, page by page, and nothing hot calls it."""

from typing import Any

from auraos.engine.ports import RunRow
from auraos.engine.stewardship import PARKED, Unfinished
from auraos.storage import rows
from auraos.storage.log_lines import LogLines
from auraos.storage.run_counts import RunCounts

_COUNT = (
    "select asleep, state, case when why like ? then 1 else 0 end, count(*), min(started_at) from runs"
    " where finished_at is null group by 1, 2, 3"
)


class Inspection(RunCounts, LogLines):
    """The reading of a store by whoever looks after it. Whoever inherits it sets `_reader`."""

    _reader: Any

    async def every_run(self, after: str = "", *, limit: int = 1000) -> list[RunRow]:
        """Return runs of all workspaces by id, pages of loops too, beginning after this one."""
        sql = f"{rows.SELECT_RUNS} where id > ? order by id limit ?"
        found: list[RunRow] = await self._reader.all(sql, (after, limit), rows.run_row)
        return found

    async def results(self, run: str) -> list[tuple[str, int]]:
        """Return (path, generation) of each effect of a run whose success counts."""
        sql = "select path, generation from results where run=? order by path, generation"
        found: list[tuple[str, int]] = await self._reader.all(sql, (run,), lambda row: (row[0], row[1]))
        return found

    async def unfinished(self) -> Unfinished:
        """Count the runs that are not over."""
        counts = await self._reader.all(_COUNT, (f"{PARKED}%",), tuple)
        awake = [count for count in counts if not count[0]]
        return Unfinished(
            awake=sum(count[3] for count in awake),
            asleep=sum(count[3] for count in counts if count[0]),
            parked=sum(count[3] for count in counts if count[2]),
            quarantined=sum(count[3] for count in counts if count[1] == "quarantined"),
            oldest=min((count[4] for count in awake), default=None),
        )
