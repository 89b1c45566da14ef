"""A proxy before a server that does to connections what networks do: cuts, swallows, delays, parts.

    proxy = Proxy(upstream_socket); port = await proxy.start(); …; proxy.swallow_next_reply()

It runs on the event loop of the test. What it did stands in its counters, so that a test can show that its fault happened.
"""

import asyncio
from types import TracebackType


class Proxy:
    """Forwards connections from a port of 127.0.0.1 to the socket file of a server."""

    def __init__(self, upstream: str) -> None:
        self.port = 0
        self.latency = 0.0
        self.refuses = False
        self.swallowed = 0
        self.lost = 0
        self.delayed = 0
        self.held = 0
        """So many pieces came while the ways were parted; they arrive late, or never."""
        self._joined = asyncio.Event()
        self._joined.set()
        self._upstream = upstream
        self._swallows = False
        self._loses = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def swallow_next_reply(self) -> None:
        """Let the next request through, and cut all connections in place of its reply."""
        self._swallows = True

    def lose_next_request(self) -> None:
        """Cut all connections in place of the next request."""
        self._loses = True

    def part(self) -> None:
        """Let nothing arrive any more, on either side, and tell nobody."""
        self._joined.clear()

    def join(self) -> None:
        """Let everything arrive that was sent meanwhile."""
        self._joined.set()

    def cut(self) -> None:
        """Reset all connections."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            if self.refuses:
                raise ConnectionError
            await self._joined.wait()
            up_reader, up_writer = await asyncio.open_unix_connection(self._upstream)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, up_writer}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._ask(reader, up_writer))
                both.create_task(self._reply(up_reader, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, up_writer):
                self._open.discard(end)
                end.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, up: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if self._loses:
                self._loses = False
                self.lost += 1
                self.cut()
                raise ConnectionError
            if self.latency:
                self.delayed += 1
                await asyncio.sleep(self.latency)
            await self._passage()
            up.write(data)
            await up.drain()
        raise ConnectionError

    async def _reply(self, up: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await up.read(1 << 16):
            if self._swallows:
                self._swallows = False
                self.swallowed += 1
                self.cut()
                raise ConnectionError
            await self._passage()
            writer.write(data)
            await writer.drain()
        raise ConnectionError

    async def _passage(self) -> None:
        if not self._joined.is_set():
            self.held += 1
            await self._joined.wait()
