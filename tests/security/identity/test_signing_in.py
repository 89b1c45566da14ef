"""Signing in by name and password, and what slows down whoever guesses (S37, S38, S63)."""

import asyncio
import statistics
import time

import pytest

from auraos.core.audit import Actor
from auraos.security.access.errors import NotFoundError
from auraos.security.identity.errors import PersonNeededError, SignInRefusedError, TooManyTriesError
from auraos.security.identity.keys import KeyWish
from auraos.security.identity.passwords import Passwords, WeakPasswordError
from auraos.security.identity.rows import Failures, Session
from houses import NOBODY, PASSWORD, House, acting

ELSEWHERE = Actor(kind="nobody", address="198.51.100.4")


async def sign_in(house: House, name: str, password: str = PASSWORD, actor: Actor = NOBODY) -> str:
    return (await house.identity.sign_in.sign_in(actor, name, password, agent="a browser")).token


async def test_a_session_knows_who_is_signed_in_and_what_they_may_do(house):
    person = await house.person("editor")
    known = await house.known(await sign_in(house, person.name))
    assert (known.name, known.is_fresh) == (person.name, True)
    assert [grant.role for grant in known.grants] == ["editor"]
    (entry,) = await house.entries("sessions.begin")
    assert (entry.actor.name, entry.actor.address, entry.outcome) == (person.name, NOBODY.address, "done")


async def test_a_name_is_the_same_in_large_letters(house):
    person = await house.person(name="ann")
    assert (await house.known(await sign_in(house, " ANN "))).id == person.id


async def test_only_the_digest_of_a_token_is_kept(house):
    token = await house.session(await house.person())
    assert token not in str(await house.rows.all(Session))


async def test_every_signing_in_begins_another_session(house):
    person = await house.person()
    assert await house.session(person) != await house.session(person)


async def test_whatever_is_wrong_the_answer_is_the_same(house):
    person = await house.person(name="ann")
    gone = await house.person(name="gone")
    invited = await house.identity.people.add(NOBODY, "invited", "")
    await house.identity.people.set_state(
        NOBODY, await house.known((await house.signed_in("owner", "*"))[1]), gone.name, "disabled"
    )
    told = set()
    for name, password in (
        (person.name, "wrong"), ("nobody", PASSWORD), (gone.name, PASSWORD), (invited.person.name, ""),
        (person.name, "x" * 100_000), ("\x00'; drop table people", PASSWORD),
    ):  # fmt: skip
        with pytest.raises(SignInRefusedError) as caught:
            await sign_in(house, name, password)
        told.add((caught.value.code, str(caught.value), str(caught.value.data)))
    assert len(told) == 1


async def test_every_try_that_is_refused_is_told_without_what_was_tried(house):
    person = await house.person(name="ann")
    for name, password in ((person.name, "wrong-pass"), ("my-password-by-mistake", "x")):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, name, password)
    first, second = await house.entries("sessions.begin")
    assert (first.outcome, first.object.name, first.actor.address) == ("refused", "ann", NOBODY.address)
    assert (second.outcome, second.object.name) == ("refused", "")
    assert "wrong-pass" not in str((first, second))
    assert "my-password" not in str((first, second))


async def test_it_takes_as_long_for_nobody_as_for_somebody(house):
    house.passwords = Passwords(memory=8192, rounds=2)
    house.identity = house.another_process()
    person = await house.person()

    async def spent(name: str) -> float:
        begun = time.perf_counter()
        with pytest.raises(SignInRefusedError):
            await house.identity.sign_in.sign_in(NOBODY, name, "wrong")
        house.clock.sleep(4000)
        return time.perf_counter() - begun

    await spent("warm")
    some = [(await spent(person.name), await spent("nobody")) for _ in range(7)]
    known, unknown = (statistics.median(times) for times in zip(*some, strict=True))
    assert 0.3 < known / unknown < 3
    house.passwords.close()


