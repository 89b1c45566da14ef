"""A server that is restarted while its doors are hammered (R31): once it says that it is ready, all is back."""

import asyncio
import http.client
import json
import signal
import socket
from pathlib import Path

import pytest
from checker import check, hash_input, read_folder
from served import Caller, Served
from witness_process import WitnessProcess
from workflows import chain, put, version_of

from auraos.core.errors import AuraError
from auraos.engine.client import EngineClient
from auraos.engine.ports import RunQuery

WAITING = 40


def free_port() -> int:
    with socket.socket() as looking:
        looking.bind(("127.0.0.1", 0))
        return int(looking.getsockname()[1])


def is_ready(port: int) -> bool:
    """Return whether the server says that it is ready; one that is away does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/health/ready")
        return bool(json.loads(connection.getresponse().read())["ready"])
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


async def look_in(path: Path) -> str:
    """Return what is wrong behind the door of a server that has just said that it is ready."""
    try:
        client = await EngineClient.connect(path)
    except AuraError as error:
        return error.code
    try:
        rows = await client.runs(RunQuery(limit=200))
        return "" if len(rows) == WAITING else f"{len(rows)} runs"
    except AuraError as error:
        return error.code
    finally:
        await client.close()


class Hammer:
    """Asks a server again and again whether it is ready, and looks in each time it says so."""

    def __init__(self, server: Served, port: int) -> None:
        self.looks = self.waits = 0
        self.wrong: list[str] = []
        self.life = 0
        """Which life of the server it is; it changes before anything is done to it, and when that is done."""
        self._server, self._port = server, port
        self._tasks: list[asyncio.Task[None]] = []

    async def _hammer(self) -> None:
        while True:
            life = self.life
            if not await asyncio.to_thread(is_ready, self._port):
                self.waits += 1
                await asyncio.sleep(0.005)
                continue
            wrong = await look_in(self._server.data / "engine.sock")
            if life == self.life:
                self.looks += 1
                self.wrong += [wrong] * bool(wrong)

    async def __aenter__(self) -> "Hammer":
        self._tasks = [asyncio.create_task(self._hammer()) for _ in range(2)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_whenever_a_restarted_server_says_it_is_ready_all_runs_are_back_behind_its_door(
    server: Served, outside: WitnessProcess, times: int
) -> None:
    port = free_port()
    server.port = port
    wait = {"type": "wait.signal", "with": {"name": "go"}}
    version = version_of(
        "waiting", {"wait": wait, "a": put(outside.place, "a/{{ input }}")}, chain("wait", "a")
    )
    server.start()
    runs = [f"run-{number}" for number in range(WAITING)]

    async def play() -> Hammer:
        async with Caller(server.data) as caller:
            for number, run in enumerate(runs):
                await caller.ask(lambda client, n=number, one=run: client.start(version, input=n, run=one))
            async with Hammer(server, port) as hammer:
                for number in range(times):
                    await asyncio.sleep(0.3)
                    hammer.life += 1
                    end = server.kill if number % 2 else lambda: server.stop(signal.SIGTERM)
                    await asyncio.to_thread(end)
                    hammer.life += 1
                    await asyncio.to_thread(server.start)
                await asyncio.sleep(0.3)
            for run in runs:
                await caller.ask(lambda client, one=run: client.signal(one, "go", id=f"go-{one}"))
                assert (await caller.ask(lambda client, one=run: client.wait(one))).state == "succeeded"
        return hammer

    hammer = asyncio.run(play())
    assert hammer.wrong == []
    assert hammer.looks > times * 3
    assert hammer.waits > times, "the fault happened: it was not ready in between"
    assert server.stop() == 0
    told = {run: hash_input(number) for number, run in enumerate(runs)}
    assert check(read_folder(server.data), acknowledged=told, ledger=outside.ledger()) == []
