"""Many people behind one address: guesses from there are slow, and who belongs there comes in all the same (S38)."""

import pytest

from auraos.core.audit import Actor
from auraos.security.identity.backoff import BELIEVED
from auraos.security.identity.errors import SignInRefusedError, TooManyTriesError
from houses import NOBODY, PASSWORD, House

DAY = 24 * 3600
ELSEWHERE = Actor(kind="nobody", address="198.51.100.4")


async def sign_in(house: House, name: str, password: str = PASSWORD, actor: Actor = NOBODY) -> str:
    return (await house.identity.sign_in.sign_in(actor, name, password)).token


async def guess(house: House, *names: str, actor: Actor = NOBODY) -> list[str]:
    """Guess at each of these accounts once; return what came of it."""
    told = []
    for name in names:
        try:
            await sign_in(house, name, "wrong", actor)
        except (SignInRefusedError, TooManyTriesError) as error:
            told.append(error.code)
    return told


async def flood(house: House, actor: Actor = NOBODY, tries: int = 40) -> None:
    """Try names from an address until it waits for as long as can be."""
    for number in range(tries):
        await guess(house, f"guess-{number}", actor=actor)
        house.clock.sleep(61 if number > 20 else 0)
    assert (await guess(house, "one-more", "one-more"))[-1] == "too-many-requests"


async def test_who_came_in_from_there_lately_does_not_wait_for_the_guesses_of_others(house):
    await house.person(name="ann")
    assert await sign_in(house, "ann")
    await flood(house)
    assert await sign_in(house, "ann")
    assert await guess(house, "ann") == ["sign-in-refused"]
    assert await sign_in(house, "ann")


async def test_who_never_came_in_from_there_waits(house):
    await house.person(name="ann")
    assert await sign_in(house, "ann", actor=ELSEWHERE)
    await flood(house)
    with pytest.raises(TooManyTriesError):
        await sign_in(house, "ann")


async def test_after_a_month_without_coming_in_from_there_it_is_forgotten(house):
    await house.person(name="ann")
    assert await sign_in(house, "ann")
    house.clock.sleep(20 * DAY)
    assert await sign_in(house, "ann")
    house.clock.sleep(29 * DAY)
    await flood(house)
    assert await sign_in(house, "ann")
    house.clock.sleep(31 * DAY)
    await flood(house)
    with pytest.raises(TooManyTriesError):
        await sign_in(house, "ann")


async def test_a_wrong_password_makes_nobody_known(house):
    await house.person(name="ann")
    await guess(house, "ann", "ben")
    await flood(house)
    for name in ("ann", "ben"):
        with pytest.raises(TooManyTriesError):
            await sign_in(house, name)


async def test_one_password_for_all_who_come_in_from_there_is_tried_a_few_times_and_no_more(house):
    names = [f"person-{number}" for number in range(10)]
    for name in names:
        await house.person(name=name)
        assert await sign_in(house, name)
    await flood(house)
    told = [code for _ in range(20) for code in await guess(house, *names)]
    assert told.count("sign-in-refused") == BELIEVED * len(names)
    assert told[-1] == "too-many-requests"


async def test_guesses_that_pass_count_for_the_address(house):
    names = [f"person-{number}" for number in range(21)]
    for name in names:
        await house.person(name=name)
        assert await sign_in(house, name)
    assert set(await guess(house, *names)) == {"sign-in-refused"}
    with pytest.raises(TooManyTriesError):
        await sign_in(house, "somebody-else")


async def test_a_rest_from_guesses_lets_everybody_in_again_bit_by_bit(house):
    await flood(house)
    house.clock.sleep(61)
    assert (await guess(house, "a", "b"))[-1] == "too-many-requests"
    house.clock.sleep(1000)
    assert await guess(house, "a", "b") == ["sign-in-refused", "too-many-requests"]
    house.clock.sleep(1000)
    assert await guess(house, "a", "b", "c") == ["sign-in-refused"] * 3


async def test_whoever_goes_on_guessing_gets_one_try_a_minute(house):
    await flood(house)
    refused = 0
    for _ in range(360):
        house.clock.sleep(10)
        refused += (await guess(house, f"name-{_}")).count("sign-in-refused")
    assert refused <= 60
