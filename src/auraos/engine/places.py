"""Where work runs that would hold up the loop: functions that wait in threads, functions that reckon in processes.

Nothing can stop a thread, so one whose caller no longer waits is left behind and counted, and another takes its place. A
process is killed with all that it started, and its successor begins with the next piece of work. What a piece of work leaves
running ends with it.
"""

import asyncio
import os
import queue
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import msgspec

from auraos.core.errors import UnexpectedError
from auraos.core.failures import ErrorClass, StepFailed, StepUnknown
from auraos.core.values import Value, from_wire, to_wire
from auraos.engine.descendants import end_tree

THREADS = 32
MOST_LEFT_BEHIND = 64
PROCESSES = max(1, (os.cpu_count() or 1))
CALLS_PER_PROCESS = 500
MEMORY = 1024 * 1024 * 1024
"""Bytes of address space of a process, above what it has when it begins."""
LARGEST_ANSWER = 256 * 1024 * 1024
LAST_WORDS = 0.5
"""For so many seconds the answer of a process is still read after its end."""
LENGTH = struct.Struct(">Q")


Box: TypeAlias = "queue.SimpleQueue[Callable[[], None] | None]"
"""Where a thread finds what to do next; None lets it end."""


class PlacesFullError(StepFailed):
    """There is neither a thread nor a process for the step; nothing of it was done."""


class Threads:
    """Threads for functions that wait. A thread that comes back serves the next; one that does not is left behind."""

    def __init__(self, at_once: int = THREADS, most_left_behind: int = MOST_LEFT_BEHIND) -> None:
        self.left_behind = 0
        self._most_left_behind = most_left_behind
        self._gate = asyncio.Semaphore(at_once)
        self._idle: list[Box] = []
        self._busy = 0
        self._came_back = asyncio.Event()

    async def run(
        self, function: Callable[..., Any], *given: Any, begins: Callable[[], None] = lambda: None
    ) -> Any:
        """Return what the function returns. When the caller is cancelled it goes on alone, and nobody hears of it. `begins`
        is called when there is a thread for it; up to then nothing of it is done.
        """
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
            box = await self._thread()
            self._busy += 1

            def work() -> None:
                try:
                    result, error = function(*given), None
                except BaseException as raised:  # noqa: BLE001 (whatever it is, the caller is to have it)
                    result, error = None, raised
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    loop.call_soon_threadsafe(self._returned, box, answer, result, error)

            begins()
            box.put(work)
            try:
                return await answer
            except asyncio.CancelledError:
                self.left_behind += answer.cancelled()  # else it had returned just before
                raise
            finally:
                self._busy -= 1

    async def _thread(self) -> "Box":
        """Return a thread that has nothing to do, a new one if need be; where the system gives no more, wait for one."""
        while not self._idle:
            try:
                return _begin_thread()
            except RuntimeError as error:
                if not self._busy:
                    raise PlacesFullError(
                        f"The system gives this process no more threads: {error}.",
                        error_class="transient",
                        code="places-full",
                        hint="Raise the limit of processes of its user, or of its container.",
                    ) from error
            self._came_back.clear()
            await self._came_back.wait()
        return self._idle.pop()

    def close(self) -> None:
        """Let the threads go that have nothing to do."""
        for box in self._idle:
            box.put(None)
        self._idle.clear()

    def _returned(
        self,
        box: "Box",
        answer: "asyncio.Future[Any]",
        result: Any,
        error: BaseException | None,
    ) -> None:
        self._idle.append(box)
        self._came_back.set()
        if answer.cancelled():
            self.left_behind -= 1
        elif error is None:
            answer.set_result(result)
        elif isinstance(error, StopIteration | asyncio.CancelledError | KeyboardInterrupt | SystemExit):
            answer.set_exception(UnexpectedError(f"The function ended with {type(error).__name__}."))
        else:
            answer.set_exception(error)


def _begin_thread() -> "Box":
    box: Box = queue.SimpleQueue()

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
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "auraos.engine.apart", str(memory),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True, env=environment, limit=2**20,
            )  # fmt: skip
        except (OSError, RuntimeError) as error:  # no more processes, files or threads
            raise PlacesFullError(
                f"No process could be started for the step: {error}.",
                error_class="transient",
                code="places-full",
                hint="Raise the limits of files and processes of the user, or of the container.",
            ) from error
        return cls(process)

    async def ask(self, function: str, given: Value) -> Value:
        """Return the answer; raise `StepFailed` where the function failed, or where the process died of it."""
        self.calls += 1
        asked = msgspec.json.encode([function, to_wire(given)])
        talking = asyncio.create_task(self._talk(LENGTH.pack(len(asked)) + asked))
        ending = asyncio.create_task(
            self._process.wait()
        )  # what it started may hold its pipes open when it is gone
        try:
            await asyncio.wait({talking, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                await asyncio.wait({talking}, timeout=LAST_WORDS)
            if not talking.done():
                raise _died()
            answer = talking.result()
        except (asyncio.IncompleteReadError, ConnectionError, BrokenPipeError) as error:
            raise _died() from error
        finally:
            talking.cancel()
            ending.cancel()
        if answer.failed:
            raise StepFailed(
                answer.failed, error_class=answer.error_class, code=answer.code, hint=answer.hint
            )
        return from_wire(answer.value)

    async def _talk(self, asked: bytes) -> _Answer:
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        writer.write(asked)
        await writer.drain()
        (size,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
        if size > LARGEST_ANSWER:
            raise StepUnknown("The function's output is too large.", code="output-too-large")
        return msgspec.json.decode(await reader.readexactly(size), type=_Answer)

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def gone(self) -> None:
        """Return when it has ended."""
        await self._process.wait()

    def kill(self) -> None:
        """End it, and whatever it started, at once."""
        if self.is_alive:
            end_tree(self._process.pid)


def _died() -> StepUnknown:
    return StepUnknown(
        "The process that carried the step out died: it ran out of memory, or something killed it.",
        code="process-died",
    )


class Places:
    """All places besides the loop."""

    def __init__(self, threads: Threads | None = None, processes: Processes | None = None) -> None:
        self.threads = threads or Threads()
        self.processes = processes or Processes()

    async def close(self) -> None:
        """Let the threads go that have nothing to do, and end all processes."""
        self.threads.close()
        await self.processes.close()
