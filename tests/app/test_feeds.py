"""What other processes do with runs is told, too, and what was told is not told again."""

import asyncio
from types import SimpleNamespace

import msgspec

from auraos.app.serving.feeds import Feeds
from auraos.engine.ports import Batch, RunQuery, RunRow
from auraos.engine.watching import Watching


class Shelf:
    """The runs of a store that other processes write to."""

    def __init__(self) -> None:
        self.rows: list[RunRow] = []
        self.looked = asyncio.Event()

    async def runs(self, query: RunQuery) -> list[RunRow]:
        found = [row for row in reversed(self.rows) if row.workspace == query.workspace]
        self.looked.set()
        return found[: query.limit]

    async def journal(self, run: str, after: int = 0) -> list[Batch]:
        return []


def row(number: int, changed_at: int, state: str = "running") -> RunRow:
    return RunRow(
        workspace="default", run=f"run-{number}", number=number, workflow="w", version="v", state=state,
        started_at=number, changed_at=changed_at,
    )  # fmt: skip


async def test_what_others_do_is_looked_for_and_what_happens_here_is_told_once():
    shelf, watching = Shelf(), Watching()
    feeds = Feeds(SimpleNamespace(watching=watching), shelf, SimpleNamespace(), lambda: 2, lambda: 10)
    shelf.rows = [row(1, 20)]
    coming = feeds.runs("default", 0)
    first = asyncio.ensure_future(anext(coming))
    await asyncio.wait_for(shelf.looked.wait(), 5)
    ended = row(1, 30, "succeeded")
    shelf.rows = [ended, row(2, 40)]
    assert await asyncio.wait_for(first, 5) == ended
    assert await anext(coming) == row(2, 40)
    own = msgspec.structs.replace(row(2, 50), state="succeeded")
    shelf.rows[1] = own
    watching.tell(own)
    assert await asyncio.wait_for(anext(coming), 5) == own
    again = asyncio.ensure_future(anext(coming))
    await asyncio.wait({again}, timeout=1.2)
    assert not again.done()
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)
    await coming.aclose()


async def test_where_others_lead_runs_too_nobody_is_told_that_nothing_was_missed():
    feeds = Feeds(SimpleNamespace(watching=Watching()), Shelf(), SimpleNamespace(), lambda: 2, lambda: 10)
    coming = feeds.runs("default", 1_000)
    assert await anext(coming) is None
    await coming.aclose()
