"""What happens, told as it does: server-sent events, each with a number after which a reader goes on who was cut off.

Whoever reads is asked for again and again: a reader who may not read any more is cut off within seconds. One who reads too
slowly is cut off too, and goes on where they were.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from auraos.api.answers import ALWAYS, Reply, Send
from auraos.api.asking import Ask
from auraos.api.names import END
from auraos.api.routes import About, Routes
from auraos.api.runs import thing_of
from auraos.app.runs import NoRunError
from auraos.core.errors import UserError
from auraos.core.run import encode_fact
from auraos.core.values import to_plain
from auraos.engine.ports import RunRow
from auraos.engine.stream import Change, StreamFellBehindError
from auraos.security.access.authorize import Thing

routes = Routes()

LOOK = 5.0
"""After so many seconds it is looked anew whether the reader may read, and the reader hears that the stream lives."""
LAST = "last-event-id"
STREAM = "text/event-stream"
MAY = "runs.read"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class LastEventError(UserError):
    """The last event that a reader names is none."""

    code = "last-event-refused"


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of."""

    topic: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^runs/[A-Za-z0-9_][A-Za-z0-9_.~-]*{END}",
            max_length=140,
            description="`runs/` and the id or the number of a run.",
        ),
    ]

    @property
    def run(self) -> str:
        """Return the name of the run."""
        return self.topic.removeprefix("runs/")


class Events(Reply):
    """Server-sent events of one run."""

    goes_on = True

    def __init__(self, ask: Ask, row: RunRow, after: int) -> None:
        self._ask = ask
        self._row = row
        self._after = after

    async def send(self, send: Send, *, with_body: bool, request: str) -> None:
        """Send each event as it comes, until the run is over or the reader may not read any more."""
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
        changes = self._ask.desk.runs.follow(self._row, self._after)
        loop = asyncio.get_running_loop()
        looked, coming = loop.time(), _next(changes)
        yield b": here\n\n"
        try:
            while True:
                await asyncio.wait({coming}, timeout=max(0.0, looked + LOOK - loop.time()))
                if loop.time() - looked >= LOOK:
                    looked = loop.time()
                    if not await self._ask.still_may(MAY):
                        yield _event("gone", {"code": "not-allowed"})
                        return
                    yield b": here\n\n"
                if coming.done():
                    change = coming.result()
                    if change is None:
                        yield _event("end", {"run": self._row.run})
                        return
                    yield _event_of(change)
                    coming = _next(changes)
        except StreamFellBehindError as error:
            yield _event("gone", {"code": error.code})
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, StreamFellBehindError):
                await coming
            await changes.aclose()


async def _thing(ask: Ask, at: Topic) -> Thing | None:
    try:
        row = await ask.desk.runs.find(ask.workspace, at.run)
    except NoRunError:
        return None
    return await thing_of(ask, row.workflow)


@routes.get(
    "/api/v1/stream",
    may=MAY,
    tells=("not-found", "ambiguous-run", "last-event-refused"),
    gives=STREAM,
    about=About(find=_thing, missing=lambda _, at: NoRunError.of(at.run)),
)
async def follow_topic(ask: Ask, at: Topic) -> Events:
    """Tell what happens, as server-sent events; `Last-Event-ID` says after which one."""
    row = await ask.desk.runs.find(ask.workspace, at.run)
    return Events(ask, row, _after(ask.asked.headers.get(LAST, "").strip()))


def _after(last: str) -> int:
    if last and not _NUMBER.fullmatch(last):
        raise LastEventError(
            "Last-Event-ID is no number of an event.", hint="Send the `id` of the last event that came."
        )
    return int(last or 0)


def _next(changes: AsyncIterator[Change]) -> "asyncio.Task[Change | None]":
    async def come() -> Change | None:
        return await anext(changes, None)

    return asyncio.create_task(come())


def _event_of(change: Change) -> bytes:
    if change.fact is not None:
        fact = msgspec.Raw(encode_fact(change.fact))
        return _event("fact", {"run": change.run, "seq": change.seq, "fact": fact}, change.seq)
    if change.log is not None:
        line = msgspec.structs.replace(change.log, fields=to_plain(change.log.fields))
        return _event("log", msgspec.structs.asdict(line))
    return _event("progress", {"run": change.run, "progress": change.progress})


def _event(kind: str, told: dict[str, Any], number: int = 0) -> bytes:
    """Return one event. JSON has no line ends of its own, so nothing in it can end the event."""
    numbered = f"id: {number}\n" if number else ""
    return f"{numbered}event: {kind}\ndata: ".encode() + msgspec.json.encode(told) + b"\n\n"
