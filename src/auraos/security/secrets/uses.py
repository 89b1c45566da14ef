"""Who used which secret last: gathered in memory, and written down every few seconds."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from auraos.core.asker import Asker
from auraos.core.errors import OperationalError
from auraos.security.access.walls import everywhere
from auraos.security.secrets.rows import Secret, SecretUse
from auraos.security.secrets.store import SecretStore

log = logging.getLogger("auraos.secrets")
EVERY: Final = 5.0
MOST: Final = 10_000
"""So many secrets and workflows are kept in memory while the store takes nothing."""


class Uses:
    """Gathers uses; to note one is a look into a dictionary."""

    def __init__(self, store: SecretStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._gathered: dict[tuple[str, str], SecretUse] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, secret: Secret, asker: Asker) -> None:
        """Remember that a run used a secret."""
        mark = (secret.id, asker.workflow)
        before = self._gathered.get(mark)
        if before is None and len(self._gathered) >= MOST:
            return
        self._gathered[mark] = SecretUse(
            secret=secret.id, workflow=asker.workflow, workspace=secret.workspace, version=asker.version,
            run=asker.run, at=self._now(), count=before.count + 1 if before is not None else 1,
        )  # fmt: skip
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_soon())

    async def flush(self) -> None:
        """Write down what was gathered."""
        gathered, self._gathered = self._gathered, {}
        if not gathered:
            return
        try:
            with everywhere():  # they are of many workspaces
                await self._store.note_uses(list(gathered.values()))
        except OperationalError as error:
            log.warning("secrets.uses_not_noted", extra={"why": error.message})
            for mark, use in gathered.items():
                later = self._gathered.get(mark)
                self._gathered[mark] = (
                    use if later is None else msgspec.structs.replace(later, count=later.count + use.count)
                )

    async def close(self) -> None:
        """Write down what is left."""
        if self._writing is not None:
            self._writing.cancel()
        await self.flush()

    async def _write_soon(self) -> None:
        while self._gathered:
            await asyncio.sleep(EVERY)
            await self.flush()
        self._writing = None
