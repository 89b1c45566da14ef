"""The disk guard: it warns and prunes when the disk fills, and refuses starts before it is full, so that what runs can end.

A ballast file lies beside the data. On a disk that is full to the last byte nothing can be deleted from a database, for a
deletion is written first; whoever deletes the ballast has the room for it.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from auraos.core.errors import OperationalError

log = logging.getLogger("auraos.engine")
WARNED_AT = 0.85
REFUSED_AT = 0.95
CALMED = 0.01
"""So much room must be free again beyond a mark before it counts as left."""
LOOK_EVERY = 5.0
PRUNE_EVERY = 300.0
BALLAST = "ballast"
MOST_BALLAST = 64 * 1024 * 1024


class DiskNearlyFullError(OperationalError):
    """The disk is so full that nothing new begins."""

    code = "disk-nearly-full"


class DiskGuard:
    """Watches the disk under a folder. `prune` takes away what retention allows."""

    def __init__(self, folder: Path, prune: Callable[[], Awaitable[object]]) -> None:
        self._folder = folder
        self._prune = prune
        self._watching: asyncio.Task[None] | None = None
        self.is_warning = False
        self.is_refusing = False

    @property
    def ballast(self) -> Path:
        """Return the file that may be deleted to make room."""
        return self._folder / BALLAST

    @property
    def words(self) -> str:
        """Return what is to be said of the disk; nothing while there is room."""
        if not self.is_warning:
            return ""
        what = "no run is started" if self.is_refusing else "runs are still started"
        return f"The disk under {self._folder} is {self.share():.0%} full; {what}."

    def start(self) -> None:
        """Watch, and put the ballast there meanwhile: so many bytes would hold up a process that only just begins."""
        self.look()
        self._watching = asyncio.create_task(self._watch())

    def stop(self) -> None:
        """Watch no more."""
        if self._watching is not None:
            self._watching.cancel()

    def refuse_when_full(self) -> None:
        """Raise `DiskNearlyFullError` while nothing new may begin."""
        if self.is_refusing:
            raise DiskNearlyFullError(
                self.words,
                hint=f"Make room: delete {self.ballast}, then prune: auraos runs prune --older-than 7d. Runs go on meanwhile.",
            )

    def look(self) -> None:
        """See how full the disk is."""
        share = self.share()
        was = self.is_warning, self.is_refusing
        self.is_warning = share >= WARNED_AT - (CALMED if self.is_warning else 0)
        self.is_refusing = share >= REFUSED_AT - (CALMED if self.is_refusing else 0)
        if (self.is_warning, self.is_refusing) != was:
            log.warning("disk.share", extra={"share": round(share, 3), "why": self.words})

    def share(self) -> float:
        """Return how much of the disk is used, from 0 to 1, of what this user may use."""
        usage = shutil.disk_usage(self._folder)
        whole = usage.used + usage.free
        return usage.used / whole if whole else 1.0

    def put_ballast(self) -> None:
        """Lay the ballast down, a hundredth of the disk at most, unless it is there."""
        size = min(MOST_BALLAST, shutil.disk_usage(self._folder).total // 100)
        try:
            descriptor = os.open(self.ballast, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            for _ in range(size // 65536):
                os.write(
                    descriptor, os.urandom(65536)
                )  # a disk that packs what it keeps must find no room in it
        except OSError as error:
            log.warning("disk.no-ballast", extra={"reason": str(error)})
        finally:
            os.close(descriptor)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        pruned_at = loop.time() - PRUNE_EVERY
        if not self.is_warning:
            await asyncio.to_thread(self.put_ballast)
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                self.look()
                if self.is_warning and loop.time() - pruned_at >= PRUNE_EVERY:
                    pruned_at = loop.time()
                    await self._prune()
            except (OSError, OperationalError) as error:
                log.warning("disk.unknown", extra={"reason": str(error)})
