"""Which runs a wish means: those that are named, or those that a filter finds; and which of them it could be done to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from auraos.app.runs.failed import FAILED, RunReader, Wanted, find_failures
from auraos.app.runs.runs import NoRunError, Runs
from auraos.core.errors import UserError
from auraos.core.run import FINAL
from auraos.engine.ports import RunQuery, RunRow
from auraos.storage.tables.bulk_rows import Action

MOST: Final = 10_000
"""So many runs one wish may mean."""
PAGE: Final = 1000
UNDER_WAY: Final = ("queued", "running", "waiting", "paused", "cancelling", "compensating", "quarantined")
USUAL: Final[Mapping[Action, tuple[str, ...]]] = {
    "cancel": UNDER_WAY,
    "pause": ("queued", "running", "waiting"),
    "resume": ("paused", "quarantined"),
    "prioritize": ("queued",),
    "signal": UNDER_WAY,
    "retry": FAILED,
    "fork": tuple(sorted(FINAL - {"moved"})),
}
"""The states of the runs that are meant where the filter names none."""


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Names of runs, or a filter over them; times are microseconds since 1970."""

    runs: tuple[str, ...] = ()
    workflow: str = ""
    states: tuple[str, ...] = ()
    version: str = ""
    """The beginning of a version's hash."""
    code: str = ""
    """The code or the class of the error that a run failed with."""
    since: int = 0
    until: int = 0


class Meant(msgspec.Struct, frozen=True):
    """One run that is meant; without a row it is not there, and the error says so."""

    name: str
    row: RunRow | None = None
    error: UserError | None = None


class Selection(msgspec.Struct, frozen=True):
    """The runs that are meant, and whether there are more than may be at once."""

    meant: Sequence[Meant]
    more: bool = False

    @property
    def states(self) -> dict[str, int]:
        """Return how many of them are in which state."""
        found: dict[str, int] = {}
        for each in self.meant:
            state = each.row.state if each.row is not None else "not-found"
            found[state] = found.get(state, 0) + 1
        return found


class Selecting:
    """Finds the runs of one workspace that are meant, of those that whoever asks reaches."""

    def __init__(
        self,
        store: RunReader,
        runs: Runs,
        workspace: str,
        reaches: Callable[[RunRow], Awaitable[bool]] | None,
    ) -> None:
        self._store = store
        self._runs = runs
        self._workspace = workspace
        self._reaches = reaches

    async def select(self, action: Action, which: Which, limit: int) -> Selection:
        """Return what is meant, at most so many."""
        if which.runs:
            return Selection(await self._named(which.runs))
        if action == "retry" and not which.states:
            return await self._failed(which, limit)
        found: list[Meant] = []
        before = ""
        while True:
            query = RunQuery(
                workspace=self._workspace, states=which.states or USUAL[action], workflow=which.workflow, before=before,
                limit=PAGE,
            )  # fmt: skip
            rows = await self._store.runs(query)
            for row in rows:
                if not _fits(which, row) or not await self._is_reached(row):
                    continue
                if len(found) == limit:
                    return Selection(found, more=True)
                found.append(Meant(row.run, row))
            if len(rows) < PAGE:
                return Selection(found)
            before = rows[-1].run

    async def _named(self, names: Sequence[str]) -> list[Meant]:
        found: dict[str, Meant] = {}
        for name in names:
            try:
                row = await self._runs.find(self._workspace, name)
            except UserError as error:
                found.setdefault(name, Meant(name, None, error))
                continue
            if await self._is_reached(row):
                found.setdefault(row.run, Meant(row.run, row))
            else:
                found.setdefault(name, Meant(name, None, NoRunError.of(name)))
        return list(found.values())

    async def _failed(self, which: Which, limit: int) -> Selection:
        """Return failed runs that nobody has taken up again."""
        wanted = Wanted(
            workspace=self._workspace, workflow=which.workflow, code=which.code, since=which.since, limit=MOST
        )
        failed = await find_failures(self._store, wanted)
        rows = [each.row for each in failed.failures if _fits(which, each.row)]
        reached = [row for row in rows if await self._is_reached(row)]
        return Selection(
            [Meant(row.run, row) for row in reached[:limit]], more=failed.more or len(reached) > limit
        )

    async def _is_reached(self, row: RunRow) -> bool:
        return self._reaches is None or await self._reaches(row)


def _fits(which: Which, row: RunRow) -> bool:
    return (
        row.version.startswith(which.version)
        and row.started_at >= which.since
        and not (which.until and row.started_at >= which.until)
    )
