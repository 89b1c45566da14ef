"""The world outside that has room for so many at once: it notes who was there when, and how many that were at most."""

import asyncio
import itertools
import threading
import time
from collections.abc import Collection
from types import TracebackType
from typing import NamedTuple


class Stay(NamedTuple):
    """One request: its key, from when to when it was there, and when the step began that sent it, on the monotonic clock."""

    key: str
    came: float
    went: float
    began: float


def most_at_once(stays: Collection[Stay]) -> int:
    """Return how many of these were there at the same time, at most. Who goes makes room for who comes at that moment."""
    changes = sorted([(stay.came, 1) for stay in stays] + [(stay.went, -1) for stay in stays])
    return max(itertools.accumulate((change for _, change in changes), initial=0))


class OverlapWitness:
    """Answers `POST /<step>` with `Idempotency-Key` after `lasts` seconds, or when `gate` is open, whichever is later.

    A request whose other side is gone is over at once: whoever sent it does nothing more.
    """

    def __init__(self, lasts: float = 0.05) -> None:
        self.lasts = lasts
        self.stays: list[Stay] = []
        self.now = 0
        self.most = 0
        self.port = 0
        self.changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = asyncio.Event()
        self._end = asyncio.Event()
        self._meeting: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._opened = threading.Event()

    def keys(self) -> set[str]:
        """Return the keys of all that were here to their end."""
        return {stay.key for stay in self.stays}

    def close_gate(self) -> None:
        """Answer nobody from now on."""
        self._do(self._gate.clear)

    def open_gate(self) -> None:
        """Answer everybody."""
        self._do(self._gate.set)

    def wait_for(self, *, there: int = 0, gone: int = 0, within: float = 30) -> None:
        """Return when so many are there at once, and so many have been there."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.now >= there and len(self.stays) >= gone, within):
                raise TimeoutError(f"There are {self.now}, and {len(self.stays)} were.")

    def used(self, began: float, ended: float) -> float:
        """Return how many were there on average in this time."""
        stays = [min(stay.went, ended) - max(stay.came, began) for stay in self.stays]
        return sum(stay for stay in stays if stay > 0) / (ended - began)

    def _do(self, work: object) -> None:
        assert self._loop is not None
        assert callable(work)
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (work(), done.set()))
        done.wait(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._gate.set()
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._opened.set()
        async with server:
            await self._end.wait()
            await asyncio.gather(*self._meeting, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        told = {name: value for name, _, value in (line.partition(": ") for line in head.splitlines())}
        key = told["Idempotency-Key"]
        if not head.startswith("POST"):
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" if key in self.keys() else b"HTTP/1.0 404 No\r\n\r\n")
            writer.close()
            return
        meeting = asyncio.current_task()
        assert meeting is not None
        self._meeting.add(meeting)
        meeting.add_done_callback(self._meeting.discard)
        came = time.monotonic()
        self._count(+1)
        over = [asyncio.create_task(reader.read()), asyncio.create_task(self._answer(writer))]
        over.append(asyncio.create_task(self._end.wait()))
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        self.stays.append(Stay(key, came, time.monotonic(), float(told["Began"])))
        self._count(-1)
        for each in over:
            each.cancel()
        await asyncio.gather(*over, return_exceptions=True)
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.lasts)
        await self._gate.wait()
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")

    def _count(self, change: int) -> None:
        with self.changed:
            self.now += change
            self.most = max(self.most, self.now)
            self.changed.notify_all()

    def __enter__(self) -> "OverlapWitness":
        self._thread.start()
        self._opened.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._end.set)
        self._thread.join(10)
