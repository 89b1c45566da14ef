"""The first owner is made once, by whoever sees what the server prints (S55, S56, R10)."""

import asyncio

import pytest

from auraos.security.access.rows import Held
from auraos.security.identity.errors import AlreadyOwnedError, TokenRefusedError, TooManyTriesError
from auraos.security.identity.passwords import WeakPasswordError
from auraos.security.identity.rows import FirstOwner, Person
from auraos.security.row_store import Clear
from houses import HOUSE, NOBODY, PASSWORD, House


async def claim(house: House, token: str, name: str = "ann", password: str = PASSWORD) -> Person:
    return await house.identity.ownership.claim(NOBODY, token, name, password)


async def test_whoever_has_the_token_of_the_first_start_owns_everything(house):
    token = await house.identity.ownership.token_for_first_start()
    person = await claim(house, token)
    known = await house.known(await house.session(person))
    assert [(grant.role, grant.workspace) for grant in known.grants] == [("owner", "*")]
    assert [entry.actor.name for entry in await house.entries("ownership.claim")] == ["ann"]


async def test_only_the_digest_of_the_token_is_kept(house):
    token = await house.identity.ownership.token_for_first_start()
    row = await house.rows.one(FirstOwner)
    assert row.digest
    assert token not in str(row)


async def test_each_start_prints_a_new_token_and_the_last_one_holds(house):
    first = await house.identity.ownership.token_for_first_start()
    second = await house.identity.ownership.token_for_first_start()
    with pytest.raises(TokenRefusedError):
        await claim(house, first)
    assert (await claim(house, second)).name == "ann"


async def test_of_two_who_claim_at_once_one_becomes_the_owner(house):
    token = await house.identity.ownership.token_for_first_start()
    told = await asyncio.gather(claim(house, token), claim(house, token, "bob"), return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == ["AlreadyOwnedError", "Person"]
    assert len(await house.rows.all(Held)) == 1


async def test_a_token_is_good_once(house):
    token = await house.identity.ownership.token_for_first_start()
    await claim(house, token)
    assert await house.identity.ownership.token_for_first_start() is None
    with pytest.raises(AlreadyOwnedError):
        await claim(house, token, "bob")


async def test_a_database_that_is_lost_does_not_open_the_door_again(house):
    await claim(house, await house.identity.ownership.token_for_first_start())
    await house.rows.save([Clear(Person), Clear(Held), Clear(FirstOwner)])
    assert await house.rows.one(FirstOwner) is None
    assert await house.identity.ownership.is_owned()
    assert await house.identity.ownership.token_for_first_start() is None


async def test_a_mark_that_is_lost_does_not_open_the_door_again_and_comes_back(house):
    await claim(house, await house.identity.ownership.token_for_first_start())
    mark = house.folder / "auraos.owned"
    mark.unlink()
    assert await house.identity.ownership.token_for_first_start() is None
    assert mark.exists()


@pytest.mark.parametrize("token", ["", "auo_", "auo_" + "x" * 43])
async def test_no_other_token_makes_an_owner_even_before_one_was_printed(house, token):
    with pytest.raises(TokenRefusedError):
        await claim(house, token)
    await house.identity.ownership.token_for_first_start()
    with pytest.raises(TokenRefusedError):
        await claim(house, token)
    assert [entry.outcome for entry in await house.entries("ownership.claim")] == ["refused", "refused"]


@pytest.mark.parametrize("name", ["ann", "bob"])
async def test_whoever_has_the_folder_in_hand_makes_an_owner_when_none_comes_in(house, name):
    ann = await claim(house, await house.identity.ownership.token_for_first_start())
    token = await house.session(ann)
    await house.identity.people.add(HOUSE, "carl", "")
    invitation = await house.identity.ownership.rescue(HOUSE, name)
    house.clock.sleep(10)
    assert (await house.identity.recognition.principal(token) is None) is (name == "ann")
    person = await house.identity.people.accept(NOBODY, invitation, "another way home")
    known = await house.known((await house.identity.sign_in.sign_in(NOBODY, name, "another way home")).token)
    assert [(grant.role, grant.workspace) for grant in known.grants] == [("owner", "*")]
    assert [entry.object.name for entry in await house.entries("ownership.rescue")] == [person.name]


async def test_an_owner_who_was_rescued_closes_the_door_of_the_first_start(house):
    token = await house.identity.ownership.token_for_first_start()
    await house.identity.ownership.rescue(HOUSE, "ann")
    assert await house.identity.ownership.token_for_first_start() is None
    with pytest.raises(AlreadyOwnedError):
        await claim(house, token, "eve")


async def test_a_weak_password_leaves_the_token_good(house):
    token = await house.identity.ownership.token_for_first_start()
    with pytest.raises(WeakPasswordError):
        await claim(house, token, "admin", "admin")
    assert (await claim(house, token)).name == "ann"


async def test_tokens_cannot_be_tried_without_end(house):
    for _ in range(5):
        with pytest.raises(TokenRefusedError):
            await claim(house, "auo_x")
    with pytest.raises(TooManyTriesError):
        await claim(house, "auo_x")
