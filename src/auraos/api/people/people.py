"""People and groups over HTTP. They belong to the whole installation; who of them belongs to a workspace is seen in it."""

from typing import Annotated, Literal

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Limit, PersonName, Slug, Title
from auraos.api.protocol.routes import Routes
from auraos.security.access.rows import Group
from auraos.security.identity.people import Invited
from auraos.security.identity.rows import Person, PersonState

routes = Routes()

CHANGES = ("not-found", "changed-meanwhile")
Outside = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^([a-z][a-z0-9-]*:[^\x00-\x1f]+)?{END}",
        max_length=300,
        description="As in `okta:engineering`: who is in it is said by the provider `okta`, which calls it `engineering`.",
    ),
]


class OnePerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person, by name."""

    name: PersonName


class OneGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group, by name."""

    name: Slug


class PeopleList(msgspec.Struct, frozen=True, kw_only=True):
    """Which people to list."""

    after: str = ""
    limit: Limit = 100


class NewPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is to be invited."""

    name: PersonName
    title: Title = ""


class PersonTitle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name that others see."""

    title: Title


class Reset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person is to be rid of, beside the password."""

    second_proof: bool = False
    keys: Annotated[
        Literal["revoke", "keep"], msgspec.Meta(description="Whether their API keys go on to open anything.")
    ] = "revoke"


class NewGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group to make."""

    name: Slug
    title: Title = ""
    outside: Outside = ""


