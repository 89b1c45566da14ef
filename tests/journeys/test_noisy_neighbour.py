"""One workspace floods a server with starts and questions, and another one is served in between (N04).

What counts is how many answers the loud one gets while the quiet one waits for one of its own: that is the same on a fast machine
and on a busy one. How long it takes is told beside it.
"""

import asyncio
import json
import statistics
import time
from typing import Any

from owned_server import OwnedServer, owned_server

LOUD = 24
"""So many connections ask at once, again and again."""
ASKED = 40
PAUSE = 0.01
"""After so many seconds the quiet one asks again: others ask on meanwhile."""
TEN = "kind: workflow\nname: ten\nspec:\n  steps:\n" + "".join(
    f"    s{number}: {{type: noop, with: {{value: {number}}}}}\n" for number in range(10)
)


class Caller:
    """A connection that is kept."""

    def __init__(self, port: int, token: str, workspace: str) -> None:
        self._port = port
        self._head = (
            f"host: auraos.test\r\nauthorization: Bearer {token}\r\nx-auraos-workspace: {workspace}\r\n"
            "content-type: application/json\r\n"
        )

    async def open(self) -> "Caller":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\n{self._head}content-length: {len(body)}\r\n\r\n".encode() + body
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        told = await self._reader.readexactly(size)
        return int(head.split()[1]), json.loads(told) if told else None

    def close(self) -> None:
        self._writer.close()


async def list_definitions(caller: Caller) -> int:
    return (await caller.ask("GET", "/api/v1/definitions"))[0]


async def start(caller: Caller) -> int:
    return (await caller.ask("POST", "/api/v1/workflows/ten/runs?wait=20", b"{}"))[0]


def with_workspaces(server: OwnedServer) -> None:
    for workspace in ("loud", "quiet"):
        server.ask("POST", "/workspaces", {"name": workspace})
        named = {"X_Auraos_Workspace": workspace}
        server.ask("POST", "/definitions", {"text": TEN}, **named)
        server.ask("POST", "/definitions/workflow/ten/publish", {}, If_Match='"1"', **named)


async def measured(server: OwnedServer) -> dict[str, list[Any]]:
    """Return, for each kind of request of the quiet workspace, how long it took while nobody else asked, how long while the
    loud one did, and how many answers that one got meanwhile.
    """
    port = int(server.url.rsplit(":", 1)[1])
    quiet = await Caller(port, server.key, "quiet").open()
    answered = 0
    is_over = asyncio.Event()

    async def flood(number: int) -> None:
        nonlocal answered
        caller = await Caller(port, server.key, "loud").open()
        while not is_over.is_set():
            assert await (start if number % 2 else list_definitions)(caller) < 300
            answered += 1
        caller.close()

    async def asked(ask: Any) -> tuple[list[float], list[int]]:
        took, between = [], []
        for _ in range(ASKED):
            await asyncio.sleep(PAUSE)
            before, began = answered, time.perf_counter()
            assert await ask(quiet) < 300
            took.append(time.perf_counter() - began)
            between.append(answered - before)
        return took, between

    kinds = {"list": list_definitions, "start": start}
    alone = {name: (await asked(ask))[0] for name, ask in kinds.items()}
    crowd = [asyncio.create_task(flood(number)) for number in range(LOUD)]
    await asyncio.sleep(0.5)
    beside = {name: await asked(ask) for name, ask in kinds.items()}
    is_over.set()
    await asyncio.gather(*crowd)
    quiet.close()
    return {name: [alone[name], *beside[name]] for name in kinds}


def test_a_flood_of_one_workspace_leaves_another_one_its_turns(auraos):
    """N04."""
    with owned_server(auraos) as server:
        with_workspaces(server)
        found = asyncio.run(measured(server))
    for name, most in (("list", 8), ("start", 14)):
        alone, beside, between = found[name]
        told = [round(1000 * at(each), 1) for each in (alone, beside) for at in (statistics.median, p95)]
        print(f"{name}: alone {told[:2]} ms, beside a flood {told[2:]} ms, {between} answered meanwhile")
        assert statistics.median(between) <= most, (name, between)


def p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
