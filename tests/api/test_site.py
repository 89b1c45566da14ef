"""Whose address it is, and what is a page of ours (S22, S35, S40)."""

import pytest

from auraos.api.protocol.site import Site
from rooms import Room

PROXIED = Site("https://auraos.test", ("10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("192.0.2.1", "", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "1.1.1.1, not an address", "1.1.1.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("110.0.0.1", "198.51.100.1", "110.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_an_address_is_believed_of_our_own_proxies_alone(peer, told, address):
    assert PROXIED.address_of(peer, {"x-forwarded-for": told}) == address


def test_without_proxies_nobody_says_where_somebody_asks_from():
    assert Site().address_of("10.0.0.1", {"x-forwarded-for": "198.51.100.1"}) == "10.0.0.1"


@pytest.mark.parametrize(
    ("origin", "is_own"),
    [
        ("https://auraos.test", True),
        ("http://auraos.test", False),
        ("https://auraos.test:444", False),
        ("https://auraos.test.evil.example", False),
        ("https://evil.example/https://auraos.test", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_page_is_ours_by_the_address_that_is_set_whatever_host_is_named(origin, is_own):
    assert PROXIED.is_own(origin, {"host": "evil.example"}) is is_own


async def test_tries_are_counted_by_the_address_that_our_proxy_tells(house):
    room = Room(house, Site("https://auraos.test", ("192.0.2.0/24",)))
    told = set()
    for number in range(25):
        got = await room.ask(
            "POST",
            "/api/v1/sign-in",
            {"name": f"name-{number}", "password": "x"},
            x_forwarded_for=f"198.51.100.{number}",
        )
        told.add(got.code)
    assert told == {"sign-in-refused"}
    assert (await house.entries("sessions.begin"))[3].actor.address == "198.51.100.3"
