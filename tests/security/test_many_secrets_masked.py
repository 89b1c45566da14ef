"""Masking stays quick and whole however many values there are, and however they were cut."""

import base64
import secrets
import string
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auraos.security.forms import shortest_fragment
from auraos.security.redaction import MASK, Redactor

VALUE = "Tk-7f3a9c/51+b8=e04d62_Qz!x9 y&45"
MANY = [secrets.token_urlsafe(18) for _ in range(300)]
NOISE = "".join(f"line {number}: nothing to see here, {number * 7} of {number}\n" for number in range(300))


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    """Return one that knows many values."""
    return Redactor([*MANY, VALUE])


def forms(value: str) -> list[str]:
    raw = value.encode()
    return [value, raw.hex(), base64.b64encode(raw).decode().rstrip("="), quote(value, safe=""), value[::-1]]


def test_one_of_many_is_found(redactor):
    for value in MANY[::29]:
        for form in forms(value):
            assert redactor.redact_text(f"{NOISE}<{form}>") == f"{NOISE}<{MASK}>"


def test_text_without_any_comes_back_as_it_is(redactor):
    assert redactor.redact_text(NOISE) is NOISE


@pytest.mark.parametrize("form", forms(VALUE), ids=["raw", "hex", "base64", "url", "reversed"])
def test_a_long_part_is_masked_wherever_it_stands(redactor, form):
    shortest = shortest_fragment(form)
    for length in range(shortest, len(form)):
        assert redactor.redact_text(f"key={form[:length]}… and more") == f"key={MASK}… and more"
        assert redactor.redact_text(f"and …{form[-length:]} more") == f"and …{MASK} more"


def test_a_value_that_was_removed_is_not_masked_any_more():
    redactor = Redactor([*MANY, VALUE])
    redactor.remove(MANY[7])
    assert redactor.redact_text(f"{MANY[7]} {MANY[8]} {VALUE}") == f"{MANY[7]} {MASK} {MASK}"
    redactor.add(MANY[7])
    assert redactor.redact_text(MANY[7]) == MASK


LETTERS = st.text(
    st.sampled_from(string.ascii_letters + string.digits + "-_./+=&%\"' äß😀"), min_size=4, max_size=40
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LETTERS, min_size=1, max_size=12, unique=True), st.data())
def test_whatever_the_values_are_none_is_left_in_any_form(values, data):
    redactor = Redactor(values)
    value = data.draw(st.sampled_from(values))
    for form in (value, value.encode().hex(), quote(value, safe=""), value[::-1]):
        assert form not in redactor.redact_text(f"({form})")
