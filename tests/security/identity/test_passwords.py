"""Passwords: what is kept of them, and which are refused."""

import asyncio

import pytest

from auraos.security.identity.errors import TooManyTriesError
from auraos.security.identity.passwords import MOST_WAITING, Passwords, WeakPasswordError, refuse_weak


@pytest.fixture
def passwords():
    made = Passwords(memory=64, rounds=1)
    yield made
    made.close()


async def test_a_password_is_known_again_and_no_other_is(passwords):
    kept = await passwords.hash("a long way home")
    assert kept.startswith("$argon2id$")
    assert await passwords.verify(kept, "a long way home")
    assert not await passwords.verify(kept, "a long way hom")
    assert not await passwords.verify("", "nobody has this password")


async def test_letters_are_the_same_however_a_keyboard_puts_them_together(passwords):
    kept = await passwords.hash("gr\N{LATIN SMALL LETTER U WITH DIAERESIS}ner als Gras")
    assert await passwords.verify(kept, "gru\N{COMBINING DIAERESIS}ner als Gras")


async def test_a_password_that_was_hashed_more_weakly_is_known_as_such(passwords):
    kept = await passwords.hash("a long way home")
    stronger = Passwords(memory=128, rounds=2)
    assert not passwords.is_outdated(kept)
    assert stronger.is_outdated(kept)
    assert not stronger.is_outdated("what somebody wrote into the table")
    stronger.close()


async def test_what_is_kept_and_cannot_be_read_opens_nothing(passwords):
    assert not await passwords.verify("what somebody wrote into the table", "a long way home")


async def test_who_comes_when_too_many_wait_is_asked_to_come_again(passwords):
    all_at_once = [passwords.verify("", "x") for _ in range(MOST_WAITING + 3)]
    told = await asyncio.gather(*all_at_once, return_exceptions=True)
    assert sum(isinstance(each, TooManyTriesError) for each in told) == 3
    assert not await passwords.verify("", "x")


@pytest.mark.parametrize(
    "weak",
    [
        "short",
        "password12",
        "P@ssw0rd!!",
        "Passwort2024!",
        "drowssap2024",
        "1234567890",
        "12.12.1990",
        "qwertzuiop",
        "QWERTYUIOP",
        "poiuytrewq",
        "abcabcabcabc",
        "aaaaaaaaaaaa",
        "monkeydragon",
        "monkey dragon sunshine",
        "monkey-dragon_1",
        "correct horse battery staple",
        "correcthorsebatterystaple",
        "letmein letmein",
        "annastasia",
        "Annastasia 12!",
        "x" * 501,
    ],
)
def test_what_is_tried_first_is_refused(weak):
    with pytest.raises(WeakPasswordError):
        refuse_weak(weak, "annastasia")


@pytest.mark.parametrize(
    "good",
    ["a long way home", "Tr0mbone&kiln", "über sieben brücken", "7f3b9c2e1d", "monkeys eat dragonfruit"],
)
def test_what_nobody_tries_first_is_taken(good):
    refuse_weak(good, "annastasia", "")
