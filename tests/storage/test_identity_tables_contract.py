"""What keeps people, and what they may do, on both databases."""

import asyncio

import msgspec
import pytest

from auraos.core.audit import Actor, Entry
from auraos.security.access.rows import Group, Held, Member, OwnRole, Workspace
from auraos.security.identity.rows import (
    Failures,
    FirstOwner,
    Invitation,
    Key,
    Passkey,
    Person,
    Provider,
    Service,
    Session,
    Vouched,
)
from auraos.security.row_store import Add, Clear, OwnerStays, Remove, Replace
from auraos.storage.tables.identity import identity_tables
from auraos.storage.tables.rows import RowTables
from stores import AnyStore

ANN = Person(
    id="1", name="ann", title="Ann", password="$argon2id$…", recovery=("a", "b"), created_at=5, changed_at=5
)
BOB = Person(id="2", name="bob", created_at=6, changed_at=6)
ENTRY = Entry(at=1, workspace="", actor=Actor(kind="person", id="1"), action="people.create")


@pytest.fixture
def kept(store: AnyStore) -> RowTables:
    """Return what keeps people in the store under test."""
    return identity_tables(store.tables)


def owns(person: Person, **given) -> Held:
    values = {
        "id": f"own-{person.id}",
        "holder_kind": "person",
        "holder": person.id,
        "role": "owner",
        "workspace": "*",
    }
    return Held(**{**values, "at": 1, "author": "", **given})


@pytest.mark.parametrize(
    "row",
    [
        ANN,
        Session(
            digest="d", id="s", person="1", epoch=1, created_at=1, seen_at=2, ends_at=3, proved_at=4,
            proved_by=("password", "totp"), address="::1", agent="a browser",
        ),
        Key(
            id="k", digest="d", owner_kind="person", owner="1", title="mine", workspace="*", scopes=("runs.*",),
            created_at=1, created_by="ann",
        ),
        Key(
            id="k", digest="d", owner_kind="service", owner="1", title="", workspace="a", created_at=1,
            created_by="ann", ends_at=2, used_at=3, revoked_at=4,
        ),
        Passkey(
            id="p", person="1", title="phone", public_key=b"\x00\xff", counter=3, created_at=1, used_at=2
        ),
        Provider(
            name="corp", title="Corp", issuer="https://x", client_id="c", client_secret="s", scopes=("openid",),
            creates_people=1, created_at=1, changed_at=2,
        ),
        Vouched(issuer="https://x", subject="1", person="1", at=1),
        Service(id="s", workspace="a", name="robot", created_at=1, created_by="ann"),
        Invitation(digest="d", person="1", created_at=1, created_by="ann", ends_at=9),
        Failures(who="name:7", count=3, last_at=9),
        Workspace(name="sales", title="Sales", created_at=1, wishes={"four_eyes": True}),
        Held(
            id="g", holder_kind="group", holder="1", role="editor", workspace="a", kind="workflow",
            labels={"team": "größe"}, name="x", at=1, author="ann",
        ),
        Group(id="g", name="team", outside="cn=team"),
        Member(group_id="g", person="1"),
        OwnRole(workspace="a", name="planner", actions=("runs.start", "definitions.*")),
    ],
    ids=lambda row: type(row).__name__,
)  # fmt: skip
async def test_a_row_is_read_as_it_was_written(kept, row):
    assert await kept.save([Add(row)]) is None
    assert list(await kept.all(type(row), **_key(row))) == [row]
    assert await kept.save([Remove(row)]) is None
    assert await kept.one(type(row), **_key(row)) is None


def _key(row: msgspec.Struct) -> dict[str, str]:
    names = {
        Session: ("digest",), Provider: ("name",), Vouched: ("issuer", "subject"),
        Invitation: ("digest",), Failures: ("who",), Workspace: ("name",),
        Member: ("group_id", "person"), OwnRole: ("workspace", "name"),
    }.get(type(row), ("id",))  # fmt: skip
    return {name: getattr(row, name) for name in names}


async def test_a_new_installation_has_one_workspace_and_no_owner(kept):
    assert [workspace.name for workspace in await kept.all(Workspace)] == ["default"]
    assert await kept.one(FirstOwner) == FirstOwner()


async def test_no_two_people_have_the_same_name(kept):
    second = msgspec.structs.replace(BOB, name="ann")
    assert await kept.save([Add(ANN)]) is None
    assert await kept.save([Add(second)]) == Add(second)


