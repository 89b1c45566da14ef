"""What may stand around the body of a request, through real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from auraos.api.protocol.server import LARGEST_HEAD, Server
from rooms import Room

CHUNKED = b"Host: auraos.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"2\r\n{}\r\n0\r\n"


@pytest.fixture
async def port(room: Room) -> AsyncIterator[int]:
    """Return the port of a server on this machine."""
    server = Server(room.door)
    yield await server.open("127.0.0.1", 0)
    await server.close()


async def said(port: int, *pieces: bytes) -> bytes:
    """Send pieces of a request, and return what is answered first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(4000), 20)
    finally:
        writer.close()


@pytest.mark.parametrize("cut", [False, True])
async def test_what_stands_behind_a_body_is_no_header(room, port, cut):
    """S22."""
    _, token = await room.house.signed_in("owner", "*")
    trailer = f"Authorization: Bearer {token}\r\n\r\n".encode()
    head = b"POST /api/v1/sign-out HTTP/1.1\r\n" + CHUNKED
    pieces = (head, BODY, trailer) if cut else (head + BODY + trailer,)
    assert (await said(port, *pieces)).startswith(b"HTTP/1.1 401 ")
    assert await room.house.identity.recognition.principal(token) is not None


@pytest.mark.parametrize(
    "filler",
    [b"x: y\r\n" * 1000, b"y" * 6000],
    ids=["headers behind it", "one that does not end"],
)
async def test_behind_a_body_no_more_is_taken_than_before_it(port, filler):
    """S46."""
    head = b"POST /api/v1/sign-in HTTP/1.1\r\n" + CHUNKED + BODY + b"x: "
    try:
        answer = await said(port, head, *[filler] * (3 * LARGEST_HEAD // len(filler)))
    except ConnectionError:
        return  # it was closed before all was sent
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


async def test_a_long_body_in_small_pieces_is_read_to_its_end(port):
    piece = b"1\r\n \r\n" * 20_000
    head = b"POST /api/v1/sign-in HTTP/1.1\r\n" + CHUNKED
    answer = await said(port, head, *[piece] * 3, BODY, b"\r\n")
    assert answer.startswith(b"HTTP/1.1 422 ")


async def test_many_requests_on_one_connection_are_all_answered(port):
    request = b"POST /api/v1/sign-in HTTP/1.1\r\n" + CHUNKED + BODY + b"\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request * 30)
    for _ in range(30):
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        assert answer.startswith(b"HTTP/1.1 422 ")
        size = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(size)
    writer.close()


@pytest.mark.parametrize(
    "lines",
    [
        b"Host: a\r\nHost: b\r\n\r\n",
        b"Host: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Host: a\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
        b"Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"Host: a\r\nx: y\r\n z\r\n\r\n",
        b"Host : a\r\n\r\n",
        b"Host: a\r\nx: \0\r\n\r\n",
    ],
    ids=[
        "two hosts",
        "length and pieces",
        "two lengths",
        "unknown pieces",
        "a folded line",
        "a space",
        "a zero",
    ],
)
async def test_what_two_could_read_differently_is_refused(port, lines):
    """S22."""
    assert (await said(port, b"POST /api/v1/sign-in HTTP/1.1\r\n" + lines)).startswith(b"HTTP/1.1 400 ")
