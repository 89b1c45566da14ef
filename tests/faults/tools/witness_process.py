"""The world outside as a process of its own: it notes every effect with its key and body, and misbehaves as it is told.

    witness_process.py          serves on a free port of 127.0.0.1, says the port, and ends when its input ends

`ANY /NAME` is an effect; it is noted before anything is answered. How it is answered, `behave` says by NAME (or by the
longest beginning of it), one word after another, of which the last one stays:

    200  500  429/2  503/2    a status, with seconds of Retry-After
    hold                      the answer waits until it is released
    late/0.5                  the answer comes so many seconds late
    hang                      no answer, ever
    drip                      an answer of one byte a second
    endless                   an answer that never ends
    half                      an answer that is cut in the middle
    cut                       the connection is cut in place of an answer

`GET /-/seen/NAME` says how often an effect was seen, for whoever is in doubt about it.
"""

import asyncio
import contextlib
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import msgspec

BODY = b'{"done": true}'


class Effect(msgspec.Struct, frozen=True):
    """Something that somebody did to the world."""

    number: int
    at: float
    method: str
    name: str
    key: str
    body: str
    told: str


# ---------------------------------------------------------------------------------------------- in the process


class World:
    """What was seen, and how it answers."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.counts: dict[str, int] = {}
        self.behaviours: dict[str, list[str]] = {}
        self.changed = asyncio.Event()
        self.released = asyncio.Event()
        self.most_at_once = self.at_once = 0

    def note(self, method: str, name: str, key: str, body: bytes) -> str:
        told = self._behaviour(name)
        self.effects.append(
            Effect(len(self.effects) + 1, time.time(), method, name, key, body.decode(errors="replace"), told)
        )
        self.counts[name] = self.counts.get(name, 0) + 1
        self.changed.set()
        self.changed = asyncio.Event()
        return told

    def _behaviour(self, name: str) -> str:
        found = max((begins for begins in self.behaviours if name.startswith(begins)), key=len, default=None)
        if found is None:
            return "200"
        words = self.behaviours[found]
        return words.pop(0) if len(words) > 1 else words[0]

    async def control(self, order: dict[str, Any]) -> Any:
        match order["do"]:
            case "behave":
                self.behaviours |= {name: words.split() for name, words in order["behaviours"].items()}
            case "release":
                self.behaviours = {
                    name: [word if word != "hold" else "200" for word in words]
                    for name, words in self.behaviours.items()
                }
                self.released.set()
                self.released = asyncio.Event()
            case "wait":
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(order["seconds"]):
                        while self._count(order["name"]) < order["count"]:
                            await self.changed.wait()
                return self._count(order["name"])
            case "ledger":
                return msgspec.to_builtins(self.effects[order["after"] :])
            case "most_at_once":
                return self.most_at_once
        return None

    def _count(self, name: str) -> int:
        if not name:
            return len(self.effects)
        return sum(count for seen, count in self.counts.items() if seen.startswith(name))

    async def answer(self, told: str, writer: asyncio.StreamWriter) -> bool:
        """Answer as told; return whether the connection may be used again."""
        word, _, detail = told.partition("/")
        match word:
            case "hold":
                await self.released.wait()
                word = "200"
            case "late":
                await asyncio.sleep(float(detail))
                word, detail = "200", ""
            case "hang":
                await asyncio.Event().wait()
            case "cut":
                writer.transport.abort()
                return False
            case "half":
                writer.write(_head("200", "", 1000) + BODY)
                await writer.drain()
                return False
            case "drip" | "endless":
                writer.write(_head("200", "", 10**12))
                while True:
                    writer.write(b"x" if word == "drip" else b"x" * 65536)
                    await writer.drain()
                    await asyncio.sleep(1 if word == "drip" else 0)
        writer.write(_head(word, detail, len(BODY)) + BODY)
        await writer.drain()
        return True


def _head(status: str, retry_after: str, length: int) -> bytes:
    wait = f"Retry-After: {retry_after}\r\n" if retry_after else ""
    return (
        f"HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{wait}\r\n"
    ).encode()


async def _serve(world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            name = unquote(target[1:])
            if name == "-/control":
                document = json.dumps(await world.control(json.loads(body))).encode()
                writer.write(_head("200", "", len(document)) + document)
            elif name.startswith("-/seen/"):
                document = json.dumps({"times": world.counts.get(name.removeprefix("-/seen/"), 0)}).encode()
                writer.write(_head("200", "", len(document)) + document)
            else:
                told = world.note(method, name, headers.get("idempotency-key", ""), body)
                world.at_once += 1
                world.most_at_once = max(world.most_at_once, world.at_once)
                try:
                    if not await world.answer(told, writer):
                        return
                finally:
                    world.at_once -= 1
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


async def _main() -> None:
    world = World()
    server = await asyncio.start_server(lambda r, w: _serve(world, r, w), "127.0.0.1", 0, limit=1 << 20)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


# ---------------------------------------------------------------------------------------------- outside of it


class WitnessProcess:
    """A witness, as a test uses it."""

    def __enter__(self) -> "WitnessProcess":
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.place = f"127.0.0.1:{self.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def behave(self, **behaviours: str) -> None:
        """Say how to answer what begins with a name: `behave(stock="500 500 200")`."""
        self._control(do="behave", behaviours=behaviours)

    def release(self) -> None:
        """Answer all that is held, and hold nothing more."""
        self._control(do="release")

    def wait_for(self, count: int, name: str = "", seconds: float = 60.0) -> int:
        """Return how many effects (whose name begins so) were seen, once there are as many or the time is over."""
        found: int = self._control(do="wait", name=name, count=count, seconds=seconds)
        return found

    def ledger(self, after: int = 0) -> list[Effect]:
        """Return all that was seen."""
        return msgspec.convert(self._control(do="ledger", after=after), list[Effect])

    def most_at_once(self) -> int:
        """Return how many requests were under way at the same time, at most."""
        found: int = self._control(do="most_at_once")
        return found

    def _control(self, **order: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", "/-/control", json.dumps(order))
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer


if __name__ == "__main__":
    asyncio.run(_main())
