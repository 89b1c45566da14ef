"""The links of a data folder that no process serves, for whoever has it in hand."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from auraos.app.git.links import GitLinks
from auraos.app.git.reach import FOLDERS
from auraos.app.installed import load_installed
from auraos.app.keeping import open_keeping
from auraos.app.outside.world import World
from auraos.app.serving.desks import open_services


@asynccontextmanager
async def open_links(data: Path, database: str = "") -> AsyncIterator[GitLinks]:
    """Open the links of a folder, or of the database that is named. All repositories of this machine may be linked: they are
    asked as whoever calls.
    """
    async with AsyncExitStack() as stack:
        keeping = await open_keeping(data, database, stack)
        world = World()
        stack.push_async_callback(world.close)
        environment = {**os.environ, FOLDERS: os.environ.get(FOLDERS, "/")}
        services = open_services(
            data, keeping, load_installed().catalogue, world, stack, environment=environment
        )
        yield services.git
