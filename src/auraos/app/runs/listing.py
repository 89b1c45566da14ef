"""The list of runs in pages, which new runs do not shift: each goes on after the last run of the one before."""

from collections.abc import Sequence

import msgspec

from auraos.app.house import House
from auraos.engine.ports import NotFoundError, RunQuery, RunRow

_AT_ONCE = 1_000
"""A store answers with so many runs at most."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some runs, the newest first."""

    rows: Sequence[RunRow]
    next: str | None
    """The id after which the next page begins; None where there are no more runs."""


async def read_page(house: House, query: RunQuery) -> Page:
    """Return the runs that are asked for, as many as the query's `limit` says, and where the next ones begin."""
    rows: list[RunRow] = []
    before = query.before
    while len(rows) <= query.limit:  # one more than is wanted says whether there are more
        wanted = min(_AT_ONCE, query.limit + 1 - len(rows))
        found = await house.store.runs(msgspec.structs.replace(query, before=before, limit=wanted))
        rows += found
        if len(found) < wanted:
            break
        before = found[-1].run
    shown = rows[: query.limit]
    return Page(rows=shown, next=shown[-1].run if len(rows) > query.limit else None)


async def find_cursor(house: House, name: str) -> str:
    """Return the id of the run after which a page is to begin. An id is one also when its run was deleted meanwhile."""
    row = await house.store.find(name, workspace="default")
    if name.isdigit():
        if row is None or name not in (str(row.number), row.run):
            raise NotFoundError(
                f"There is no run {name} any more to go on after.",
                hint="Begin the list anew, or go on after an id: `next` of --json.",
            )
        return row.run
    return name if row is None else row.run
