"""The sockets behind the door: HTTP as uvicorn speaks it, within bounds that no caller can stretch.

Whoever sends the head of a request slowly, makes it vast, or opens connections by the hundred, is let go; others wait for
none of it. On the way out nothing new is taken, and what was taken is answered.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from auraos.app.health import port_refused

LONGEST_HEAD = 10.0
"""For so many seconds the head of a request may be on its way."""
LARGEST_HEAD = 64 * 1024
LONGEST_PAUSE = 8.0
"""For so many seconds somebody may read nothing of what is sent to them."""
MOST_UNWANTED = 1024 * 1024
"""So many bytes of a body are let come in after it was answered, for the answer to arrive before the connection is closed."""
MOST_HEADERS = 200
IDLE = 75.0
"""For so many seconds a connection is kept on which nothing is asked."""
MOST_CONNECTIONS = 2000
MOST_OF_ONE = 200
"""So many connections one address may have, unless it is this machine."""
_OWN = ("127.0.0.1", "::1", "")
_TWO_HOSTS = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Server:
    """Listens at one port, and answers by the door."""

    def __init__(self, door: Callable[..., Awaitable[None]]) -> None:
        self._config = Config(
            cast(Any, door), http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, date_header=False, proxy_headers=False, timeout_keep_alive=round(IDLE),
        )  # fmt: skip
        self._config.load()
        self._state = ServerState()
        self._by_address: Counter[str] = Counter()
        self._listening: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen, and return the port: 0 asks for a free one. Raise `PortRefusedError` where that cannot be."""
        loop = asyncio.get_running_loop()
        try:
            self._listening = await loop.create_server(self._connection, host, port, backlog=512)
        except OSError as error:
            raise port_refused(host, port, error) from error
        found: int = self._listening.sockets[0].getsockname()[1]
        return found

    async def settle(self, grace: float = 5.0) -> None:
        """Return when what was taken so far is answered, or after so many seconds."""
        if self._state.tasks:
            await asyncio.wait(set(self._state.tasks), timeout=grace)

    async def close(self, grace: float = 5.0) -> None:
        """Take nothing new, answer what was taken, and close."""
        if self._listening is None:
            return
        self._listening.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await self.settle(grace)
        for task in list(self._state.tasks):
            task.cancel()
        for connection in list(self._state.connections):
            cast(_Connection, connection).transport.close()
        await self._listening.wait_closed()
        self._listening = None

    def _connection(self) -> asyncio.Protocol:
        return _Connection(self._config, self._state, self._by_address)


class Together:
    """A transport on which what is written in one turn of the loop goes out together: the head of an answer with its body."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Let this go out before anything else happens."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        """Send what was written, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces) if len(pieces) > 1 else pieces[0])


class _Connection(HttpToolsProtocol):
    """One connection, with what it may cost."""

    def __init__(self, config: Config, state: ServerState, by_address: Counter[str]) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._by_address = by_address
        self._address = ""
        self._head = 0
        self._in_head = True
        self._unread = 0
        """So many bytes came after the head of which nothing was read: neither a piece of the body nor its end."""
        self._deadline: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._unwanted = 0
        """So many bytes of a body came in after it was answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(cast(asyncio.Transport, Together(transport, self.loop)))
        self._address = self.client[0] if self.client else ""
        self._by_address[self._address] += 1
        is_stranger = self._address not in _OWN
        if len(self.connections) > MOST_CONNECTIONS or (
            is_stranger and self._by_address[self._address] > MOST_OF_ONE
        ):
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection."""
        super().connection_lost(exc)
        self._calm()
        self._read_again()
        self._by_address[self._address] -= 1
        if not self._by_address[self._address]:
            del self._by_address[self._address]

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the head of the request, and what stands around its body, is no larger than it may be."""
        if self._in_head and self._deadline is None:
            self._await_head()
        self._head += len(data)
        self._unread += len(data)
        super().data_received(data)
        if (self._head if self._in_head else self._unread) > LARGEST_HEAD:
            self._refuse_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of the head. What comes behind a body is none: nobody in front of this saw it."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin with the request; from here on the door sees to what may come."""
        self._calm()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > LARGEST_HEAD or len(self.headers) > MOST_HEADERS:
            self._refuse_head()
            return
        if (
            sum(name == b"host" for name, _ in self.headers) > 1
        ):  # each in front of this may believe another one
            self._refuse_head(_TWO_HOSTS)
            return
        self._in_head, self._unread = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless the request was refused by its head."""
        self._unread = 0
        if self._in_head:
            return
        super().on_body(body)
        if self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > MOST_UNWANTED and not self.transport.is_closing():
                self.transport.abort()

    def on_message_complete(self) -> None:
        """Expect the next request."""
        if not self._in_head:
            super().on_message_complete()
        self._in_head, self._head, self._unwanted = True, 0, 0

    def pause_writing(self) -> None:
        """Wait until what was sent is read; whoever reads nothing for long is let go."""
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(LONGEST_PAUSE, self._let_go)

    def resume_writing(self) -> None:
        """Go on: it is read."""
        super().resume_writing()
        self._read_again()

    def _read_again(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _let_go(self) -> None:
        self._stuck = None
        self.transport.abort()

    def _refuse_head(self, answer: bytes = _TOO_LARGE) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(LONGEST_HEAD, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.abort()

    def _calm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