@pytest.mark.parametrize("name", ["ann", "nobody"])
async def test_guessing_becomes_slow_for_an_account_from_wherever_it_comes(house, name):
    await house.person(name="ann")
    for number in range(5):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, name, "wrong", Actor(kind="nobody", address=f"192.0.2.{number}"))
    with pytest.raises(TooManyTriesError) as caught:
        await sign_in(house, name, "wrong", ELSEWHERE)
    assert caught.value.data["retry_after"] == 1
    house.clock.sleep(1)
    with pytest.raises(SignInRefusedError):
        await sign_in(house, name, "wrong", ELSEWHERE)
    with pytest.raises(TooManyTriesError) as caught:
        await sign_in(house, name, "wrong", ELSEWHERE)
    assert caught.value.data["retry_after"] == 2


async def test_the_right_password_waits_like_a_wrong_one_and_is_taken_then(house):
    await house.person(name="ann")
    for _ in range(5):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, "ann", "wrong")
    with pytest.raises(TooManyTriesError):
        await sign_in(house, "ann")
    house.clock.sleep(1)
    assert await sign_in(house, "ann")
    with pytest.raises(SignInRefusedError):
        await sign_in(house, "ann", "wrong")


async def test_nobody_is_locked_out_for_longer_than_a_minute(house):
    await house.person(name="ann")
    for _ in range(20):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, "ann", "wrong")
        house.clock.sleep(61)
    assert await sign_in(house, "ann", actor=ELSEWHERE)


async def test_guessing_one_password_for_many_names_becomes_slow_for_an_address(house):
    for number in range(20):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, f"name-{number}", "wrong")
    with pytest.raises(TooManyTriesError):
        await sign_in(house, "another-name", "wrong")
    with pytest.raises(SignInRefusedError):
        await sign_in(house, "another-name", "wrong", ELSEWHERE)


async def test_a_network_of_one_customer_counts_as_one_address(house):
    for number in range(20):
        with pytest.raises(SignInRefusedError):
            await sign_in(
                house, f"name-{number}", "wrong", Actor(kind="nobody", address=f"2001:db8::{number:x}")
            )
    with pytest.raises(TooManyTriesError):
        await sign_in(house, "another", "wrong", Actor(kind="nobody", address="2001:db8::ffff:1"))


async def test_people_of_one_office_who_sign_in_do_not_slow_each_other_down(house):
    people = [await house.person() for _ in range(25)]
    for person in people:
        assert await house.session(person)


async def test_a_thousand_guesses_at_once_are_as_slow_as_one_by_one(house):
    await house.person(name="ann")
    told = await asyncio.gather(
        *(sign_in(house, "ann", f"guess {at}") for at in range(200)), return_exceptions=True
    )
    kinds = [type(each) for each in told]
    assert kinds.count(SignInRefusedError) <= 5
    assert set(kinds) <= {SignInRefusedError, TooManyTriesError}


async def test_who_tries_names_without_end_does_not_fill_the_store(house, monkeypatch):
    monkeypatch.setattr("auraos.security.identity.backoff.ROWS", 8)
    for number in range(60):
        house.clock.sleep(61)
        with pytest.raises(SignInRefusedError):
            await sign_in(house, f"name-{number}", "wrong", Actor(kind="nobody", address=f"192.0.2.{number}"))
    assert len(await house.rows.all(Failures)) <= 16


async def test_a_session_that_was_left_opens_nothing(house):
    person, token = await house.signed_in()
    known = await house.known(token)
    await house.identity.sign_in.end(acting(person), known, known.session)
    assert await house.identity.recognition.principal(token) is None
    assert [entry.actor.name for entry in await house.entries("sessions.end")] == [person.name]


async def test_the_sessions_of_others_cannot_be_ended(house):
    person, token = await house.signed_in()
    other, others = await house.signed_in()
    number = (await house.known(others)).session
    with pytest.raises(NotFoundError):
        await house.identity.sign_in.end(acting(person), await house.known(token), number)
    assert (await house.known(others)).id == other.id


