"""Server-sent events, for as long as the reader may read: a reader who may not any more is cut off within seconds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import msgspec

from auraos.api.protocol.answers import ALWAYS, Reply, Send
from auraos.app.serving.feeds import Seat
from auraos.engine.stream import StreamFellBehindError

LOOK: Final = 5.0
"""After so many seconds it is looked anew whether the reader may read, and the reader hears that the stream lives."""
STREAM: Final = "text/event-stream"


class Events(Reply):
    """Events as they come. `still` says whether the reader may still read; `end` is told when there are no more. `bye`: the
    process leaves, and another one goes on where this reader was."""

    goes_on = True

    def __init__(
        self, coming: AsyncGenerator[bytes, None], still: Callable[[], Awaitable[bool]], end: bytes = b"", *, seat: Seat
    ) -> None:  # fmt: skip
        self._coming = coming
        self._still = still
        self._end = end
        self._seat = seat

    async def send(self, send: Send, *, with_body: bool, request: str) -> None:
        """Send each event as it comes, until there are no more or the reader may not read any more."""
        try:
            await self._send(send, with_body=with_body, request=request)
        finally:
            self._seat.leave()

    async def _send(self, send: Send, *, with_body: bool, request: str) -> None:
        headers = {**ALWAYS, "content-type": f"{STREAM}; charset=utf-8", "x-accel-buffering": "no"}
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        told.append((b"x-request-id", request.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": told})
        if with_body:
            async for text in self._texts():
                await send({"type": "http.response.body", "body": text, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _texts(self) -> AsyncIterator[bytes]:
        """Yield events and, while nothing happens, signs of life."""
        loop = asyncio.get_running_loop()
        looked, coming = loop.time(), _next(self._coming)
        leaving = asyncio.create_task(self._seat.closed.wait())
        yield b": here\n\n"
        try:
            while True:
                until = max(0.0, looked + LOOK - loop.time())
                await asyncio.wait({coming, leaving}, timeout=until, return_when=asyncio.FIRST_COMPLETED)
                if leaving.done() and not coming.done():
                    yield event("bye", {})
                    return
                if loop.time() - looked >= LOOK:
                    looked = loop.time()
                    if not await self._still():
                        yield event("gone", {"code": "not-allowed"})
                        return
                    yield b": here\n\n"
                if coming.done():
                    text = coming.result()
                    if text is None:
                        yield self._end
                        return
                    yield text
                    coming = _next(self._coming)
        except StreamFellBehindError as error:
            yield event("gone", {"code": error.code})
        finally:
            leaving.cancel()
            coming.cancel()
            with suppress(asyncio.CancelledError, StreamFellBehindError):
                await coming
            await self._coming.aclose()


def event(kind: str, told: Any, number: int = 0) -> bytes:
    """Return one event. JSON has no line ends of its own, so nothing in it can end the event."""
    numbered = f"id: {number}\n" if number else ""
    return f"{numbered}event: {kind}\ndata: ".encode() + msgspec.json.encode(told) + b"\n\n"


def _next(texts: AsyncIterator[bytes]) -> "asyncio.Task[bytes | None]":
    async def come() -> bytes | None:
        return await anext(texts, None)

    return asyncio.create_task(come())
