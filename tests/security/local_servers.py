"""Real local servers for the tests of the way out: each counts who connected and what arrived."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Server:
    """A listener that answers each request with what `respond` writes; counts connections and keeps requests."""

    def __init__(self, respond: Callable[["Request", asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.respond = respond
        self.connections = 0
        self.requests: list[Request] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (request := await read_request(reader)) is not None:
                self.requests.append(request)
                await self.respond(request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Request:
    """What arrived."""

    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.target, self.headers, self.body = method, target, headers, body


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, target, _ = first.split(" ", 2)
    return Request(method, target, headers, body)


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of a whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def always(data: bytes) -> Callable[[Request, asyncio.StreamWriter], Awaitable[None]]:
    """Respond to everything with these bytes."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return respond


def by_path(**answers: bytes) -> Callable[[Request, asyncio.StreamWriter], Awaitable[None]]:
    """Respond by the first part of the path."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        name = request.target.lstrip("/").partition("?")[0].partition("/")[0]
        writer.write(answers.get(name or "root", answer(404)))

    return respond


@asynccontextmanager
async def listening(
    respond: Callable[[Request, asyncio.StreamWriter], Awaitable[None]],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Server]:
    server = Server(respond)
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        task.add_done_callback(running.discard)
        await server.serve(reader, writer)

    listener = await asyncio.start_server(accept, host, port, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
