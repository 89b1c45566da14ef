"""`Recognition`: who is it that carries this token, and what may they do now.

What was found is believed for a few seconds, and forgotten at once when this process changes anything of it. So whatever
ends a session or a key, in whichever process, ends it everywhere within these seconds.
"""

from collections.abc import Callable

import msgspec

from auraos.core.lookups import Lookups
from auraos.security.access import Grant, Principal
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.service import Access
from auraos.security.identity.rows import Key, Person, Service, Session
from auraos.security.identity.terms import Terms
from auraos.security.identity.tokens import KEY, SESSION, digest
from auraos.security.row_store import Replace, RowStore

SECOND = 1_000_000
BELIEVED = 5 * SECOND
SEEN = 60 * SECOND
"""So much later it is written again that a session or a key was used."""
MOST = 10_000


class _Believed(msgspec.Struct, frozen=True):
    principal: Principal | None
    until: int


class Recognition:
    """Knows people and service accounts by their tokens."""

    def __init__(self, store: RowStore, access: Access, now: Callable[[], int], terms: Terms) -> None:
        self._terms = terms
        self._store = store
        self._access = access
        self._now = now
        self._believed: dict[str, _Believed] = {}
        self._forgotten = 0
        """How often all was forgotten: who was looked up meanwhile may be as they were before."""
        self.lookups = Lookups()

    def forget(self) -> None:
        """Look everybody up again."""
        self._forgotten += 1
        self._believed.clear()

    async def principal(self, token: str) -> Principal | None:
        """Return whoever carries a token, None where it opens nothing (any more)."""
        if not token.startswith((SESSION, KEY)) or len(token) > 100:
            return None
        key, now = digest(token), self._now()
        believed = self._believed.get(key)
        if believed is not None and now < believed.until:
            self.lookups.hits += 1
            return believed.principal
        self.lookups.misses += 1
        forgotten = self._forgotten
        known = await (self._by_session if token.startswith(SESSION) else self._by_key)(key, now)
        if known is None:
            self._believed.pop(key, None)
            return None
        if len(self._believed) >= MOST:
            self._believed.clear()
        if forgotten == self._forgotten:
            self._believed[key] = _Believed(known, now + BELIEVED)
        return known

    async def spent(self, token: str) -> tuple[Key, str] | None:
        """Return the key that a token is of though it opens nothing, and why; None for a token of no key."""
        found = await self._store.one(Key, digest=digest(token)) if token.startswith(KEY) else None
        if found is None:
            return None
        if found.revoked_at:
            return found, "The key was revoked."
        is_over = bool(found.ends_at) and self._now() >= found.ends_at
        return found, "The key has expired." if is_over else "Whose key it is may not come in any more."

    async def _by_session(self, key: str, now: int) -> Principal | None:
        session = await self._store.one(Session, digest=key)
        if session is None or now >= session.ends_at:
            return None
        if now >= session.seen_at + self._terms.idle(session.person):
            return None
        person = await self._store.one(Person, id=session.person)
        if person is None or person.state != "active" or person.epoch != session.epoch:
            return None
        if now - session.seen_at >= SEEN:
            await self._store.save([Replace(session, msgspec.structs.replace(session, seen_at=now))])
        return Principal(
            kind="person",
            id=person.id,
            name=person.name,
            grants=await self._access.grants_of("person", person.id),
            session=session.id,
            is_fresh=now < session.proved_at + self._terms.fresh(),
        )

    async def _by_key(self, key: str, now: int) -> Principal | None:
        found = await self._store.one(Key, digest=key)
        if found is None or not found.opens(now):
            return None
        owner: Person | Service | None
        if found.owner_kind == "person":
            owner = await self._store.one(Person, id=found.owner)
        else:
            owner = await self._store.one(Service, id=found.owner)
        if owner is None or owner.state != "active":
            return None
        if now - found.used_at >= SEEN:
            await self._store.save([Replace(found, msgspec.structs.replace(found, used_at=now))])
        grants = await self._access.grants_of(found.owner_kind, found.owner)
        return Principal(
            kind=found.owner_kind,
            id=owner.id,
            name=owner.name,
            grants=grants if found.workspace == EVERYWHERE else _only_in(grants, found.workspace),
            key=found.id,
            maker=found.maker if found.owner_kind == "service" else "",
            scopes=found.scopes,
            per_second=found.per_second,
            home="" if found.workspace == EVERYWHERE else found.workspace,
        )


def _only_in(grants: tuple[Grant, ...], workspace: str) -> tuple[Grant, ...]:
    """Return what grants are worth in one workspace."""
    return tuple(
        msgspec.structs.replace(grant, workspace=workspace)
        for grant in grants
        if grant.workspace in (workspace, EVERYWHERE)
    )
