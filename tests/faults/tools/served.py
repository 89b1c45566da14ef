"""`auraos serve` as the process that is injured: started, killed, stopped, asked; and a client that outlives its restarts."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from auraos.core.errors import AuraError
from auraos.engine.client import EngineClient

T = TypeVar("T")
AURAOS = (sys.executable, "-m", "auraos")
COMES_BACK = frozenset({"engine-gone", "engine-closed"})
LONGEST_ABSENCE = 60.0


class NotReadyError(Exception):
    """The process ended, or was killed, before it was ready."""


class Served:
    """A process that serves a folder. `start` and `kill` it as often as you like; all it says goes to `serve.log`."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = AURAOS,
        more: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "serve.log"
        self.port = 0
        self.words = (*words, *more)
        self.before = before
        self.program = program
        self.environment = dict(environment or {})
        self.starts = self.kills = 0
        self.process: subprocess.Popen[str] | None = None
        self._serving: int | None = None
        """The process that serves, where it runs below another one, such as strace."""
        self.ready: dict[str, Any] = {}

    def begin(self, before: Sequence[str] | None = None) -> subprocess.Popen[str]:
        """Start the process, and do not wait until it is ready."""
        self._let_go()
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(self.before if before is None else before),
                    *self.program,
                    "serve",
                    "--port",
                    str(self.port),
                    "--json",
                    "--data",
                    str(self.data),
                    *self.words,
                ],
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **self.environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
            )
        self.starts += 1
        self._serving = None
        return self.process

    def start(self, before: Sequence[str] | None = None, seconds: float = 60.0) -> "Served":
        """Start the process, and return when it is ready; raise `NotReadyError` when it never is."""
        self.begin(before)
        return self.until_ready(seconds)

    def until_ready(self, seconds: float = 60.0) -> "Served":
        process = self.process
        assert process is not None
        assert process.stdout is not None
        guard = threading.Timer(seconds, process.kill)
        guard.start()
        told = ""
        while not told.endswith("\n}\n"):
            line = process.stdout.readline()
            if not line:
                guard.cancel()
                code = process.wait()
                self._let_go()
                raise NotReadyError(code, self.log.read_text()[-2000:], told)
            told += line
        guard.cancel()
        self.ready = json.loads(told)
        if not self.ready["ok"]:
            code = process.wait()
            self._let_go()
            raise NotReadyError(code, self.ready["error"]["code"], self.ready["error"]["message"])
        self._serving = self.ready["process"]
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """End it in the hardest way, if it is still there."""
        if self.process is None:
            return
        if self.process.poll() is None:
            if self._serving is not None:
                os.kill(self._serving, signal.SIGKILL)
            self.process.kill()
            self.kills += 1
        self.process.wait()
        self._let_go()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60.0) -> int:
        """Send a signal, and return the exit code. What was logged is shown, where it is not 0 and the test fails."""
        assert self.process is not None
        os.kill(self._serving or self.pid, number)
        self.process.wait(seconds)
        self._let_go()
        if self.process.returncode:
            sys.stdout.write(self.log.read_text()[-20_000:])
        return self.process.returncode

    def _let_go(self) -> None:
        """Close what the last process said."""
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return what it says of its readiness."""
        address = urlsplit(self.ready["url"]).netloc
        with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def __enter__(self) -> "Served":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Caller:
    """Asks the process that serves a folder, or the one of several that is named, again and again while it is away, and
    while it answers with a code that is `patient`ly waited out. `retried` counts how often it had to, `refusals` by code.
    """

    def __init__(self, place: Path | Served, *, patient: Collection[str] = ()) -> None:
        self._place = place
        self._patient = patient
        self._client: EngineClient | None = None
        self._connecting = asyncio.Lock()
        self.retried = 0
        self.refusals: Counter[str] = Counter()

    async def ask(self, what: Callable[[EngineClient], Awaitable[T]], *, once: bool = False) -> T:
        """Return what the process answers. One who asks `once` is told when the answer was lost."""
        while True:
            client = await self._connected(time.monotonic() + LONGEST_ABSENCE)
            try:
                return await what(client)
            except AuraError as error:
                self.refusals[error.code] += 1
                if error.code in self._patient and not once:
                    await asyncio.sleep(0.05)
                    continue
                if error.code not in COMES_BACK or once:
                    raise
                self.retried += 1
                if client is self._client:
                    self._client = None
                    await client.close()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _socket(self) -> Path:
        if isinstance(self._place, Path):
            return self._place / "engine.sock"
        return Path(self._place.ready["socket"])

    async def _connected(self, last: float) -> EngineClient:
        async with self._connecting:
            while self._client is None:
                try:
                    self._client = await EngineClient.connect(self._socket())
                except AuraError:
                    if time.monotonic() > last:
                        raise
                    await asyncio.sleep(0.02)
            return self._client


def until(condition: Callable[[], T], seconds: float = 60.0) -> T:
    """Return what a condition says that another process brings about, once it says something."""
    last = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > last:
            raise TimeoutError("It never came about.")
        time.sleep(0.02)
    return found
