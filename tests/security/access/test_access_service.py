"""How what people may do is changed, and what cannot be changed so."""

import pytest

from auraos.security.access import Grant, Principal
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import (
    LastOwnerError,
    NameTakenError,
    NotAllowedError,
    NotFoundError,
    RoleHeldError,
    RoleRefusedError,
    WorkspaceExistsError,
)
from auraos.security.access.rows import Held, OwnRole
from auraos.security.identity.rows import Person
from houses import EVERYTHING, HOUSE, House, acting, who

ADMIN = Grant(role="admin", workspace="default")


@pytest.fixture
def access(house):
    return house.identity.access


def admin(person: Person) -> Principal:
    return who(person, ADMIN)


async def grants(house: House, person: Person) -> list[str]:
    return [grant.role for grant in await house.identity.access.grants_of("person", person.id)]


async def test_a_grant_is_given_once_and_told_with_who_gave_it(house, access):
    person, boss = await house.person(), await house.person("admin")
    wish = Grant(role="viewer", workspace="default", labels={"team": "sales"})
    first = await access.grant(acting(boss), admin(boss), wish, "person", person.id)
    assert await access.grant(acting(boss), admin(boss), wish, "person", person.id) == first
    assert await access.grants_of("person", person.id) == (wish,)
    entry = (await house.entries("access.grant"))[-1]
    assert (entry.actor.name, entry.workspace, entry.after["role"]) == (boss.name, "default", "viewer")


@pytest.mark.parametrize(
    "wish",
    [
        Grant(role="owner", workspace="*"),
        Grant(role="viewer", workspace="*"),
        Grant(role="viewer", workspace="other"),
    ],
)
async def test_nobody_grants_more_than_they_have_not_even_to_themselves(house, access, wish):
    boss = await house.person("admin")
    with pytest.raises(NotAllowedError):
        await access.grant(acting(boss), admin(boss), wish, "person", boss.id)
    assert await grants(house, boss) == ["admin"]


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        (Grant(role="owner", workspace="default"), "person"),
        (Grant(role="owner", workspace="*", kind="workflow"), "person"),
        (Grant(role="owner", workspace="*"), "group"),
        (Grant(role="owner", workspace="*"), "service"),
        (Grant(role="no-such-role", workspace="default"), "person"),
    ],
)
async def test_what_makes_no_sense_is_not_granted(house, access, wish, kind):
    with pytest.raises(RoleRefusedError):
        await access.grant(HOUSE, EVERYTHING, wish, kind, "1")


async def test_a_grant_is_taken_back_by_whoever_could_give_it(house, access):
    owner, boss, person = await house.person("owner", "*"), await house.person("admin"), await house.person()
    everywhere = await house.grant("person", person.id, "viewer", "*")
    elsewhere = await house.grant("person", person.id, "viewer", "other")
    here = await house.grant("person", person.id, "viewer")
    ownership = (await house.rows.all(Held, holder=owner.id))[0].id
    for number in (everywhere, ownership):
        with pytest.raises(NotAllowedError):
            await access.revoke(acting(boss), admin(boss), "default", number)
    for number in (elsewhere, "no-such-grant"):
        with pytest.raises(NotFoundError):
            await access.revoke(acting(boss), admin(boss), "default", number)
    await access.revoke(acting(boss), admin(boss), "default", here)
    with pytest.raises(NotFoundError):
        await access.revoke(acting(boss), admin(boss), "default", here)
    assert len(await house.entries("access.revoke")) == 1


async def test_the_last_owner_stays(house, access):
    owner = await house.person("owner", "*")
    (held,) = await house.rows.all(Held, holder=owner.id)
    with pytest.raises(LastOwnerError):
        await access.revoke(HOUSE, EVERYTHING, "default", held.id)
    await house.person("owner", "*")
    await access.revoke(HOUSE, EVERYTHING, "default", held.id)
    assert await grants(house, owner) == []


async def test_a_workspace_has_roles_of_its_own(house, access):
    boss, person = await house.person("admin"), await house.person()
    role = OwnRole(workspace="default", name="planner", title="Plans", actions=("runs.start", "runs.read"))
    await access.put_role(acting(boss), admin(boss), role)
    assert "planner" in await access.roles("default")
    await house.grant("person", person.id, "planner")
    known = await house.known(await house.session(person))
    assert (await access.explain(known, "runs.start", "default", Thing())).is_allowed
    with pytest.raises(RoleHeldError):
        await access.remove_role(acting(boss), admin(boss), "default", "planner")


