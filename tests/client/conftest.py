"""A front door on a port of this machine, and clients that come through it."""

from collections.abc import AsyncIterator

import pytest

from auraos.api.protocol.server import Server
from auraos.client import Client
from houses import House
from rooms import Room


@pytest.fixture
def room(house: House) -> Room:
    """Return a new installation with its front door."""
    return Room(house)


@pytest.fixture
async def address(room: Room) -> AsyncIterator[str]:
    """Return the address of a server on this machine."""
    server = Server(room.door)
    port = await server.open("127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await server.close()


@pytest.fixture
async def client(room: Room, address: str) -> AsyncIterator[Client]:
    """Return a client that may do all an administrator may."""
    _, token = await room.house.signed_in("admin")
    async with Client(address, token) as opened:
        yield opened
