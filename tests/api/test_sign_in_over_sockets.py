"""Signing in through real sockets, with the cookies of a real client."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from auraos.api.protocol.server import Server
from houses import PASSWORD
from kept_definitions import workflow
from rooms import Room


@pytest.fixture
async def address(room: Room) -> AsyncIterator[str]:
    """Return the address of a server on this machine."""
    server = Server(room.door)
    port = await server.open("127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await server.close()


def browser(address: str) -> aiohttp.ClientSession:
    """Return a client that keeps cookies, and says which page asks, as browsers do."""
    return aiohttp.ClientSession(
        address,
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        headers={"origin": address, "sec-fetch-site": "same-origin"},
    )


async def test_a_browser_signs_in_works_and_signs_out(room, address):
    person = await room.house.person("editor")
    async with browser(address) as client:
        credentials = {"name": person.name, "password": PASSWORD}
        async with client.post("/api/v1/sign-in", json=credentials) as got:
            assert (got.status, (await got.json())["name"]) == (200, person.name)
        async with client.post("/api/v1/definitions", json={"text": workflow()}) as got:
            assert got.status == 201
        async with client.get("/api/v1/me") as got:
            assert (await got.json())["workspaces"] == ["default"]
        async with client.post("/api/v1/sign-out") as got:
            assert (got.status, await got.read()) == (204, b"")
        async with client.get("/api/v1/me") as got:
            assert got.status == 401
        assert len(client.cookie_jar) == 0


async def test_a_page_of_another_site_asks_for_nothing(room, address):
    """S40, S41."""
    person = await room.house.person("editor")
    async with browser(address) as client:
        async with client.post("/api/v1/sign-in", json={"name": person.name, "password": PASSWORD}) as got:
            assert got.status == 200
        foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        async with client.post("/api/v1/definitions", json={"text": workflow()}, headers=foreign) as got:
            assert (got.status, (await got.json(content_type=None))["code"]) == (403, "foreign-origin")
            assert not any(name.lower().startswith("access-control") for name in got.headers)


async def test_a_program_asks_with_its_token(room, address):
    _, token = await room.house.signed_in("viewer")
    async with aiohttp.ClientSession(address, headers={"authorization": f"Bearer {token}"}) as client:
        async with client.get("/api/v1/definitions") as got:
            assert got.status == 200
        async with client.get("/api/v1/people") as got:
            assert got.status == 403
