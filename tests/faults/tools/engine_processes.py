"""Several engine processes on one database, as a test starts, injures and asks them."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

from invariants import Found, read_run, read_store
from six_steps import VERSION, OneVersion, ask, make_catalogue

from auraos.core.errors import AuraError
from auraos.core.run import fold
from auraos.engine.client import EngineClient
from auraos.engine.ports import RunQuery, Version
from auraos.storage.postgres import PostgresStore

PROGRAM = Path(__file__).parent / "many_processes.py"
LEASE = 1.5


class Outside(Protocol):
    """The world outside, which says of the key of an effect whether it saw it."""

    @property
    def port(self) -> int: ...


class EngineProcess:
    """One process, its socket, and what it said."""

    def __init__(self, url: str, folder: Path, number: int, port: int, pools: str = "") -> None:
        self.socket = folder / f"{number}.sock"
        self.log = folder / f"{number}.log"
        arguments = [sys.executable, str(PROGRAM), url, str(self.socket), str(port), str(LEASE)]
        arguments += [pools] if pools else []
        with self.log.open("w") as log:
            self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, text=True)
        self.said: list[tuple[float, str]] = []
        self._heard = threading.Condition()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self._clients: list[EngineClient] = []

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            for line in said:
                with self._heard:
                    self.said.append((time.monotonic(), line.strip()))
                    self._heard.notify_all()

    def wait_for(
        self, word: str, is_right: Callable[[int], bool] = lambda _: True, *, within: float = 30
    ) -> float:
        """Return when the process last said this word with a right number, and wait for it."""

        def latest() -> float | None:
            for at, line in reversed(self.said):
                if line.split()[0] == word:
                    return at if is_right(int(line.split()[1])) else None
            return None

        with self._heard:
            if not self._heard.wait_for(lambda: latest() is not None, within):
                raise TimeoutError(f"No {word} in {self.said}; it logged {self.log.read_text()[-2000:]}")
            found = latest()
        assert found is not None
        return found

    @property
    def shards(self) -> int:
        """Return how many shards it said that it owns."""
        return int(
            next((line.split()[1] for _, line in reversed(self.said) if line.startswith("SHARDS")), "0")
        )

    async def client(self) -> EngineClient:
        """Return a connection of its own to the process."""
        client = await EngineClient.connect(self.socket)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Hang up, and kill it if it still runs."""
        for client in self._clients:
            await client.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._listening.join()

    def kill(self, number: int = signal.SIGKILL) -> float:
        """Send a signal, and return when."""
        os.kill(self.process.pid, number)
        return time.monotonic()

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the process and return its exit code."""
        self.kill(number)
        return self.process.wait(30)


class Processes:
    """All processes of a test; whatever still runs at its end is killed."""

    def __init__(self, url: str, folder: Path, witness: Outside) -> None:
        self.url = url
        self._folder = folder
        self._witness = witness
        self._numbers = itertools.count(1)
        self._all: list[EngineProcess] = []

    def start(self, count: int = 1, pools: str = "") -> list[EngineProcess]:
        """Start processes at once, with pools as in `erp=3`, and wait until all are ready."""
        made = [
            EngineProcess(self.url, self._folder, next(self._numbers), self._witness.port, pools)
            for _ in range(count)
        ]
        self._all += made
        for process in made:
            process.wait_for("READY")
        return made

    async def read(self) -> list[Found]:
        """Return all runs as they stand in the store."""
        store = await PostgresStore.open(self.url)
        try:
            return await read_store(store)
        finally:
            await store.close()

    async def until_over(self, client: EngineClient, *, count: int = 1, within: float = 60) -> list[Found]:
        """Answer what is in doubt as an honest person would, until at least so many runs there are and all are over."""
        store = await PostgresStore.open(self.url)
        try:
            async with asyncio.timeout(within):
                while True:
                    rows = await store.runs(RunQuery(limit=1000))
                    if len(rows) >= count and all(row.finished_at is not None for row in rows):
                        return await read_store(store)
                    for row in rows:
                        if row.state == "waiting":
                            await self._settle(client, await read_run(store, row))
                    await asyncio.sleep(0.1)
        finally:
            await store.close()

    async def _settle(self, client: EngineClient, found: Found) -> None:
        program = OneVersion(make_catalogue(0)).compile(VERSION)
        state = fold(program, found.facts) if found.facts[0].version == VERSION.hash else None
        for path, each in state.activations.items() if state is not None else ():
            if each.status == "asked":
                seen = await ask(self._witness.port, "GET", each.key) == 200
                outcome: Literal["succeeded", "retry"] = "succeeded" if seen else "retry"
                await _unless_refused(
                    client.resolve(found.row.run, outcome, path=path, output={"done": path})
                )

    async def __aenter__(self) -> "Processes":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._all:
            await each.close()


async def _unless_refused(asking: Awaitable[None]) -> None:
    """Ask; a refusal, or a process that is just losing the run, is answered by asking again later."""
    try:
        await asking
    except AuraError:
        return


async def keep_starting(
    client: EngineClient, acknowledged: list[str], count: int, workflow: str | Version = "six"
) -> None:
    """Start so many runs, one after the other, and note each that was acknowledged; end when the process is gone."""
    for _ in range(count):
        try:
            acknowledged.append(await client.start(workflow, input={"n": 7}))
        except AuraError:
            return


def lost_attempts(found: Found) -> list[tuple[str, int]]:
    """Return the attempts that were found without an outcome, each as often as it was."""
    return [(f.path, f.attempt) for f in found.facts if type(f).__name__ == "StepUnknown" and f.lost]
