"""`Processes`: how many processes share a database now, so that each gives its part of what may be asked a second."""

import asyncio
import logging
from collections.abc import Callable

from auraos.core.errors import AuraError
from auraos.storage.tables.statement import Tables

log = logging.getLogger("auraos.serve")
SECOND = 1_000_000
BELIEVED = 2 * SECOND
"""For so long the number is believed."""
SILENT = 6.0
"""A process that said nothing for so many seconds is not counted."""
_LIVING = "select count(*) from heartbeats where beat_at > clock_timestamp() - make_interval(secs => ?)"


def alone() -> int:
    """Return one: nobody else is at work on the store."""
    return 1


class Processes:
    """The processes on a database. It is asked at every request, and answers out of what it read last."""

    def __init__(self, tables: Tables, now: Callable[[], int]) -> None:
        self._tables = tables
        self._now = now
        self._count = 1
        self._read_at = -BELIEVED
        self._reading: asyncio.Task[None] | None = None

    def __call__(self) -> int:
        """Return how many there are, at least this one."""
        if self._tables.dialect == "postgres" and self._now() - self._read_at >= BELIEVED:
            self._read_at = self._now()
            self._reading = asyncio.get_running_loop().create_task(self.read())
        return self._count

    async def read(self) -> None:
        """Count them anew; where that cannot be, as many are taken to be there as before."""
        try:
            found = await self._tables.one(_LIVING, (SILENT,), lambda row: int(row[0]))
        except AuraError as error:
            log.warning("serve.processes_not_counted", extra={"why": error.message})
            return
        self._count = max(1, found or 1)
