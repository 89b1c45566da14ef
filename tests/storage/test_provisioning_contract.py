"""What directories do, on both databases: who is let go is out at once, the last owner stays, names are unique."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auraos.core.audit import Actor
from auraos.security.access.errors import LastOwnerError
from auraos.security.identity.provisioning.errors import ScimRefusedError
from auraos.security.identity.provisioning.resources import wanted_group_of, wanted_of
from auraos.security.identity.rows import Directory, Person, Session
from houses import HOUSE, NOBODY, Clock, House
from stores import AnyStore

ACTOR = Actor(kind="service", id="d", name="directory corp")
OFF = {"userName": "ann", "active": "False"}


@pytest.fixture
async def house(store: AnyStore, tmp_path: Path) -> AsyncIterator[House]:
    """Return an installation on the store under test."""
    folder = tmp_path / "of-the-house"
    folder.mkdir()
    made = House(store.tables, folder, Clock())
    yield made
    await made.close()


@pytest.fixture
async def directory(house: House) -> Directory:
    return (await house.identity.provisioning.add_directory(HOUSE, "corp", "")).directory


async def test_of_many_who_bring_one_person_at_once_one_does(house, directory):
    add = house.identity.provisioning.add_person
    told = await asyncio.gather(
        *(add(ACTOR, directory, wanted_of({"userName": "ann"})) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(each, ScimRefusedError) for each in told) == 4
    assert len(await house.rows.all(Person)) == 1


async def test_who_is_let_go_has_no_session_and_no_key_any_more(house, directory):
    provisioning = house.identity.provisioning
    made = await provisioning.add_person(ACTOR, directory, wanted_of({"userName": "ann"}))
    token = (await house.identity.sign_in.begin(NOBODY, made.person, ("oidc",))).token
    assert await house.identity.recognition.principal(token) is not None
    await provisioning.put_person(ACTOR, directory, made.person.id, wanted_of(OFF))
    assert await house.identity.recognition.principal(token) is None
    assert await house.rows.all(Session) == []


async def test_of_two_owners_whom_a_directory_lets_go_at_once_one_stays(house, directory):
    provisioning, numbers = house.identity.provisioning, []
    for name in ("ann", "ben"):
        made = await provisioning.add_person(ACTOR, directory, wanted_of({"userName": name}))
        await house.grant("person", made.person.id, "owner", "*")
        numbers.append((made.person.id, name))
    told = await asyncio.gather(
        *(
            provisioning.put_person(ACTOR, directory, number, wanted_of({"userName": name, "active": False}))
            for number, name in numbers
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, LastOwnerError) for each in told) == 1
    assert [each.state for each in await house.rows.all(Person)].count("active") == 1


async def test_a_group_is_filled_and_goes_with_what_it_was_granted(house, directory):
    provisioning = house.identity.provisioning
    made = await provisioning.add_person(ACTOR, directory, wanted_of({"userName": "ann"}))
    group = await provisioning.add_group(
        ACTOR, directory, wanted_group_of({"displayName": "Sales", "members": [{"value": made.person.id}]})
    )
    await house.grant("group", group.group.id, "viewer")
    assert [each.role for each in await house.identity.access.grants_of("person", made.person.id)] == [
        "viewer"
    ]
    await provisioning.remove_group(ACTOR, group.group.id)
    assert await house.identity.access.grants_of("person", made.person.id) == ()
    with pytest.raises(ScimRefusedError):
        await provisioning.add_group(
            ACTOR, directory, wanted_group_of({"displayName": "x", "members": [{"value": "nobody"}]})
        )


async def test_a_name_that_somebody_else_has_is_taken_by_nobody(house, directory):
    provisioning = house.identity.provisioning
    await provisioning.add_person(ACTOR, directory, wanted_of({"userName": "ann"}))
    ben = await provisioning.add_person(ACTOR, directory, wanted_of({"userName": "ben"}))
    with pytest.raises(ScimRefusedError) as caught:
        await provisioning.put_person(ACTOR, directory, ben.person.id, wanted_of({"userName": "ANN"}))
    assert (caught.value.status, caught.value.kind) == (409, "uniqueness")