class Members(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is in a group, by name."""

    people: tuple[PersonName, ...]


class PersonDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A person."""

    id: str
    name: str
    title: str
    state: PersonState
    has_password: bool
    has_second_proof: bool
    recovery_codes: int
    created_at: int
    changed_at: int

    @classmethod
    def of(cls, row: Person) -> "PersonDetail":
        """Return what is shown of a person."""
        return cls(
            id=row.id, name=row.name, title=row.title, state=row.state, has_password=bool(row.password),
            has_second_proof=bool(row.totp), recovery_codes=len(row.recovery), created_at=row.created_at,
            changed_at=row.changed_at,
        )  # fmt: skip


class PeoplePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of people; `next` asks for the one after it."""

    items: tuple[PersonDetail, ...]
    next: str = ""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A person, and the token by which they choose a password. It is shown this once."""

    person: PersonDetail
    token: str
    ends_at: int

    @classmethod
    def of(cls, invited: Invited) -> "Invitation":
        """Return what is shown of an invitation."""
        return cls(person=PersonDetail.of(invited.person), token=invited.token, ends_at=invited.ends_at)


class NewChoice(Invitation, frozen=True, kw_only=True):
    """What a person chooses a password anew by, and how many of their keys were revoked, or still open what they did."""

    keys_revoked: int
    keys_left: int


class Colleague(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who belongs to the workspace."""

    name: str
    title: str


class GroupDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A group, with who is in it."""

    name: str
    title: str
    outside: str
    people: tuple[str, ...]


@routes.get("/api/v1/members", may="people.see")
async def list_members(ask: Ask) -> tuple[Colleague, ...]:
    """List who belongs to the workspace."""
    found = await ask.desk.identity.people.members(ask.workspace)
    return tuple(Colleague(name=person.name, title=person.shown) for person in found)


@routes.get("/api/v1/people", may="people.read", everywhere=True)
async def list_people(ask: Ask, at: PeopleList) -> PeoplePage:
    """List all people by name."""
    found = await ask.desk.identity.people.page(after=at.after, limit=at.limit + 1)
    items = tuple(PersonDetail.of(person) for person in found[: at.limit])
    return PeoplePage(items=items, next=items[-1].name if len(found) > at.limit else "")


@routes.post("/api/v1/people", may="people.add", everywhere=True, status=201, tells=("name-taken",))
async def add_person(ask: Ask, body: NewPerson) -> Invitation:
    """Add a person, and invite them to choose a password."""
    return Invitation.of(await ask.desk.identity.people.add(ask.actor, body.name, body.title))


@routes.get("/api/v1/people/{name}", may="people.read", everywhere=True, tells=("not-found",))
async def show_person(ask: Ask, at: OnePerson) -> PersonDetail:
    """Show a person."""
    return PersonDetail.of(await ask.desk.identity.people.find(at.name))


@routes.put("/api/v1/people/{name}", may="people.change", everywhere=True, tells=CHANGES)
async def change_person(ask: Ask, at: OnePerson, body: PersonTitle) -> PersonDetail:
    """Change the name that others see of a person."""
    return PersonDetail.of(await ask.desk.identity.people.rename(ask.actor, at.name, body.title))


@routes.post("/api/v1/people/{name}/reset", may="people.reset", everywhere=True, fresh=True, tells=CHANGES)
async def reset_person(ask: Ask, at: OnePerson, body: Reset) -> NewChoice:
    """Let a person choose a password anew; all their sessions end, and their keys are revoked unless they are to be kept."""
    done = await ask.desk.identity.people.reset(
        ask.actor, ask.known, at.name, second_proof=body.second_proof, keep_keys=body.keys == "keep"
    )
    return NewChoice(
        person=PersonDetail.of(done.person), token=done.token, ends_at=done.ends_at, keys_revoked=done.keys_revoked,
        keys_left=done.keys_left,
    )  # fmt: skip


@routes.post(
    "/api/v1/people/{name}/disable",
    may="people.disable",
    everywhere=True,
    fresh=True,
    tells=(*CHANGES, "last-owner"),
)
async def disable_person(ask: Ask, at: OnePerson) -> PersonDetail:
    """Let a person in no more; all their sessions end, and their keys are revoked."""
    return PersonDetail.of(
        await ask.desk.identity.people.set_state(ask.actor, ask.known, at.name, "disabled")
    )


@routes.post("/api/v1/people/{name}/enable", may="people.enable", everywhere=True, fresh=True, tells=CHANGES)
async def enable_person(ask: Ask, at: OnePerson) -> PersonDetail:
    """Let a person in again."""
    return PersonDetail.of(await ask.desk.identity.people.set_state(ask.actor, ask.known, at.name, "active"))


@routes.get("/api/v1/groups", may="people.read", everywhere=True)
async def list_groups(ask: Ask) -> tuple[GroupDetail, ...]:
    """List all groups."""
    return tuple([await _group(ask, group) for group in await ask.desk.identity.access.groups()])


@routes.post("/api/v1/groups", may="people.group", everywhere=True, status=201, tells=("name-taken",))
async def add_group(ask: Ask, body: NewGroup) -> GroupDetail:
    """Make a group."""
    return await _group(
        ask, await ask.desk.identity.access.add_group(ask.actor, body.name, body.title, body.outside)
    )


@routes.get("/api/v1/groups/{name}", may="people.read", everywhere=True, tells=("not-found",))
async def show_group(ask: Ask, at: OneGroup) -> GroupDetail:
    """Show a group."""
    return await _group(ask, await ask.desk.identity.access.group(at.name))


@routes.delete("/api/v1/groups/{name}", may="people.group", everywhere=True, tells=CHANGES)
async def remove_group(ask: Ask, at: OneGroup) -> None:
    """Let go of a group, with all that was granted to it."""
    await ask.desk.identity.access.remove_group(ask.actor, ask.known, at.name)


@routes.put(
    "/api/v1/groups/{name}/members", may="people.group", everywhere=True, tells=(*CHANGES, "role-refused")
)
async def change_members(ask: Ask, at: OneGroup, body: Members) -> GroupDetail:
    """Say who is in a group."""
    identity = ask.desk.identity
    ids = [(await identity.people.find(name)).id for name in body.people]
    await identity.access.put_members(ask.actor, ask.known, at.name, ids)
    return await _group(ask, await identity.access.group(at.name))


async def _group(ask: Ask, group: Group) -> GroupDetail:
    identity = ask.desk.identity
    people = await identity.people.named(await identity.access.members(group))
    names = tuple(sorted(person.name for person in people.values()))
    return GroupDetail(name=group.name, title=group.title, outside=group.outside, people=names)
