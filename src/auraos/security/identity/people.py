"""`People`: who there is, and how that changes. Whoever is made here chooses a password of their own by an invitation."""

from collections.abc import Callable, Sequence

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.security.access import Principal
from auraos.security.access.errors import (
    ChangedMeanwhileError,
    LastOwnerError,
    NameTakenError,
    NotFoundError,
)
from auraos.security.access.giving import OWNER
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.rows import Group, Held, Member
from auraos.security.access.service import Access
from auraos.security.identity.errors import TokenRefusedError
from auraos.security.identity.passwords import Passwords, refuse_weak
from auraos.security.identity.rows import Invitation, Key, Passkey, Person, Session, State, Vouched
from auraos.security.identity.terms import Terms
from auraos.security.identity.tokens import INVITATION, digest, new_token
from auraos.security.row_store import Add, Clear, OwnerStays, Replace, RowStore, Write


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """A person, and the token by which they choose a password; it is shown this once."""

    person: Person
    token: str
    ends_at: int


class WasReset(Invited, frozen=True, kw_only=True):
    """A person who is to choose a password anew, and what became of the keys that opened something."""

    keys_revoked: int
    keys_left: int


class People:
    """The people of an installation. Whoever calls it has asked whether the actor may."""

    def __init__(
        self,
        store: RowStore,
        access: Access,
        passwords: Passwords,
        terms: Terms,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
        forget: Callable[[], None],
    ) -> None:
        self._store = store
        self._access = access
        self._passwords = passwords
        self._terms = terms
        self._now = now
        self._new_id = new_id
        self._forget = forget

    async def page(self, *, after: str = "", limit: int = 100) -> Sequence[Person]:
        """Return a page of people by name."""
        return await self._store.all(Person, order="name", after=after, limit=limit)

    async def find(self, name: str) -> Person:
        """Return a person."""
        found = await self._store.one(Person, name=name)
        if found is None:
            raise NotFoundError.of("person", name)
        return found

    async def named(self, ids: Sequence[str]) -> dict[str, Person]:
        """Return people by their ids."""
        return {person.id: person for person in await self._store.all(Person, id=ids)} if ids else {}

    async def members(self, workspace: str) -> Sequence[Person]:
        """Return the people who have a role in a workspace, by name."""
        held = await self._store.all(Held, workspace=[workspace, EVERYWHERE])
        groups = [each.holder for each in held if each.holder_kind == "group"]
        through = await self._store.all(Member, group_id=groups) if groups else ()
        ids = {each.holder for each in held if each.holder_kind == "person"} | {
            each.person for each in through
        }
        return sorted((await self.named(sorted(ids))).values(), key=lambda person: person.name)

    async def groups_of(self, person: Person) -> Sequence[Group]:
        """Return the groups that a person is in."""
        memberships = await self._store.all(Member, person=person.id)
        return await self._store.all(Group, id=[each.group_id for each in memberships]) if memberships else ()

    async def add(self, actor: Actor, name: str, title: str) -> Invited:
        """Add a person who may do nothing yet."""
        now = self._now()
        person = Person(id=self._new_id(), name=name, title=title, created_at=now, changed_at=now)
        token, invitation = self._invitation(actor, person)
        entry = self._entry(actor, "people.add", person, after={"title": title})
        if await self._store.save([Add(person), Add(invitation)], [entry]) is not None:
            raise NameTakenError(f"There is a person {name!r} already.", hint="Choose another name.")
        return Invited(person=person, token=token, ends_at=invitation.ends_at)

    async def reset(
        self, actor: Actor, who: Principal, name: str, *, second_proof: bool, keep_keys: bool = False
    ) -> WasReset:
        """Let a person choose a password anew, and be rid of a second proof where that is wished. All their sessions end, and
        their keys are revoked unless they are to be kept.
        """
        before = await self.find(name)
        await self._access.refuse_above(who, "person", before.id, f"Resetting {name!r}")
        after = msgspec.structs.replace(before, password="", epoch=before.epoch + 1, changed_at=self._now())
        if second_proof:
            after = msgspec.structs.replace(after, totp="", totp_used=0, recovery=())
        token, invitation = self._invitation(actor, after)
        writes: list[Write] = [
            Replace(before, after), Clear(Session, {"person": before.id}), Clear(Invitation, {"person": before.id}),
            Add(invitation),
        ]  # fmt: skip
        if second_proof:
            writes.append(Clear(Passkey, {"person": before.id}))
        keys = await self._store.all(Key, owner=before.id, owner_kind="person", revoked_at=0)
        opened = sum(key.opens(after.changed_at) for key in keys)
        if not keep_keys:
            writes += _revoked(keys, after.changed_at)
        told = {"second_proof": second_proof, "keys_revoked": 0 if keep_keys else opened}
        await self._save(writes, self._entry(actor, "people.reset", after, after=told))
        return WasReset(
            person=after, token=token, ends_at=invitation.ends_at, keys_revoked=told["keys_revoked"],
            keys_left=opened if keep_keys else 0,
        )  # fmt: skip

    async def accept(self, actor: Actor, token: str, password: str) -> Person:
        """Choose a password by an invitation, which is good once."""
        invitation = await self._store.one(Invitation, digest=digest(token))
        person = await self._store.one(Person, id=invitation.person) if invitation is not None else None
        if (
            invitation is None
            or person is None
            or invitation.ends_at <= self._now()
            or person.state != "active"
        ):
            why = "This invitation is not good, or not any more."
            await self._store.save([], [self._refusal(actor, person, why)])
            raise TokenRefusedError(why, hint="Ask for another one.")
        refuse_weak(password, person.name, person.title)
        kept = await self._passwords.hash(password)
        after = msgspec.structs.replace(person, password=kept, epoch=person.epoch + 1, changed_at=self._now())
        acting = msgspec.structs.replace(actor, kind="person", id=person.id, name=person.name)
        writes: list[Write] = [
            Replace(person, after), Clear(Invitation, {"person": person.id}), Clear(Session, {"person": person.id}),
        ]  # fmt: skip
        await self._save(writes, self._entry(acting, "people.accept", person))
        return after

    async def rename(self, actor: Actor, name: str, title: str) -> Person:
        """Change the name that others see."""
        before = await self.find(name)
        if before.title == title:
            return before
        after = msgspec.structs.replace(before, title=title, changed_at=self._now())
        entry = self._entry(
            actor, "people.change", before, before={"title": before.title}, after={"title": title}
        )
        await self._save([Replace(before, after)], entry)
        return after

    async def set_state(self, actor: Actor, who: Principal, name: str, state: State) -> Person:
        """Let a person in again, or no more: then all their sessions end, their keys are revoked, and no directory brings
        them back.
        """
        before = await self.find(name)
        if before.state == state:
            return before
        await self._access.refuse_above(who, "person", before.id, f"Changing {name!r}")
        now = self._now()
        after = msgspec.structs.replace(before, state=state, epoch=before.epoch + 1, changed_at=now)
        writes: list[Write] = [Replace(before, after), Clear(Session, {"person": before.id})]
        if state == "disabled":
            writes += _revoked(await self._store.all(Key, owner=before.id, revoked_at=0), now)
            if any(grant.role == OWNER for grant in await self._access.grants_of("person", before.id)):
                writes.append(OwnerStays())
        action = "people.disable" if state == "disabled" else "people.enable"
        await self._save(writes, self._entry(actor, action, before))
        return after

    async def erase(self, actor: Actor, who: Principal, name: str) -> Person:
        """Take everything away that is kept of a person but the id, which the audit trail tells of; return what is left."""
        before = await self.find(name)
        await self._access.refuse_above(who, "person", before.id, f"Erasing {name!r}")
        now = self._now()
        after = Person(
            id=before.id, name=f"erased-{before.id[-12:]}", state="disabled", epoch=before.epoch + 1,
            created_at=before.created_at, changed_at=now,
        )  # fmt: skip
        writes: list[Write] = [
            Replace(before, after),
            *(Clear(kind, {"person": before.id}) for kind in (Session, Passkey, Vouched, Invitation, Member)),
            Clear(Key, {"owner": before.id, "owner_kind": "person"}),
            Clear(Held, {"holder": before.id, "holder_kind": "person"}),
            OwnerStays(),
        ]
        await self._save(writes, self._entry(actor, "people.erase", after))
        return after

    # --- how ---

    def _invitation(self, actor: Actor, person: Person) -> tuple[str, Invitation]:
        token, now = new_token(INVITATION), self._now()
        return token, Invitation(
            digest=digest(token), person=person.id, created_at=now, created_by=actor.name, ends_at=now + self._terms.invitation()
        )  # fmt: skip

    def _entry(
        self, actor: Actor, action: str, person: Person, before: object = None, after: object = None
    ) -> Entry:
        return Entry(
            at=self._now(), workspace="", actor=actor, action=action,
            object=Object(kind="person", id=person.id, name=person.name), before=before, after=after,
        )  # fmt: skip

    def _refusal(self, actor: Actor, person: Person | None, why: str) -> Entry:
        about = Object(kind="person", id=person.id, name=person.name) if person is not None else None
        return Entry(
            at=self._now(), workspace="", actor=actor, action="people.accept", object=about, outcome="refused", why=why
        )  # fmt: skip

    async def _save(self, writes: Sequence[Write], entry: Entry) -> None:
        refused = await self._store.save(writes, [entry])
        if isinstance(refused, OwnerStays):
            raise LastOwnerError.of()
        if refused is not None:
            raise ChangedMeanwhileError.of("person", entry.object.name if entry.object else "")
        self._forget()


def _revoked(keys: Sequence[Key], now: int) -> list[Write]:
    """Return the writes by which keys open nothing any more."""
    return [Replace(key, msgspec.structs.replace(key, revoked_at=now)) for key in keys]
