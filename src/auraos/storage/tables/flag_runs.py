"""How the runs of a version ended, counted one by one."""

from collections.abc import Sequence
from typing import Any, Final

from auraos.settings.flags.guard import Tally
from auraos.storage.tables.statement import Tables

_FAILED: Final = ("failed", "compensated")
_ENDED: Final = "state in ('succeeded', 'failed', 'compensated')"
_HASH: Final = "select hash from publications where workspace=? and kind='workflow' and name=? and version=?"
_OF: Final = f"version=? and workspace=? and {_ENDED} and number > 0"
LAST: Final = f"select state, finished_at from runs where {_OF} and finished_at > ? order by finished_at desc, id desc limit ?"
DURING: Final = (
    f"select state, count(*), min(finished_at) from runs where {_OF} and finished_at >= ? group by state"
)


class VersionRuns:
    """Counts ended runs in the tables of a store. Those of trials and pages of loops are none."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._hashes: dict[tuple[str, str, int], str] = {}

    async def last(self, workspace: str, workflow: str, version: int, *, since: int, most: int) -> Tally:
        """Return how the last ones ended, so many at most, of those that ended after a time."""
        hash_ = await self._hash(workspace, workflow, version)
        found = await self._tables.all(LAST, (hash_, workspace, since, most), _ended)
        return Tally(
            runs=len(found),
            failed=sum(state in _FAILED for state, _ in found),
            since=min((at for _, at in found), default=0),
        )

    async def during(self, workspace: str, workflow: str, version: int, *, since: int) -> Tally:
        """Return how all ended that did so from a time on."""
        hash_ = await self._hash(workspace, workflow, version)
        found = await self._tables.all(DURING, (hash_, workspace, since), _counted)
        return Tally(
            runs=sum(count for _, count, _ in found),
            failed=sum(count for state, count, _ in found if state in _FAILED),
            since=min((at for _, _, at in found), default=0),
        )

    async def _hash(self, workspace: str, workflow: str, version: int) -> str:
        """Return the name of a version as runs have it; nothing where there is none."""
        mark = (workspace, workflow, version)
        if mark not in self._hashes:
            found = await self._tables.one(_HASH, mark, lambda row: str(row[0]))
            if found is None:
                return ""
            self._hashes[mark] = found
        return self._hashes[mark]


def _ended(row: Sequence[Any]) -> tuple[str, int]:
    return str(row[0]), int(row[1])


def _counted(row: Sequence[Any]) -> tuple[str, int, int]:
    return str(row[0]), int(row[1]), int(row[2])
