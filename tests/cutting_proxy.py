"""A proxy between a client and a server that can be told to cut connections off: before the answer comes, or amid it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class CuttingProxy:
    """Hands bytes on in both directions."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname, parts.port)
        self.cuts = 0
        """So many answers are still to be cut off at their first byte: the server has done what it was asked."""
        self.cut_at = b""
        """The next answer in which this stands is cut off right behind it."""
        self.requests: list[bytes] = []
        """The first bytes of what was asked."""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._to)

        async def ask() -> None:
            while data := await reader.read(65536):
                self.requests.append(data)
                there_writer.write(data)
                await there_writer.drain()
            there_writer.close()

        async def answer() -> None:
            seen = b""
            while data := await there_reader.read(65536):
                if self.cuts:
                    self.cuts -= 1
                    break
                seen += data
                if self.cut_at and self.cut_at in seen:
                    writer.write(data[: data.find(self.cut_at) + len(self.cut_at)])
                    await writer.drain()
                    self.cut_at = b""
                    break
                writer.write(data)
                await writer.drain()
            writer.close()

        asking = asyncio.create_task(ask())
        with suppress(ConnectionError):
            await answer()
        writer.close()
        there_writer.close()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@asynccontextmanager
async def cutting(url: str) -> AsyncIterator[CuttingProxy]:
    """Open a proxy in front of a server."""
    proxy = CuttingProxy(url)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
