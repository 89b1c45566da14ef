"""Clients that send or read slowly, or without end, through real sockets: they are let go, and others do not wait for them."""

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
import pytest
from test_run_routes import GREET, publish

from auraos.api.protocol import server as serving
from auraos.api.protocol.server import Server
from rooms import Room

SLOW, AT_ONCE = 0.4, 40
HEAD = b"POST /api/v1/events HTTP/1.1\r\nHost: auraos.test\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def port(room: Room) -> AsyncIterator[int]:
    """Return the port of a server on this machine."""
    server = Server(room.door)
    yield await server.open("127.0.0.1", 0)
    await server.close()


@pytest.fixture
async def token(room: Room) -> str:
    return (await room.house.signed_in("owner", "*"))[1]


def request(token: str, body: bytes = b"", path: str = "/api/v1/events", **more: str) -> bytes:
    method = "POST" if body else "GET"
    told = {
        "host": "auraos.test",
        "authorization": f"Bearer {token}",
        "content-length": str(len(body)),
        **more,
    }
    if body:
        told.setdefault("content-type", "application/json")
    lines = [
        f"{method} {path} HTTP/1.1",
        *(f"{name.replace('_', '-')}: {value}" for name, value in told.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def said(port: int, *pieces: bytes) -> tuple[int, bytes]:
    """Send pieces of a request; return the status and the whole answer, 0 where the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(100_000), 20)
    writer.close()
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 0, answer


async def test_s46_who_sends_a_head_slowly_is_let_go_and_nobody_waits_for_it(room, port, token, monkeypatch):
    """S46."""
    monkeypatch.setattr(serving, "LONGEST_HEAD", SLOW)
    began = time.monotonic()
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]
    for _, writer in slow:
        writer.write(b"GET /api/v1/runs HTTP/1.1\r\nHost: auraos.test\r\nX-A:")
    took = []
    for _ in range(20):
        asked = time.monotonic()
        assert (await said(port, request(token, path="/api/v1/runs")))[0] == 200
        took.append(time.monotonic() - asked)
        for _, writer in slow:
            with suppress(ConnectionError):
                writer.write(b"a")
    assert sorted(took)[-2] < 0.5
    for reader, writer in slow:
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    assert time.monotonic() - began < 20 * SLOW


@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (431, 414, 400)),
        (b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"a" * 8_000_000 + b"\r\n\r\n", (0, 431, 400)),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 100_000 + b"\r\n", (0, 431, 400)),
        (
            b"GET /api/v1/runs?" + b"&".join(b"a=1" for _ in range(10_000)) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            (401, 422),
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 300 + b"\r\n", (431,)),
        (b"\x16\x03\x01\x02\x00" + b"\x00" * 5000, (0, 400)),
    ],
    ids=["path", "cookie", "headers", "parameters", "many headers", "tls"],
)
async def test_s46_a_head_without_measure_is_refused(room, port, head, statuses):
    """S46."""
    assert (await said(port, head))[0] in statuses


async def test_s46_r26_a_body_without_end_is_cut_off_early_and_costs_no_memory(room, port, token):
    """S46, R26."""
    tracemalloc.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = HEAD + f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    piece, sent = b"10000\r\n" + b" " * 65536 + b"\r\n", 0
    writer.write(head)
    with suppress(ConnectionError):
        while sent < 1024**3:
            writer.write(piece)
            await writer.drain()
            sent += 65536
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent < 64 * 1024 * 1024
    assert most < 64 * 1024 * 1024
    answer = b""
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(400), 5)
    assert answer[:12] in (b"", b"HTTP/1.1 413")
    writer.close()


async def test_s46_a_body_that_is_not_wanted_is_not_taken_for_ever(port):
    """S46."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    with suppress(ConnectionError):
        while sent < 1024**3:
            writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
            await writer.drain()
            sent += 65536
    assert sent < 64 * 1024 * 1024
    with suppress(ConnectionError):
        assert (await reader.read(12)) in (b"", b"HTTP/1.1 401")
    writer.close()


@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_s48_a_packed_body_is_not_unpacked(port, token, packing):
    """S48."""
    bomb = gzip.compress(b"[" * 50_000_000)
    status, answer = await said(port, request(token, bomb, content_encoding=packing))
    assert (status, b"wrong-content-type" in answer) == (415, True)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"type": ' * 100_000,
        b'{"type": "x", "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"type": "x", "data": ' + b"9" * 5_000 + b"}",
        b'{"type": "x", "data": 1e400}',
        b'{"type": "x", "data": -1e999999999}',
        b'{"type": "x", "data": NaN}',
        b'{"type": "x", "data": "\\ud800"}',
        b'{"type": "x\\u0000"}',
        b'{"type": "x", "type": "y"}',
        b"\xff\xfe{}",
        b'\xef\xbb\xbf{"type": "x"}',
        b'{"type": "x", "data": 12345678901234567890123}',
    ],
    ids=[
        "lists",
        "mappings",
        "data",
        "digits",
        "huge",
        "tiny",
        "nan",
        "half",
        "null",
        "twice",
        "utf-16",
        "bom",
        "int",
    ],
)
async def test_s47_r25_what_breaks_readers_is_refused_with_a_reason(room, port, token, body):
    """S47, R25."""
    status, answer = await said(port, request(token, body))
    assert status in (400, 422), answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"]
    assert (await said(port, request(token, b'{"type": "x"}')))[0] == 200


async def test_requests_that_come_before_the_answer_are_answered_in_their_order(room, port, token):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = [request(token, json.dumps({"type": f"kind-{number}"}).encode()) for number in range(20)]
    asked[7] = request(token, b'{"kind": 7}')
    writer.write(b"".join(asked))
    statuses = []
    for _ in asked:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        statuses.append(int(head.split(b" ")[1]))
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    assert statuses == [200] * 7 + [422] + [200] * 12
    writer.close()


async def test_r44_who_never_reads_a_stream_is_let_go_and_nobody_waits_for_it(room, port, token, monkeypatch):
    """R44."""
    monkeypatch.setattr(serving, "LONGEST_PAUSE", SLOW)
    await publish(room, token, GREET)
    readers = []
    for _ in range(10):
        sock = await asyncio.open_connection("127.0.0.1", port, limit=1)
        sock[1].transport.pause_reading()
        sock[1].write(request(token, path="/api/v1/stream?topic=runs"))
        readers.append(sock)
    async with asyncio.timeout(5):
        while room.desk.feeds.count < 10:  # noqa: ASYNC110 (the server is another task)
            await asyncio.sleep(0.01)
    row = next(iter(await started(room, token)))
    took = []
    async with asyncio.timeout(40):
        while room.desk.feeds.count:
            for number in range(200):
                room.runs.engine.watching.tell(row_like(row, number))
            asked = time.monotonic()
            assert (await said(port, request(token, path="/api/v1/runs")))[0] == 200
            took.append(time.monotonic() - asked)
    assert sorted(took)[len(took) // 2] < 0.25
    for _, writer in readers:
        writer.close()


async def started(room: Room, token: str) -> list:
    got = await room.ask(
        "POST", "/api/v1/workflows/greet/runs?wait=5", {"input": {"name": "Ada" * 300}}, token=token
    )
    assert got.status == 201
    return [await room.runs.find("default", got.json["run"])]


def row_like(row, number: int):
    return msgspec.structs.replace(row, changed_at=row.changed_at + number, why="x" * 2000)
