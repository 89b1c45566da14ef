"""Settings of a store that no server has, for whoever has its data folder in hand."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from auraos.app.audit.console import console
from auraos.app.keeping import open_keeping
from auraos.app.settings.settings import settings_on
from auraos.engine.clock import SystemClock
from auraos.settings.service import Settings

CONSOLE = console()


@asynccontextmanager
async def open_settings(data: Path, database: str) -> AsyncIterator[Settings]:
    """Open the settings of a store. A folder that a server holds is refused: the server is asked for those."""
    async with AsyncExitStack() as stack:
        keeping = await open_keeping(data, database, stack)
        settings = settings_on(keeping.tables, data, now=SystemClock().now)
        await settings.look()
        yield settings
