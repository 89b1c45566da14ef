"""`Ownership`: how an installation gets its first owner, once.

A token is printed where the server was started, and only its digest is kept. Once there was an owner the door is closed for
good: a row says so, and a mark beside the database, so that a database that is lost or put back does not open it again.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from auraos.core.audit import Actor, Entry, Object, Outcome
from auraos.security.access.errors import ChangedMeanwhileError
from auraos.security.access.giving import OWNER
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.rows import Held
from auraos.security.identity.backoff import Backoff
from auraos.security.identity.errors import AlreadyOwnedError, TokenRefusedError
from auraos.security.identity.passwords import Passwords, refuse_weak
from auraos.security.identity.rows import FirstOwner, Invitation, Passkey, Person, Session, Vouched
from auraos.security.identity.tokens import INVITATION, SETUP, digest, new_token
from auraos.security.row_store import Add, Clear, Replace, RowStore, Write

DAY = 24 * 3600 * 1_000_000
"""For so long an owner who was rescued may choose a password."""


class OwnedMark(Protocol):
    """A mark outside of the database that there was an owner."""

    def is_set(self) -> bool: ...

    def set(self) -> None:
        """Say so, durably."""
        ...


class Ownership:
    """Makes the first owner."""

    def __init__(
        self,
        store: RowStore,
        mark: OwnedMark,
        passwords: Passwords,
        backoff: Backoff,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._mark = mark
        self._passwords = passwords
        self._backoff = backoff
        self._now = now
        self._new_id = new_id

    async def is_owned(self) -> bool:
        """Return whether there is an owner, or was one."""
        row = await self._row()
        if row.owned_at:
            await asyncio.to_thread(self._mark.set)
            return True
        return await asyncio.to_thread(self._mark.is_set)

    async def token_for_first_start(self) -> str | None:
        """Return a new token by which the first owner is made, None where there was one; the token before opens nothing."""
        if await self.is_owned():
            return None
        row = await self._row()
        token = new_token(SETUP)
        if (
            await self._store.save([Replace(row, msgspec.structs.replace(row, digest=digest(token)))])
            is not None
        ):
            return None
        return token

    async def claim(self, actor: Actor, token: str, name: str, password: str, title: str = "") -> Person:
        """Make the first owner; raise `AlreadyOwnedError` or `TokenRefusedError`."""
        made = await self._backoff.begin("the first owner", actor.address)
        row = await self._row()
        if row.owned_at or await self.is_owned():
            raise AlreadyOwnedError("This installation has an owner.", hint="Sign in.")
        if not row.digest or digest(token) != row.digest:
            await self._store.save(
                [], [self._entry(actor, None, outcome="refused", why="The token is not right.")]
            )
            raise TokenRefusedError(
                "This token does not make an owner.", hint="The server prints it when it starts."
            )
        refuse_weak(password, name, title)
        now = self._now()
        person = Person(
            id=self._new_id(), name=name, title=title, password=await self._passwords.hash(password),
            created_at=now, changed_at=now,
        )  # fmt: skip
        grant = self._grant(person, name)
        owned = msgspec.structs.replace(row, digest="", owned_at=now)
        acting = msgspec.structs.replace(actor, kind="person", id=person.id, name=name)
        entry = self._entry(acting, person)
        writes: list[Write] = [Replace(row, owned), Add(person), Add(grant), self._backoff.cleared(made)]
        if await self._store.save(writes, [entry]) is not None:
            raise AlreadyOwnedError("Somebody else has just become the owner.", hint="Sign in.")
        await asyncio.to_thread(self._mark.set)
        return person

    async def rescue(self, actor: Actor, name: str) -> str:
        """Make a person an owner who chooses a password anew, and return the token of their invitation.

        It is for whoever has the data folder in hand, when nobody can come in as an owner any more.
        """
        before, row, now = await self._store.one(Person, name=name), await self._row(), self._now()
        person = before or Person(id=self._new_id(), name=name, created_at=now, changed_at=now)
        after = msgspec.structs.replace(
            person, state="active", password="", totp="", totp_used=0, recovery=(), epoch=person.epoch + 1, changed_at=now
        )  # fmt: skip
        token, owns = new_token(INVITATION), await self._store.all(Held, holder=person.id, role=OWNER)
        writes: list[Write] = [
            Add(after) if before is None else Replace(before, after),
            *(Clear(kind, {"person": person.id}) for kind in (Session, Invitation, Passkey, Vouched)),
            Add(Invitation(digest=digest(token), person=person.id, created_at=now, created_by=actor.name, ends_at=now + DAY)),
        ]  # fmt: skip
        if not owns:
            writes.append(Add(self._grant(person, actor.name)))
        if not row.owned_at:
            writes.append(Replace(row, msgspec.structs.replace(row, digest="", owned_at=now)))
        entry = msgspec.structs.replace(self._entry(actor, after), action="ownership.rescue")
        if await self._store.save(writes, [entry]) is not None:
            raise ChangedMeanwhileError.of("person", name)
        await asyncio.to_thread(self._mark.set)
        return token

    def _grant(self, person: Person, author: str) -> Held:
        return Held(
            id=self._new_id(), holder_kind="person", holder=person.id, role=OWNER, workspace=EVERYWHERE, at=self._now(),
            author=author,
        )  # fmt: skip

    async def _row(self) -> FirstOwner:
        return await self._store.one(FirstOwner) or FirstOwner()

    def _entry(self, actor: Actor, person: Person | None, outcome: Outcome = "done", why: str = "") -> Entry:
        about = Object(kind="person", id=person.id, name=person.name) if person is not None else None
        return Entry(
            at=self._now(), workspace="", actor=actor, action="ownership.claim", object=about, outcome=outcome, why=why
        )  # fmt: skip
