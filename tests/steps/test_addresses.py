"""What the check says of an address is what Egress does with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auraos.sdk import StepFailed
from auraos.security.requests import read_url
from auraos.steps.addresses import find_fault

GOOD = (
    "https://a.io", "http://localhost:8000/x?y=1#z", "HTTPS://A.IO/", "https://[::1]:80/", "http://10.0.0.1",
    "https://bücher.example/ä", "https://a.io/%20?q=a+b", "https://a.io/x@y",
)  # fmt: skip
BAD = (
    "", "a.io", "//a.io/x", "/x", "ftp://a.io", "file:///etc/passwd", "https://", "https:///x", "https://a.io:port/",
    "https://a.io:99999", "https://[::1", "https://a b.io", "https://a.io\\x", "https://a.io/\n", "https:a.io",
    "https://ann@a.io", "mailto:ann@a.io",
)  # fmt: skip


def is_refused(url: str) -> bool:
    try:
        read_url(url)
    except StepFailed:
        return True
    return False


@pytest.mark.parametrize("url", GOOD)
def test_of_an_address_that_is_asked_nothing_is_said(url: str) -> None:
    assert find_fault(url) == ("", "")
    assert not is_refused(url)


@pytest.mark.parametrize("url", BAD)
def test_an_address_that_is_refused_is_reported(url: str) -> None:
    assert find_fault(url)[0]
    assert is_refused(url)


@given(st.from_regex(r"(https?|ftp)?:?/{0,3}[a-z.:\[\]@ %\\]{0,12}[/?#]?.{0,5}", fullmatch=True))
def test_nothing_is_reported_that_would_be_asked(url: str) -> None:
    if "{{" not in url and find_fault(url)[0]:
        assert is_refused(url)


@pytest.mark.parametrize(
    ("url", "is_bad"),
    [
        ("{{ input.url }}", False),
        ("https://{{ input.host }}/x", False),
        ("{{ input.scheme }}://a.io", False),
        ("http{{ 's' }}://a.io", False),
        ("https://a.io/{{ input.id }}", False),
        ("https://a.io:{{ input.port }}/", False),
        ("ftp://a.io/{{ input.id }}", True),
        ("https://a io/{{ input.id }}", True),
        ("https://a.io:port/{{ input.id }}", True),
    ],
)
def test_of_an_address_with_expressions_the_beginning_counts(url: str, is_bad: bool) -> None:
    assert bool(find_fault(url)[0]) is is_bad
