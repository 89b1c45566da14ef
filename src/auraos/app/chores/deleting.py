"""`Deleting`: a whole workspace goes, and only what was done in it stays in the audit trail.

Nobody gets into it any more when this begins. Its runs end, by themselves or because they are cancelled; then its keys go, so
that nothing that they sealed opens any more, wherever a copy lies; then its rows, its runs and their files. Every step can be
done again.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from auraos.app.chores.steps import Step
from auraos.core.errors import AuraError
from auraos.engine.engine import Engine
from auraos.engine.ports import Blobs, Store, Write
from auraos.security.secrets.keys import Keys
from auraos.storage.tables.chores import ChoreTables

LOOK: Final = 0.5
AT_ONCE: Final = 20
REST: Final = 0.01
WHY: Final = "The workspace is deleted."


class Deleting:
    """Deletes workspaces."""

    def __init__(
        self, tables: ChoreTables, store: Store, blobs: Blobs, engine: Engine, keys: Keys
    ) -> None:  # fmt: skip
        self._tables = tables
        self._store = store
        self._blobs = blobs
        self._engine = engine
        self._keys = keys

    async def delete(self, workspace: str, *, cancels: bool) -> AsyncIterator[Step]:
        """Delete a workspace, and yield how far that is."""
        asked: set[str] = set()
        total = 0
        while waiting := await self._tables.under_way(workspace):
            total = max(total, len(waiting))
            yield Step("runs that are not over", total - len(waiting), total)
            if cancels:
                await self._cancel([run for run in waiting if run not in asked])
                asked |= set(waiting)
            await asyncio.sleep(LOOK)
        yield Step("keys")
        await self._tables.erase_keys(workspace)
        self._keys.forget()
        yield Step("definitions, secrets, grants, settings")
        await self._tables.delete_rows(workspace)
        total, done = await self._tables.count_runs(workspace), 0
        yield Step("runs", 0, total)
        while runs := await self._tables.runs(workspace, AT_ONCE):
            await self._store.commit(Write(workspace="", run="", seq=0, pruned=runs))
            for run in runs:
                await asyncio.to_thread(self._blobs.remove, workspace, run)
            done += len(runs)
            yield Step("runs", done, total)
            await asyncio.sleep(REST)
        await self._tables.delete_rows(workspace)  # what the last runs still wrote down

    async def _cancel(self, runs: list[str]) -> None:
        for run in runs:
            try:
                await self._engine.cancel(run, by="the house", reason=WHY)
            except AuraError:
                continue  # it is over meanwhile, or cancelled already
