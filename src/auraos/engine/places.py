"""Where work runs that would hold up the loop: functions that wait in threads, functions that reckon in processes.

Nothing can stop a thread, so one whose caller no longer waits is left behind and counted, and another takes its place. A
process is killed with all that it started, and its successor begins with the next piece of work.
"""

import asyncio
import os
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from auraos.core.errors import UnexpectedError
from auraos.core.failures import ErrorClass, StepFailed, StepUnknown
from auraos.core.values import Value, from_wire, to_wire

THREADS = 32
MOST_LEFT_BEHIND = 64
PROCESSES = max(1, (os.cpu_count() or 1))
CALLS_PER_PROCESS = 500
MEMORY = 1024 * 1024 * 1024
"""Bytes of address space of a process, above what it has when it begins."""
LARGEST_ANSWER = 256 * 1024 * 1024
LENGTH = struct.Struct(">Q")


class PlacesFullError(StepFailed):
    """Too many threads hang in functions that nobody waits for any more."""


class Threads:
    """Threads for functions that wait. A thread that comes back serves the next; one that does not is left behind."""

    def __init__(self, at_once: int = THREADS, most_left_behind: int = MOST_LEFT_BEHIND) -> None:
        self.left_behind = 0
        self._most_left_behind = most_left_behind
        self._gate = asyncio.Semaphore(at_once)
        self._idle: list[queue.SimpleQueue[Callable[[], None] | None]] = []

    async def run(self, function: Callable[..., Any], *given: Any) -> Any:
        """Return what the function returns. When the caller is cancelled it goes on alone, and nobody hears of it."""
        if self.left_behind >= self._most_left_behind:
            raise PlacesFullError(
                f"{self.left_behind} threads hang in steps that were given up.",
                error_class="transient",
                code="places-full",
                hint="Start the process again; `auraos runs failed` says which steps were given up as `timeout`.",
            )
        async with self._gate:
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Any] = loop.create_future()
            box: queue.SimpleQueue[Callable[[], None] | None] = (
                self._idle.pop() if self._idle else _begin_thread()
            )

            def work() -> None:
                try:
                    result, error = function(*given), None
                except BaseException as raised:  # noqa: BLE001 (whatever it is, the caller is to have it)
                    result, error = None, raised
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    loop.call_soon_threadsafe(self._returned, box, answer, result, error)

            box.put(work)
            try:
                return await answer
            except asyncio.CancelledError:
                self.left_behind += answer.cancelled()  # else it had returned just before
                raise

    def close(self) -> None:
        """Let the threads go that have nothing to do."""
        for box in self._idle:
            box.put(None)
        self._idle.clear()

    def _returned(
        self,
        box: "queue.SimpleQueue[Callable[[], None] | None]",
        answer: "asyncio.Future[Any]",
        result: Any,
        error: BaseException | None,
    ) -> None:
        self._idle.append(box)
        if answer.cancelled():
            self.left_behind -= 1
        elif error is None:
            answer.set_result(result)
        elif isinstance(error, StopIteration | asyncio.CancelledError | KeyboardInterrupt | SystemExit):
            answer.set_exception(UnexpectedError(f"The function ended with {type(error).__name__}."))
        else:
            answer.set_exception(error)


def _begin_thread() -> "queue.SimpleQueue[Callable[[], None] | None]":
    box: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def serve() -> None:
        while (work := box.get()) is not None:
            work()

    threading.Thread(target=serve, name="step", daemon=True).start()
    return box


class Processes:
    """Processes for functions that reckon. A function is named, and what goes in and out are values of the language."""

    def __init__(self, at_once: int = PROCESSES, memory: int = MEMORY) -> None:
        self.killed = 0
        self._memory = memory
        self._gate = asyncio.Semaphore(at_once)
        self._idle: list[_Process] = []
        self._living: set[_Process] = set()

    async def run(self, function: Callable[[Any], Any], given: Value) -> Value:
        """Return what the function makes of a value. When the caller is cancelled, the process dies with its children."""
        named = f"{function.__module__}:{function.__qualname__}"
        if "<" in named:
            raise UnexpectedError(
                f"{named} cannot be found by its name; only a function of a module can run apart."
            )
        async with self._gate:
            process = self._idle.pop() if self._idle else await self._begin()
            try:
                answer = await process.ask(named, given)
            except BaseException as error:
                self.killed += not isinstance(error, StepFailed)
                if isinstance(error, StepFailed) and not isinstance(error, StepUnknown):
                    self._put_back(process)
                else:
                    process.kill()
                raise
            self._put_back(process)
            return answer

    async def close(self) -> None:
        """End all of them, and return when they are gone."""
        self._idle.clear()
        for process in tuple(self._living):
            process.kill()
            await process.gone()
        self._living.clear()

    async def _begin(self) -> "_Process":
        self._living = {process for process in self._living if process.is_alive}
        process = await _Process.begin(self._memory)
        self._living.add(process)
        return process

    def _put_back(self, process: "_Process") -> None:
        if process.calls >= CALLS_PER_PROCESS:
            process.kill()
        else:
            self._idle.append(process)


class _Answer(msgspec.Struct, omit_defaults=True):
    """What comes back: a value in its wire form, or how it failed."""

    value: Any = None
    failed: str = ""
    error_class: ErrorClass = "bug"
    code: str = "step-crashed"
    hint: str = ""


class _Process:
    """One process that answers one question after the other over its standard streams."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.calls = 0
        self._process = process

    @classmethod
    async def begin(cls, memory: int) -> "_Process":
        """Start one, in a session of its own, with an environment that holds no secrets."""
        environment = {
            name: os.environ[name] for name in ("PATH", "LANG", "TZ", "PYTHONPATH") if name in os.environ
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "auraos.engine.apart", str(memory),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True, env=environment, limit=2**20,
        )  # fmt: skip
        return cls(process)

    async def ask(self, function: str, given: Value) -> Value:
        """Return the answer; raise `StepFailed` where the function failed, or where the process died of it."""
        self.calls += 1
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        asked = msgspec.json.encode([function, to_wire(given)])
        try:
            writer.write(LENGTH.pack(len(asked)) + asked)
            await writer.drain()
            (size,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            if size > LARGEST_ANSWER:
                raise StepUnknown("The function's output is too large.", code="output-too-large")
            answer = msgspec.json.decode(await reader.readexactly(size), type=_Answer)
        except (asyncio.IncompleteReadError, ConnectionError, BrokenPipeError) as error:
            raise StepUnknown(
                "The process that carried the step out died: it ran out of memory, or something killed it.",
                code="process-died",
            ) from error
        if answer.failed:
            raise StepFailed(
                answer.failed, error_class=answer.error_class, code=answer.code, hint=answer.hint
            )
        return from_wire(answer.value)

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def gone(self) -> None:
        """Return when it has ended."""
        await self._process.wait()

    def kill(self) -> None:
        """End it, and whatever it started, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Places:
    """All places besides the loop."""

    def __init__(self, threads: Threads | None = None, processes: Processes | None = None) -> None:
        self.threads = threads or Threads()
        self.processes = processes or Processes()

    async def close(self) -> None:
        """Let the threads go that have nothing to do, and end all processes."""
        self.threads.close()
        await self.processes.close()