async def test_a_role_can_change_and_go(house, access):
    role = OwnRole(workspace="default", name="planner", actions=("runs.start",))
    await access.put_role(HOUSE, EVERYTHING, role)
    await access.put_role(
        HOUSE, EVERYTHING, OwnRole(workspace="default", name="planner", actions=("runs.read",))
    )
    assert (await access.roles("default"))["planner"].actions == ("runs.read",)
    await access.remove_role(HOUSE, EVERYTHING, "default", "planner")
    assert "planner" not in await access.roles("default")
    with pytest.raises(NotFoundError):
        await access.remove_role(HOUSE, EVERYTHING, "default", "planner")


@pytest.mark.parametrize("action", ["*", "workspaces.create", "workspaces.*", "made.up"])
async def test_a_role_holds_nothing_that_its_maker_has_not(house, access, action):
    boss = await house.person("admin")
    with pytest.raises(NotAllowedError):
        await access.put_role(
            acting(boss),
            admin(boss),
            OwnRole(workspace="default", name="more", actions=("runs.read", action)),
        )


async def test_whoever_holds_a_role_does_not_widen_it(house, access):
    actions = ("access.*", "runs.read")
    await access.put_role(HOUSE, EVERYTHING, OwnRole(workspace="default", name="helper", actions=actions))
    person = await house.person("helper")
    wider = OwnRole(workspace="default", name="helper", actions=(*actions, "secrets.*"))
    with pytest.raises(NotAllowedError):
        await access.put_role(acting(person), who(person, Grant(role="helper", workspace="default")), wider)


async def test_the_roles_of_the_house_stay_as_they_are(access):
    with pytest.raises(RoleRefusedError):
        await access.put_role(
            HOUSE, EVERYTHING, OwnRole(workspace="default", name="viewer", actions=("runs.start",))
        )


async def test_people_have_what_their_groups_have(house, access):
    person = await house.person()
    group = await access.add_group(HOUSE, "team", "The team")
    await house.grant("group", group.id, "editor")
    await access.put_members(HOUSE, EVERYTHING, "team", [person.id])
    (grant,) = await access.grants_of("person", person.id)
    assert (grant.role, grant.through) == ("editor", "team")
    await access.remove_group(HOUSE, EVERYTHING, "team")
    assert await access.grants_of("person", person.id) == ()
    assert await house.rows.all(Held) == []


async def test_nobody_joins_a_group_that_has_more_than_they(house, access):
    boss = await house.person("admin")
    group = await access.add_group(HOUSE, "team", "")
    await house.grant("group", group.id, "admin", "*")
    with pytest.raises(NotAllowedError):
        await access.put_members(acting(boss), admin(boss), "team", [boss.id])
    with pytest.raises(NameTakenError):
        await access.add_group(HOUSE, "team", "")


async def test_workspaces_are_seen_by_those_who_have_a_role_there(house, access):
    await access.add_workspace(HOUSE, "sales", "Sales")
    person = await house.person("viewer", "sales")
    known = await house.known(await house.session(person))
    assert [each.name for each in await access.workspaces(known)] == ["sales"]
    assert [each.name for each in await access.workspaces(EVERYTHING)] == ["default", "sales"]
    with pytest.raises(WorkspaceExistsError):
        await access.add_workspace(HOUSE, "sales", "")


async def test_whoever_has_not_what_a_role_holds_neither_narrows_it_nor_lets_go_of_it(house, access):
    strong = OwnRole(workspace="default", name="strong", actions=("secrets.use", "runs.read"))
    await access.put_role(HOUSE, EVERYTHING, strong)
    weak = OwnRole(workspace="default", name="weak", actions=("access.*", "runs.read"))
    await access.put_role(HOUSE, EVERYTHING, weak)
    person = await house.person()
    holder = who(person, Grant(role="weak", workspace="default"))
    narrower = OwnRole(workspace="default", name="strong", actions=("runs.read",))
    with pytest.raises(NotAllowedError, match=r"secrets\.use"):
        await access.put_role(acting(person), holder, narrower)
    with pytest.raises(NotAllowedError, match=r"secrets\.use"):
        await access.remove_role(acting(person), holder, "default", "strong")
    assert (await access.roles("default"))["strong"].actions == strong.actions
