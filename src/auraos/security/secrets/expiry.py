"""The watch over expiry: 30 days, 7 days and a day before, and when it is over, the audit trail and the log say so once."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import OperationalError
from auraos.security.row_store import Replace
from auraos.security.secrets.rows import Secret
from auraos.security.secrets.service import DAY
from auraos.security.secrets.store import SecretStore
from auraos.security.secrets.users import FindUsers

log = logging.getLogger("auraos.secrets")
SOON: Final = 7
TERMS: Final = (1, 7, 30)
OVER: Final = -1
EVERY: Final = 3600.0
MOST: Final = 1000
_HOUSE: Final = Actor(kind="house", id="expiry", name="the watch over expiry")


class ExpiryWatch:
    """Looks every hour for secrets that are about to expire."""

    def __init__(self, store: SecretStore, named_by: FindUsers, *, now: Callable[[], int]) -> None:
        self._store = store
        self._named_by = named_by
        self._now = now
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    async def look(self) -> int:
        """Tell of every secret that came nearer to its expiry than it was told of; return of how many."""
        told = 0
        for secret in await self._store.expiring(self._now() + TERMS[-1] * DAY, MOST):
            told += await self._tell(secret, self._now())
        return told

    async def standing(self, days: int = SOON) -> tuple[int, int]:
        """Return how many secrets of the installation are over, and how many will be within so many days."""
        now = self._now()
        found = await self._store.expiring(now + days * DAY, MOST)
        over = sum(secret.ends_at <= now for secret in found)
        return over, len(found) - over

    async def _tell(self, secret: Secret, now: int) -> bool:
        left = secret.ends_at - now
        term = OVER if left <= 0 else next(term for term in TERMS if left <= term * DAY)
        if secret.warned == term:
            return False
        users = sorted(
            {f"{each.kind} {each.name}" for each in await self._named_by(secret.workspace, secret.name)}
        )
        entry = Entry(
            at=now, workspace=secret.workspace, actor=_HOUSE, action="secrets.expires",
            object=Object(kind="secret", name=secret.name), after={"ends_at": secret.ends_at, "named_by": users[:50]},
        )  # fmt: skip
        if await self._store.save([Replace(secret, msgspec.structs.replace(secret, warned=term))], [entry]):
            return False
        log.warning(
            "secrets.expired" if term == OVER else "secrets.expires_soon",
            extra={
                "workspace": secret.workspace,
                "secret": secret.name,
                "days": max(0, left // DAY),
                "users": users[:50],
            },
        )
        return True

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except OperationalError as error:
                log.warning("secrets.expiry_not_watched", extra={"why": error.message})
            await asyncio.sleep(EVERY)