async def test_a_row_changes_only_from_what_it_was(kept):
    await kept.save([Add(ANN)])
    first = Replace(ANN, msgspec.structs.replace(ANN, recovery=("b",)))
    assert await kept.save([first]) is None
    assert await kept.save([first]) == first
    other = Replace(ANN, msgspec.structs.replace(ANN, title="Anna"))
    assert await kept.save([other]) is None
    assert await kept.one(Person, name="ann") == msgspec.structs.replace(ANN, recovery=("b",), title="Anna")


async def test_of_many_at_once_one_uses_what_is_good_once(kept):
    await kept.save([Add(ANN)])
    use = Replace(ANN, msgspec.structs.replace(ANN, totp_used=77))
    told = await asyncio.gather(*(kept.save([use]) for _ in range(8)))
    assert told.count(None) == 1


async def test_a_change_is_made_as_a_whole_or_not_at_all_with_its_entry(kept, store):
    gone = Remove(BOB)
    assert await kept.save([Add(ANN), gone], [ENTRY]) == gone
    assert await kept.all(Person) == []
    assert await store.tables.all("select seq from audit", (), tuple) == []
    assert await kept.save([Add(ANN)], [ENTRY]) is None
    assert await store.tables.all("select seq from audit", (), tuple) == [(1,)]


async def test_an_entry_can_be_written_alone(kept, store):
    assert await kept.save([], [ENTRY]) is None
    assert await store.tables.all("select action from audit", (), tuple) == [("people.create",)]


async def test_rows_come_in_pages_by_a_field(kept):
    people = [Person(id=str(9 - at), name=name, created_at=1, changed_at=1) for at, name in enumerate("bcad")]
    await kept.save([Add(person) for person in people])
    first = await kept.all(Person, order="name", limit=2)
    assert [person.name for person in first] == ["a", "b"]
    assert [person.name for person in await kept.all(Person, order="name", after="b", limit=2)] == ["c", "d"]


async def test_rows_are_found_by_one_of_several_values(kept):
    await kept.save([Add(ANN), Add(BOB)])
    assert [person.name for person in await kept.all(Person, id=["2", "9"])] == ["bob"]
    assert await kept.all(Person, id=[]) == []


async def test_what_is_over_is_cleared(kept):
    ends = {"a": 5, "b": 7}
    made = [
        Invitation(digest=key, person="1", created_at=1, created_by="", ends_at=end)
        for key, end in ends.items()
    ]
    await kept.save([Add(each) for each in made])
    assert await kept.save([Clear(Invitation, until=0)]) is None
    assert len(await kept.all(Invitation)) == 2
    assert await kept.save([Clear(Invitation, until=5)]) is None
    assert [each.digest for each in await kept.all(Invitation)] == ["b"]
    assert await kept.save([Clear(Invitation, {"person": "1"})]) is None
    assert await kept.all(Invitation) == []


@pytest.mark.parametrize("how", ["grant", "person"])
async def test_the_last_owner_stays(kept, how):
    await kept.save([Add(ANN), Add(BOB), Add(owns(ANN)), Add(owns(BOB))])
    disabled = {"state": "disabled"}
    ends = {
        "grant": lambda person: Remove(owns(person)),
        "person": lambda person: Replace(person, msgspec.structs.replace(person, **disabled)),
    }[how]
    assert await kept.save([ends(ANN), OwnerStays()]) is None
    assert await kept.save([OwnerStays(), ends(BOB)]) == OwnerStays()
    assert await kept.one(Person, id="2") == BOB


@pytest.mark.parametrize(
    "narrow", [{"kind": "workflow"}, {"labels": {"a": "b"}}, {"workspace": "a"}, {"role": "admin"}]
)
async def test_who_owns_less_than_everything_is_no_owner(kept, narrow):
    await kept.save([Add(ANN), Add(owns(ANN)), Add(BOB), Add(owns(BOB, **narrow))])
    assert await kept.save([Remove(owns(ANN)), OwnerStays()]) == OwnerStays()


async def test_two_owners_who_leave_at_once_do_not_both_leave(kept):
    for _ in range(5):
        await kept.save([Clear(Person), Clear(Held), Add(ANN), Add(BOB), Add(owns(ANN)), Add(owns(BOB))])
        told = await asyncio.gather(*(kept.save([Remove(owns(each)), OwnerStays()]) for each in (ANN, BOB)))
        assert told.count(None) == 1
        assert len(await kept.all(Held)) == 1