async def test_all_other_sessions_can_be_ended(house):
    person, token = await house.signed_in()
    other = await house.session(person)
    known = await house.known(token)
    assert len(await house.identity.sign_in.sessions(known)) == 2
    await house.identity.sign_in.end_all(acting(person), known, but=known.session)
    assert await house.identity.recognition.principal(other) is None
    assert await house.known(token) == known


async def test_a_session_ends_when_nothing_is_asked_in_it(house):
    _, token = await house.signed_in()
    house.clock.sleep(11 * 3600)
    assert await house.known(token)
    house.clock.sleep(11 * 3600)
    assert await house.known(token)
    house.clock.sleep(12 * 3600)
    assert await house.identity.recognition.principal(token) is None


async def test_a_session_ends_after_a_week_whatever_is_asked_in_it(house):
    _, token = await house.signed_in()
    for _ in range(15):
        house.clock.sleep(11 * 3600)
        assert await house.known(token)
    house.clock.sleep(3 * 3600)
    assert await house.identity.recognition.principal(token) is None


async def test_what_is_over_is_cleared_when_somebody_signs_in(house):
    person, _ = await house.signed_in()
    house.clock.sleep(8 * 24 * 3600)
    await house.session(person)
    assert len(await house.rows.all(Session)) == 1


async def test_another_password_ends_all_sessions_and_carries_this_one_on(house):
    person, token = await house.signed_in()
    other = await house.session(person)
    known = await house.known(token)
    changed = await house.identity.sign_in.change_password(
        acting(person), known, PASSWORD, "another way home"
    )
    for old in (token, other):
        assert await house.identity.recognition.principal(old) is None
    assert (await house.known(changed.token)).session == known.session
    with pytest.raises(SignInRefusedError):
        await house.session(person)
    assert await sign_in(house, person.name, "another way home")


async def test_another_password_takes_the_one_of_before(house):
    person, token = await house.signed_in()
    known = await house.known(token)
    for _ in range(5):
        with pytest.raises(SignInRefusedError):
            await house.identity.sign_in.change_password(acting(person), known, "wrong", "another way home")
    with pytest.raises(TooManyTriesError):
        await house.identity.sign_in.change_password(acting(person), known, PASSWORD, "another way home")
    house.clock.sleep(1)
    with pytest.raises(WeakPasswordError):
        await house.identity.sign_in.change_password(acting(person), known, PASSWORD, "password12")


async def test_a_key_changes_no_password(house):
    person, token = await house.signed_in()
    made = await house.identity.keys.add_own(acting(person), await house.known(token), KeyWish(title="mine"))
    known = await house.known(made.token)
    with pytest.raises(PersonNeededError):
        await house.identity.sign_in.change_password(acting(person), known, PASSWORD, "another way home")


async def test_a_proof_is_fresh_for_ten_minutes_and_can_be_renewed_under_another_token(house):
    person, token = await house.signed_in()
    assert (await house.known(token)).is_fresh
    house.clock.sleep(601)
    known = await house.known(token)
    assert not known.is_fresh
    with pytest.raises(SignInRefusedError):
        await house.identity.sign_in.prove(acting(person), known, "wrong")
    proved = await house.identity.sign_in.prove(acting(person), known, PASSWORD)
    assert await house.identity.recognition.principal(token) is None
    assert (await house.known(proved.token)).is_fresh
    assert (await house.known(proved.token)).session == known.session


async def test_a_password_that_was_hashed_more_weakly_is_hashed_anew(house):
    person = await house.person()
    house.passwords = Passwords(memory=128, rounds=2)
    before = (await house.identity.people.find(person.name)).password
    await house.another_process().sign_in.sign_in(NOBODY, person.name, PASSWORD)
    after = (await house.identity.people.find(person.name)).password
    assert before != after
    assert await sign_in(house, person.name)
    house.passwords.close()


async def test_people_who_sign_in_at_once_leave_nothing_that_counts_against_their_office(house):
    people = [await house.person() for _ in range(15)]
    for _ in range(3):
        await asyncio.gather(*(house.session(person) for person in people))
    assert sum(row.count for row in await house.rows.all(Failures)) == 0
