"""Who looks after a process: tells how it stands, lets it leave, copies its store, ends a hold."""

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from auraos.app.keeping import Keeping
from auraos.core.errors import OperationalError
from auraos.engine.engine import Engine
from auraos.engine.ports import Write
from auraos.engine.retention import Pruned
from auraos.engine.stewardship import HeldError, NoStewardError, Status
from auraos.observability.process import memory

MEASURED = 0.25
"""Over so many seconds the rate of commits is counted."""
LONGEST_WRITE = 5.0


class Conduct(Protocol):
    """What a process does when its steward says so, and in which phase it is."""

    @property
    def phase(self) -> str: ...

    def drain(self) -> None:
        """Leave in good order."""
        ...

    async def release(self) -> str:
        """End a hold, and go on; return why there was one, nothing where there was none."""
        ...


class ProcessSteward:
    """Looks after the process that it lives in."""

    def __init__(self, engine: Engine, keeping: Keeping, conduct: Conduct) -> None:
        self._engine = engine
        self._keeping = keeping
        self._conduct = conduct
        self._since = time.time_ns() // 1000

    async def status(self) -> Status:
        """Return how the process stands."""
        store = self._keeping.store
        commits, began = store.commits, time.monotonic()
        await asyncio.sleep(MEASURED)
        rate = (store.commits - commits) / (time.monotonic() - began)
        return Status(
            phase=self._conduct.phase,
            process=os.getpid(),
            since=self._since,
            owner=self._keeping.owner,
            keeps=self._keeping.words,
            load=self._engine.load(),
            unfinished=await store.unfinished(),
            commits_per_second=rate,
            write_takes=await self._time_a_write(),
            memory=memory(),
            disk="" if self._engine.disk is None else self._engine.disk.words,
        )

    async def drain(self) -> None:
        """Let the process leave, after whoever asked was answered."""
        asyncio.get_running_loop().call_later(0.05, self._conduct.drain)

    async def copy(self, file: str) -> None:
        """Write a whole copy of the store into a new file."""
        copy = self._keeping.copy
        if copy is None:
            raise NoStewardError(
                "This store is not copied by its process: name the database with --database."
            )
        await copy(Path(file))

    async def release(self) -> str:
        """Let go on what was held since a restore; return why it was held, nothing when it was not."""
        return await self._conduct.release()

    async def prune(self, older_than: timedelta, *, is_dry: bool) -> Pruned:
        """Delete every run that ended longer ago than this; with `is_dry` only count them."""
        if self._conduct.phase == "held":
            raise HeldError(
                "Nothing is deleted here: it was restored from a backup and not released yet.",
                hint="Look at what is there; `auraos engine release` lets it go on.",
            )
        return await self._engine.retention.prune(older_than, is_dry=is_dry)

    async def _time_a_write(self) -> float | None:
        began = time.monotonic()
        try:
            write = self._keeping.store.commit(Write(workspace="default", run="", seq=0))
            await asyncio.wait_for(write, LONGEST_WRITE)
        except (OperationalError, TimeoutError):
            return None
        return time.monotonic() - began
