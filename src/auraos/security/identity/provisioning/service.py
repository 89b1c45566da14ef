"""`Provisioning`: what a directory does here. It brings people and lets them go, and says who is in the groups that it brought.

Whoever it lets go is gone at once: their sessions end and their keys are revoked in the same change. It gives nobody a role,
changes no group that was made here and no owner whom it did not bring, and never lets the last owner go.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.security.access.errors import LastOwnerError, NotFoundError
from auraos.security.access.giving import OWNER
from auraos.security.access.rows import Group, Held, Member
from auraos.security.identity.provisioning.errors import ScimRefusedError
from auraos.security.identity.provisioning.resources import Wanted, WantedGroup, slug_of
from auraos.security.identity.rows import (
    Directory,
    Invitation,
    Key,
    Passkey,
    Person,
    PersonState,
    Provider,
    Provisioned,
    Session,
    Vouched,
)
from auraos.security.identity.tokens import DIRECTORY, digest, new_token
from auraos.security.row_store import Add, Clear, OwnerStays, Remove, Replace, RowStore, Write

SECOND: Final = 1_000_000
SEEN: Final = 60 * SECOND
FROM: Final = "scim:"
"""Begins what says of a group that a directory brought it."""


class NewDirectory(msgspec.Struct, frozen=True, kw_only=True):
    """A directory, and the token that it comes in by; it is shown this once."""

    directory: Directory
    token: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A person with what the directory says of them, and the groups that they are in by it."""

    person: Person
    kept: Provisioned | None
    groups: tuple[Group, ...]


class ShownGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group that the directory brought, and who is in it."""

    group: Group
    external: str
    people: dict[str, Person]


class Provisioning:
    """What directories do. Whoever calls it has asked whether the directory is one."""

    def __init__(
        self, store: RowStore, *, now: Callable[[], int], new_id: Callable[[], str], forget: Callable[[], None]
    ) -> None:  # fmt: skip
        self._store = store
        self._now = now
        self._new_id = new_id
        self._forget = forget

    # --- directories ---

    async def directories(self) -> Sequence[Directory]:
        """Return all directories."""
        return await self._store.all(Directory)

    async def add_directory(self, actor: Actor, title: str, provider: str) -> NewDirectory:
        """Let a directory in by a token. Where it is that of a provider, whom it brings can sign in by that one."""
        if provider and await self._store.one(Provider, name=provider) is None:
            raise NotFoundError.of("provider", provider)
        token = new_token(DIRECTORY)
        made = Directory(
            id=self._new_id(), title=title, digest=digest(token), provider=provider, created_at=self._now(),
            created_by=actor.name,
        )  # fmt: skip
        told = {"id": made.id, "provider": provider}
        await self._save(
            [Add(made)], [self._entry(actor, "people.directories", "directory", title, after=told)]
        )
        return NewDirectory(directory=made, token=token)

    async def remove_directory(self, actor: Actor, number: str) -> None:
        """Let a directory in no more; whom it brought stays."""
        found = await self._store.one(Directory, id=number)
        if found is None:
            raise NotFoundError.of("directory", number)
        told = {"id": found.id}
        await self._save(
            [Remove(found)], [self._entry(actor, "people.directories", "directory", found.title, before=told)]
        )

    async def known(self, token: str) -> Directory | None:
        """Return the directory that comes in by a token."""
        if not token.startswith(DIRECTORY) or len(token) > 100:
            return None
        found = await self._store.one(Directory, digest=digest(token))
        if found is not None and self._now() - found.used_at >= SEEN:
            await self._store.save([Replace(found, msgspec.structs.replace(found, used_at=self._now()))])
        return found

    # --- people ---

    async def people(self, number: str = "") -> list[Shown]:
        """Return all people by name, or the one with this id."""
        if number:
            people = await self._store.all(Person, id=number)
        else:
            people = await self._store.all(Person, order="name")
        kept = {each.person: each for each in await self._store.all(Provisioned)} if len(people) > 1 else {}
        if len(people) == 1:
            row = await self._store.one(Provisioned, person=people[0].id)
            kept = {row.person: row} if row is not None else {}
        brought = {
            group.id: group for group in await self._store.all(Group) if group.outside.startswith(FROM)
        }
        of: dict[str, list[Group]] = {}
        for member in await self._store.all(Member, group_id=list(brought)):
            of.setdefault(member.person, []).append(brought[member.group_id])
        return [
            Shown(person=each, kept=kept.get(each.id), groups=tuple(of.get(each.id, ()))) for each in people
        ]

    async def person(self, number: str) -> Shown:
        """Return a person by id."""
        found = await self.people(number)
        if not found:
            raise NotFoundError.of("person", number)
        return found[0]

    async def add_person(self, actor: Actor, directory: Directory, wanted: Wanted) -> Shown:
        """Add a person."""
        now = self._now()
        person = Person(
            id=self._new_id(), name=wanted.name, title=wanted.title, state="active" if wanted.is_active else "let-go",
            created_at=now, changed_at=now,
        )  # fmt: skip
        kept = Provisioned(
            person=person.id, directory=directory.id, external=wanted.external, attributes=wanted.attributes
        )
        writes: list[Write] = [Add(person), Add(kept)]
        writes += await self._linking(directory, wanted.external, person)
        entry = self._entry(actor, "people.add", "person", person.id, after={"active": wanted.is_active})
        if await self._store.save(writes, [entry]) is not None:
            raise ScimRefusedError(
                f"There is somebody {wanted.name!r}, or with this externalId.", status=409, kind="uniqueness"
            )
        self._forget()
        return await self.person(person.id)

    async def put_person(self, actor: Actor, directory: Directory, number: str, wanted: Wanted) -> Shown:
        """Let a person be as the directory says; but whom somebody here disabled, stays so."""
        before = await self.person(number)
        person, now = before.person, self._now()
        await self._refuse_owner(before)
        state = _state_of(person, wanted)
        after = msgspec.structs.replace(person, name=wanted.name, title=wanted.title, state=state)
        kept = Provisioned(
            person=person.id, directory=directory.id, external=wanted.external, attributes=wanted.attributes
        )
        writes: list[Write] = []
        if before.kept is None:
            writes.append(Add(kept))
        elif before.kept != kept:
            writes.append(Replace(before.kept, kept))
        if after != person or writes:
            after = msgspec.structs.replace(after, changed_at=max(now, person.changed_at + 1))
        if person.state != state:
            after = msgspec.structs.replace(after, epoch=person.epoch + 1)
            writes += await self._ending(person) if state == "let-go" else []
        if after != person:
            writes.append(Replace(person, after))
        entries: list[Entry] = []
        if writes:
            action = {("active", "let-go"): "people.disable", ("let-go", "active"): "people.enable"}.get(
                (person.state, state), "people.change"
            )
            entries.append(self._entry(actor, action, "person", person.id))
        if wanted.is_active and state == "disabled":
            why = "Somebody here disabled them, and only somebody here enables them again."
            entries.append(
                self._entry(actor, "people.enable", "person", person.id, outcome="refused", why=why)
            )
        if entries:
            await self._save(writes, entries)
        return await self.person(number)

    async def remove_person(self, actor: Actor, number: str) -> None:
        """Let a person go for good, with all that they came in by and all that was granted to them."""
        before = await self.person(number)
        await self._refuse_owner(before)
        person = before.person
        writes: list[Write] = [Remove(person), *await self._ending(person)]
        writes += [
            Clear(kind, {"person": person.id}) for kind in (Invitation, Passkey, Vouched, Member, Provisioned)
        ]
        writes += [Clear(Held, {"holder": person.id}), Clear(Key, {"owner": person.id})]
        writes = [each for each in writes if not (isinstance(each, Replace) and isinstance(each.after, Key))]
        await self._save(writes, [self._entry(actor, "people.remove", "person", person.id)])

    # --- groups ---

    async def groups(self, number: str = "") -> list[ShownGroup]:
        """Return the groups that directories brought, or the one with this id."""
        if number:
            found = await self._store.all(Group, id=number)
        else:
            found = await self._store.all(Group, order="name")
        found = [each for each in found if each.outside.startswith(FROM)]
        shown = []
        for group in found:
            ids = [member.person for member in await self._store.all(Member, group_id=group.id)]
            people = await self._store.all(Person, id=ids) if ids else ()
            external = group.outside.removeprefix(FROM).partition(":")[2]
            shown.append(
                ShownGroup(group=group, external=external, people={each.id: each for each in people})
            )
        return shown

    async def group(self, number: str) -> ShownGroup:
        """Return a group by id."""
        found = await self.groups(number)
        if not found:
            raise NotFoundError.of("group", number)
        return found[0]

    async def add_group(self, actor: Actor, directory: Directory, wanted: WantedGroup) -> ShownGroup:
        """Make a group; what it is granted is said here."""
        if any(each.group.title == wanted.title for each in await self.groups()):
            raise ScimRefusedError(f"There is a group {wanted.title!r}.", status=409, kind="uniqueness")
        group = Group(
            id=self._new_id(), name=await self._free_name(wanted.title), title=wanted.title,
            outside=f"{FROM}{directory.id}:{wanted.external}",
        )  # fmt: skip
        writes: list[Write] = [Add(group), *await self._joining(group, (), wanted.people)]
        await self._save(
            writes, [self._entry(actor, "people.group", "group", group.name, after=list(wanted.people))]
        )
        return await self.group(group.id)

    async def put_group(
        self, actor: Actor, directory: Directory, number: str, wanted: WantedGroup
    ) -> ShownGroup:
        """Let a group be called, and be made of those, whom the directory says."""
        before = await self.group(number)
        outside = f"{FROM}{directory.id}:{wanted.external}"
        after = msgspec.structs.replace(before.group, title=wanted.title, outside=outside)
        writes = await self._joining(before.group, tuple(before.people), wanted.people)
        if after != before.group:
            writes.append(Replace(before.group, after))
        if writes:
            entry = self._entry(
                actor,
                "people.group",
                "group",
                after.name,
                before=sorted(before.people),
                after=sorted(wanted.people),
            )
            await self._save(writes, [entry])
        return await self.group(number)

    async def remove_group(self, actor: Actor, number: str) -> None:
        """Let go of a group, with all that was granted to it."""
        group = (await self.group(number)).group
        writes: list[Write] = [
            Remove(group), Clear(Member, {"group_id": group.id}), Clear(Held, {"holder": group.id})
        ]  # fmt: skip
        await self._save(writes, [self._entry(actor, "people.group", "group", group.name, before=True)])

    # --- how ---

    async def _refuse_owner(self, shown: Shown) -> None:
        """Raise for an owner whom no directory brought: else it could take the installation over."""
        if shown.kept is None and await self._store.all(Held, holder=shown.person.id, role=OWNER):
            raise ScimRefusedError(
                "An owner whom no directory brought is changed by none.", status=403, kind="mutability"
            )

    async def _ending(self, person: Person) -> list[Write]:
        """Return what ends all sessions and keys of somebody; it does not hold for the last owner."""
        keys = await self._store.all(Key, owner=person.id, revoked_at=0)
        writes: list[Write] = [Clear(Session, {"person": person.id})]
        writes += [Replace(key, msgspec.structs.replace(key, revoked_at=self._now())) for key in keys]
        if await self._store.all(Held, holder=person.id, role=OWNER):
            writes.append(OwnerStays())
        return writes

    async def _linking(self, directory: Directory, external: str, person: Person) -> list[Write]:
        """Return what lets a new person sign in by the provider whose directory this is, which knows them by the external id."""
        provider = await self._store.one(Provider, name=directory.provider) if directory.provider else None
        if provider is None or not external:
            return []
        return [Add(Vouched(issuer=provider.issuer, subject=external, person=person.id, at=self._now()))]

    async def _joining(self, group: Group, before: Sequence[str], after: Sequence[str]) -> list[Write]:
        new = set(after) - set(before)
        known = {each.id for each in await self._store.all(Person, id=sorted(new))} if new else set()
        if new - known:
            raise ScimRefusedError(f"There is nobody with the id {min(new - known)!r}.", kind="invalidValue")
        return [
            *(Remove(Member(group_id=group.id, person=each)) for each in sorted(set(before) - set(after))),
            *(Add(Member(group_id=group.id, person=each)) for each in sorted(new)),
        ]

    async def _free_name(self, title: str) -> str:
        plain = slug_of(title)
        for number in range(1, 1000):
            name = plain if number == 1 else f"{plain}-{number}"
            if await self._store.one(Group, name=name) is None:
                return name
        raise ScimRefusedError(f"There are too many groups called {title!r}.", status=409, kind="uniqueness")

    def _entry(self, actor: Actor, action: str, kind: str, name: str, **more: Any) -> Entry:
        about = Object(kind=kind, id=name) if kind == "person" else Object(kind=kind, name=name)
        return Entry(at=self._now(), workspace="", actor=actor, action=action, object=about, **more)

    async def _save(self, writes: Sequence[Write], entries: Sequence[Entry]) -> None:
        refused = await self._store.save(writes, entries)
        if isinstance(refused, OwnerStays):
            raise LastOwnerError.of()
        if refused is not None:
            changed = refused.after if isinstance(refused, Replace) else None
            if isinstance(changed, Person) and await self._is_taken(changed):
                raise ScimRefusedError("Somebody else has this userName.", status=409, kind="uniqueness")
            raise ScimRefusedError("It was changed in the same moment.", status=412, kind="mutability")
        self._forget()

    async def _is_taken(self, person: Person) -> bool:
        other = await self._store.one(Person, name=person.name)
        return other is not None and other.id != person.id


def _state_of(person: Person, wanted: Wanted) -> PersonState:
    """Return what becomes of somebody by what a directory says: it takes back only what it did itself."""
    if person.state == "disabled":
        return "disabled"
    return "active" if wanted.is_active else "let-go"
