"""One-time codes and recovery codes: each is good once, and none is left out (S39)."""

import asyncio

import pyotp
import pytest

from auraos.security.access.errors import ChangedMeanwhileError, NotFoundError
from auraos.security.identity.errors import (
    CodeRefusedError,
    SecondProofNeededError,
    SignInRefusedError,
    TooManyTriesError,
)
from auraos.security.identity.rows import Person
from houses import NOBODY, PASSWORD, House, acting


async def with_totp(house: House, person: Person) -> tuple[str, tuple[str, ...]]:
    """Return the secret of the app that a person set up, and the recovery codes."""
    proofs = house.identity.second_proofs
    begun = await proofs.begin_totp(person)
    codes = await proofs.confirm_totp(acting(person), person, begun.setup, code_of(house, begun.secret))
    house.clock.sleep(90)
    return begun.secret, codes


def code_of(house: House, secret: str, late: float = 0) -> str:
    return pyotp.TOTP(secret).at(house.clock.time // 1_000_000 - late)


async def sign_in(house: House, person: Person, code: str = "", password: str = PASSWORD) -> tuple[str, ...]:
    return (await house.identity.sign_in.sign_in(NOBODY, person.name, password, code)).session.proved_by


async def test_an_app_that_was_set_up_is_asked_for_its_code(house):
    person = await house.person()
    secret, _ = await with_totp(house, person)
    with pytest.raises(SecondProofNeededError):
        await sign_in(house, person)
    assert await sign_in(house, person, code_of(house, secret)) == ("password", "totp")


async def test_nothing_is_asked_until_the_first_code_is_confirmed(house):
    person = await house.person()
    begun = await house.identity.second_proofs.begin_totp(person)
    with pytest.raises(CodeRefusedError):
        await house.identity.second_proofs.confirm_totp(acting(person), person, begun.setup, "000000")
    assert await sign_in(house, person) == ("password",)


async def test_the_setup_of_another_person_or_of_long_ago_is_refused(house):
    person, other = await house.person(), await house.person()
    begun = await house.identity.second_proofs.begin_totp(person)
    for whose, setup in ((other, begun.setup), (person, "made up"), (person, "")):
        with pytest.raises(CodeRefusedError):
            await house.identity.second_proofs.confirm_totp(
                acting(whose), whose, setup, code_of(house, begun.secret)
            )
    house.clock.sleep(1801)
    with pytest.raises(CodeRefusedError):
        await house.identity.second_proofs.confirm_totp(
            acting(person), person, begun.setup, code_of(house, begun.secret)
        )


async def test_the_secret_is_kept_sealed(house):
    person = await house.person()
    secret, codes = await with_totp(house, person)
    kept = str(await house.rows.one(Person, id=person.id))
    assert secret not in kept
    assert not any(code in kept for code in codes)


async def test_without_the_password_nothing_is_told_of_a_second_proof(house):
    person = await house.person()
    secret, _ = await with_totp(house, person)
    for code in ("", code_of(house, secret)):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, person, code, "wrong")


async def test_a_code_is_good_once(house):
    person = await house.person()
    secret, _ = await with_totp(house, person)
    code = code_of(house, secret)
    assert await sign_in(house, person, code)
    with pytest.raises(SignInRefusedError):
        await sign_in(house, person, code)


async def test_of_many_who_use_one_code_at_once_one_comes_in(house):
    person = await house.person()
    secret, _ = await with_totp(house, person)
    code = code_of(house, secret)
    told = await asyncio.gather(*(sign_in(house, person, code) for _ in range(4)), return_exceptions=True)
    assert told.count(("password", "totp")) == 1


async def test_the_code_that_confirmed_the_app_opens_nothing(house):
    person = await house.person()
    begun = await house.identity.second_proofs.begin_totp(person)
    code = code_of(house, begun.secret)
    await house.identity.second_proofs.confirm_totp(acting(person), person, begun.setup, code)
    with pytest.raises(SignInRefusedError):
        await sign_in(house, person, code)


async def test_a_code_of_one_interval_ago_is_good_and_an_older_one_is_not(house):
    person = await house.person()
    secret, _ = await with_totp(house, person)
    assert await sign_in(house, person, code_of(house, secret, late=30))
    house.clock.sleep(120)
    with pytest.raises(SignInRefusedError):
        await sign_in(house, person, code_of(house, secret, late=60))


