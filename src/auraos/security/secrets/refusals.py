"""What runs were refused of secrets, for the audit trail: the first time at once, the same again once in a while."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from auraos.core.asker import Asker
from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import OperationalError
from auraos.core.failures import StepFailed
from auraos.security.access.walls import everywhere
from auraos.security.secrets.store import SecretStore

log = logging.getLogger("auraos.secrets")
AGAIN: Final = 600_000_000
"""For so many microseconds the same is not told again: a workflow that fails each second is one attack, or one mistake."""
MOST: Final = 10_000
"""So many are remembered."""
_HOUSE: Final = Actor(kind="house", id="reveal", name="the keeper of secrets")


class _Refused(NamedTuple):
    workspace: str
    workflow: str
    secret: str
    host: str
    code: str


class Refusals:
    """Tells the audit trail of runs that asked for a secret which they do not get."""

    def __init__(self, store: SecretStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._told: OrderedDict[_Refused, int] = OrderedDict()
        self._waiting: list[Entry] = []
        self._writing: asyncio.Task[None] | None = None

    def note(self, asker: Asker, name: str, host: str, failure: StepFailed) -> None:
        """Remember that a run was refused a secret, and write it down soon."""
        now = self._now()
        refused = _Refused(asker.workspace, asker.workflow, name[:100], host[:253], failure.error_code)
        if not asker.workspace or 0 <= now - self._told.get(refused, -AGAIN) < AGAIN:
            return
        self._told[refused] = now
        self._told.move_to_end(refused)
        if len(self._told) > MOST:
            self._told.popitem(last=False)
        after = {"workflow": asker.workflow, "version": asker.version, "run": asker.run, "host": refused.host}
        entry = Entry(
            at=now, workspace=asker.workspace, actor=_HOUSE, action="secrets.use", outcome="refused", after=after,
            object=Object(kind="secret", name=refused.secret), why=f"{failure.message} ({failure.error_code})",
        )  # fmt: skip
        self._waiting.append(entry)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self.flush())

    async def flush(self) -> None:
        """Write down what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            with everywhere():  # they are of many workspaces
                await self._store.save([], waiting)
        except OperationalError as error:
            log.warning("secrets.refusals_not_noted", extra={"why": error.message})
            self._waiting = [*waiting, *self._waiting][:MOST]

    async def close(self) -> None:
        """Write down what is left."""
        if self._writing is not None:
            await self._writing
        await self.flush()
