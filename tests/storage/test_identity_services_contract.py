"""What must hold when many do the same at once, on both databases: proofs that are good once, owners, back-off, roles."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest

from auraos.core.errors import AuraError
from auraos.security.access.errors import LastOwnerError
from auraos.security.access.rows import Held
from auraos.security.identity.errors import SignInRefusedError, TooManyTriesError
from auraos.security.identity.rows import Person, Session
from houses import EVERYTHING, HOUSE, NOBODY, PASSWORD, Clock, House, acting
from stores import AnyStore


@pytest.fixture
async def house(store: AnyStore, tmp_path: Path) -> AsyncIterator[House]:
    """Return an installation on the store under test."""
    folder = tmp_path / "of-the-house"
    folder.mkdir()
    made = House(store.tables, folder, Clock())
    yield made
    await made.close()


async def test_of_many_who_claim_the_installation_at_once_one_owns_it(house):
    token = await house.identity.ownership.token_for_first_start()
    claims = (house.identity.ownership.claim(NOBODY, token, f"ann-{at}", PASSWORD) for at in range(4))
    told = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(isinstance(each, Person) for each in told) == 1
    assert len(await house.rows.all(Held)) == len(await house.rows.all(Person)) == 1


async def test_of_many_who_use_one_code_at_once_one_comes_in(house):
    person = await house.person()
    proofs = house.identity.second_proofs
    begun = await proofs.begin_totp(person)
    app = pyotp.TOTP(begun.secret)
    await proofs.confirm_totp(acting(person), person, begun.setup, app.at(house.clock.time // 1_000_000))
    house.clock.sleep(60)
    code = app.at(house.clock.time // 1_000_000)
    tries = (house.identity.sign_in.sign_in(NOBODY, person.name, PASSWORD, code) for _ in range(4))
    told = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, AuraError) for each in told) == 1
    assert len(await house.rows.all(Session)) == 1


async def test_many_guesses_at_once_are_as_slow_as_one_by_one(house):
    person = await house.person()
    tries = (house.identity.sign_in.sign_in(NOBODY, person.name, f"guess {at}") for at in range(60))
    told = [type(each) for each in await asyncio.gather(*tries, return_exceptions=True)]
    assert set(told) <= {SignInRefusedError, TooManyTriesError}
    assert told.count(SignInRefusedError) <= 5


async def test_of_owners_who_disable_each_other_at_once_one_is_left(house):
    ann, bob = await house.person("owner", "*"), await house.person("owner", "*")
    people = house.identity.people
    ends = (people.set_state(HOUSE, EVERYTHING, each.name, "disabled") for each in (ann, bob))
    told = await asyncio.gather(*ends, return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == [LastOwnerError.__name__, Person.__name__]


async def test_what_ends_in_one_process_is_over_in_another_within_seconds(house):
    person, token = await house.signed_in("viewer")
    other = house.another_process()
    assert await other.recognition.principal(token)
    await house.identity.people.set_state(HOUSE, EVERYTHING, person.name, "disabled")
    house.clock.sleep(10)
    assert await other.recognition.principal(token) is None


async def test_people_come_by_groups_with_what_was_granted_to_them(house):
    person = await house.person()
    group = await house.identity.access.add_group(HOUSE, "team", "")
    await house.grant("group", group.id, "editor", labels={"team": "größe"})
    await house.identity.access.put_members(HOUSE, EVERYTHING, "team", [person.id])
    (grant,) = (await house.known(await house.session(person))).grants
    assert (grant.role, grant.labels, grant.through) == ("editor", {"team": "größe"}, "team")