async def test_codes_cannot_be_guessed(house):
    person = await house.person()
    secret, _ = await with_totp(house, person)
    wrong = f"{(int(code_of(house, secret)) + 1) % 1_000_000:06}"
    for _ in range(5):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, person, wrong)
    with pytest.raises(TooManyTriesError):
        await sign_in(house, person, wrong)


async def test_asking_for_the_code_again_and_again_locks_nobody_out_and_forgives_nothing(house):
    person = await house.person()
    secret, _ = await with_totp(house, person)
    for _ in range(10):
        with pytest.raises(SecondProofNeededError):
            await sign_in(house, person)
    for _ in range(4):
        with pytest.raises(SignInRefusedError):
            await sign_in(house, person, "0000000")
        with pytest.raises(SecondProofNeededError):
            await sign_in(house, person)
    assert await sign_in(house, person, code_of(house, secret))


async def test_each_recovery_code_opens_once(house):
    person = await house.person()
    _, codes = await with_totp(house, person)
    assert len(set(codes)) == 10
    assert await sign_in(house, person, codes[0].upper().replace("-", " ")) == ("password", "recovery")
    with pytest.raises(SignInRefusedError):
        await sign_in(house, person, codes[0])
    assert await sign_in(house, person, codes[1])


async def test_new_recovery_codes_take_the_place_of_the_old_ones(house):
    person = await house.person()
    _, old = await with_totp(house, person)
    person = await house.identity.people.find(person.name)
    new = await house.identity.second_proofs.renew_codes(acting(person), person)
    with pytest.raises(SignInRefusedError):
        await sign_in(house, person, old[0])
    assert await sign_in(house, person, new[0])


async def test_a_second_proof_that_was_removed_is_not_asked_for(house):
    person = await house.person()
    await with_totp(house, person)
    person = await house.identity.people.find(person.name)
    await house.identity.second_proofs.remove(acting(person), person)
    assert await sign_in(house, person) == ("password",)
    person = await house.identity.people.find(person.name)
    for change in (house.identity.second_proofs.remove, house.identity.second_proofs.renew_codes):
        with pytest.raises(NotFoundError):
            await change(acting(person), person)


async def test_every_change_of_a_second_proof_is_told_without_its_secrets(house):
    person = await house.person()
    secret, codes = await with_totp(house, person)
    person = await house.identity.people.find(person.name)
    await house.identity.second_proofs.renew_codes(acting(person), person)
    person = await house.identity.people.find(person.name)
    await house.identity.second_proofs.remove(acting(person), person)
    told = [entry for entry in await house.entries() if entry.action.startswith("second-proof.")]
    assert [entry.action for entry in told] == [
        "second-proof.add", "second-proof.renew-codes", "second-proof.remove",
    ]  # fmt: skip
    assert not any(word in str(told) for word in (secret, *codes))


async def test_a_change_of_what_changed_meanwhile_is_refused(house):
    person = await house.person()
    await with_totp(house, person)
    seen = await house.identity.people.find(person.name)
    await house.identity.second_proofs.renew_codes(acting(seen), seen)
    with pytest.raises(ChangedMeanwhileError):
        await house.identity.second_proofs.renew_codes(acting(seen), seen)


async def test_a_proof_is_renewed_with_both_proofs_only(house):
    person, token = await house.signed_in()
    secret, _ = await with_totp(house, person)
    known = await house.known(token)
    with pytest.raises(SecondProofNeededError):
        await house.identity.sign_in.prove(acting(person), known, PASSWORD)
    assert await house.identity.sign_in.prove(acting(person), known, PASSWORD, code_of(house, secret))


async def test_whoever_knows_the_password_tries_a_code_an_hour(house):
    """S39: six digits would be soon guessed at one a minute."""
    person = await house.person()
    secret, _ = await with_totp(house, person)
    waited = 0
    for _ in range(40):
        try:
            await sign_in(house, person, "0000000")
        except TooManyTriesError as error:
            waited = error.data["retry_after"]
            house.clock.sleep(waited)
        except SignInRefusedError:
            house.clock.sleep(60)
    assert waited > 1800
    house.clock.sleep(3600)
    assert await sign_in(house, person, code_of(house, secret))
    house.clock.sleep(60)
    assert await sign_in(house, person, code_of(house, secret))
