"""The envelope: what is sealed for one place opens nowhere else (S54)."""

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auraos.security.secrets.envelope import seal, sealer_of, unseal
from auraos.security.secrets.errors import SealBrokenError

KEY = b"k" * 32
PLACE = ("here", "default", "secret", "1", "stock-api", "1")


def sealed(place=PLACE, key=KEY, name="key-1") -> bytes:
    return seal(key, name, place, b"content", os.urandom)


def test_what_was_sealed_opens_in_its_place():
    assert unseal(KEY, PLACE, sealed()) == b"content"
    assert sealer_of(sealed()) == "key-1"


def test_the_same_content_never_looks_the_same():
    assert len({sealed() for _ in range(50)}) == 50


@pytest.mark.parametrize("at", range(len(PLACE)))
def test_what_was_sealed_opens_in_no_other_place(at):
    other = (*PLACE[:at], "2", *PLACE[at + 1 :])
    with pytest.raises(SealBrokenError):
        unseal(KEY, other, sealed())


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_no_two_places_look_the_same(one, other):
    if one == other:
        other = [*other, ""]
    with pytest.raises(SealBrokenError):
        unseal(KEY, tuple(other), sealed(tuple(one)))


def test_another_key_opens_nothing():
    with pytest.raises(SealBrokenError):
        unseal(b"j" * 32, PLACE, sealed())


def test_no_bit_of_it_can_be_changed():
    whole = sealed()
    for at, bit in itertools.product(range(len(whole)), (0, 7)):
        changed = bytearray(whole)
        changed[at] ^= 1 << bit
        with pytest.raises(SealBrokenError):
            unseal(KEY, PLACE, bytes(changed))


@pytest.mark.parametrize("length", range(30))
def test_a_part_of_it_does_not_open(length):
    with pytest.raises(SealBrokenError):
        unseal(KEY, PLACE, sealed()[:length])
