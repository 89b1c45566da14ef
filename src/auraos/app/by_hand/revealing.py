"""A data folder or a database opened to see what private runs are about. That somebody looked goes into the audit trail."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from auraos.app.audit.console import console
from auraos.app.house import House
from auraos.app.keeping import Keeping, open_keeping
from auraos.core.audit import Entry, Object
from auraos.engine.clock import SystemClock
from auraos.engine.ports import RunRow


class RevealingHouse(House):
    """A house that shows what private runs are about."""

    def __init__(self, data: Path, keeping: Keeping) -> None:
        super().__init__(data, keeping.store)
        self._keeping = keeping

    async def find(self, name: str) -> RunRow:
        """Return a run; of a private one it is written down that it is revealed."""
        row = await super().find(name)
        if await self.store.is_private(row.run):
            entry = Entry(
                at=SystemClock().now(), workspace=row.workspace, actor=console(), action="privacy.reveal",
                object=Object(kind="run", name=row.run), after={"what": "all"},
            )  # fmt: skip
            await self._keeping.tables.change((), [entry])
        return row

    async def fetching(self, run: str) -> Callable[[str], bytes]:
        """Return what fetches the large values of a run by their hash."""
        row = await self.store.find(run)
        workspace = row.workspace if row is not None else "default"
        return partial(self._keeping.blobs.fetch, workspace, run)


@asynccontextmanager
async def open_to_reveal(data: Path, database: str) -> AsyncIterator[House]:
    """Open a folder that nobody serves, or a database, to see all that is in it."""
    async with AsyncExitStack() as stack:
        yield RevealingHouse(data, await open_keeping(data, database, stack))
