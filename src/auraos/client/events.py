"""Events as a server tells them (server-sent events), on and on: whoever was cut off goes on after the last one that came."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec

from auraos.client.connection import FIRST_PAUSE, LONGEST_PAUSE, Call, Connection
from auraos.client.errors import ClientError, ProblemError, UnknownOutcomeError, UnreachableError
from auraos.client.shapes.shared import Trouble

SILENCE = 20.0
"""A server says every few seconds that it is there; after so many without a word it is not."""
LAST, CUT_OFF = "end", "gone"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: `fact`, `log` or `progress`, and `end` when there will be nothing more."""

    kind: str
    data: Any
    id: int = 0
    """The number of a fact; what has none is not told again to who was cut off."""


async def follow(connection: Connection, call: Call, after: int | None = None) -> AsyncIterator[Event]:
    """Yield events until the server says that it was the last; where the way breaks, go on after the last number."""
    loop = asyncio.get_running_loop()
    heard, pause = loop.time(), FIRST_PAUSE
    while True:
        last = {} if after is None else {"Last-Event-ID": str(after)}
        asked = msgspec.structs.replace(call, headers={**call.headers, **last})
        refused: ClientError = UnknownOutcomeError(f"{connection.url} told nothing more.")
        try:
            async with connection.stream(asked, silence=SILENCE) as stream:
                async for event in _events(stream):
                    heard, pause = loop.time(), FIRST_PAUSE
                    if event is None:
                        continue
                    if event.kind == CUT_OFF:
                        _refuse_if_barred(event)
                        break
                    after = event.id or after
                    yield event
                    if event.kind == LAST:
                        return
        except (UnreachableError, UnknownOutcomeError) as error:
            refused = error
        except ProblemError as error:
            if error.status not in (429, 503):
                raise
            refused, pause = error, max(pause, error.retry_after or 0.0)
        if loop.time() + pause > heard + connection.patience:
            raise refused
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _refuse_if_barred(event: Event) -> None:
    """Raise `ProblemError` where the server says that it may not be read any more."""
    code = event.data.get("code", "") if isinstance(event.data, dict) else ""
    if code == "not-allowed":
        raise ProblemError(
            Trouble(title="Not allowed", status=403, code=code, detail="You may not read this any more.")
        )


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[Event | None]:
    """Yield the events of one answer, and nothing for each sign of life."""
    kind, number, data = "", 0, b""
    async for raw in _lines(stream):
        if not raw:
            if data:
                yield Event(kind=kind or "message", data=_decoded(data), id=number)
            kind, number, data = "", 0, b""
            continue
        name, _, value = raw.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"event":
                kind = value.decode()
            case b"id":
                number = int(value) if value.isdigit() else 0
            case b"data":
                data += value
            case _:
                yield None


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield whole lines, however long; an event that was cut off in its midst is none."""
    rest = b""
    async for piece in stream.iter_any():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise UnknownOutcomeError(f"An event cannot be read: {error}.") from error
