"""The sandbox for code steps: Monty, an interpreter of its own in processes of its own, with limits nobody
can catch.

Code sees no network, no file, no environment, no other process and no other run: each run gets a fresh
session, and the workers are replaced after a while. Whatever happens in there, this process goes on.
"""

import asyncio
import keyword
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pydantic_monty

from auraos.core.values import (
    FileReference,
    Value,
    ValueRefusedError,
    format_duration,
    to_plain,
    to_wire,
    type_name,
)
from auraos.engine.process import NoThreadsError, begun_threads
from auraos.engine.snippets import FETCH, LONGEST_OUTPUT, LONGEST_SPECIAL, OUTPUT, prepare, read_line, refused
from auraos.sdk import StepFailed

LONGEST_PRINT = 1_000_000
LARGE_INPUT = 20_000
DEEPEST_CALL = 1_000
_INPUTS = "_auraos_inputs"


class SandboxResult(msgspec.Struct, frozen=True):
    """What came of a piece of code: its value, and what it printed."""

    output: Value
    printed: str


class Sandbox:
    """Runs code in worker processes (the sdk's `Sandbox`); they start with the first code and end with
    `close`.

    The interpreter's own asyncio interface is not used: in one of five processes it aborts at exit, and it
    cannot stop code that computes. Here threads wait for the workers, and cancelled code loses its worker at
    once.
    """

    def __init__(self, *, workers: int = 2, recycle_after: int = 1_000) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._is_closed = False
        self._pool: pydantic_monty.Monty | None = None
        self._starting = threading.Lock()
        self._running: set[_Job] = set()
        self._workers = workers
        self._recycle_after = recycle_after

    async def __aenter__(self) -> "Sandbox":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop what runs and end the worker processes; nothing can be run afterwards."""
        self._is_closed = True
        for job in list(self._running):
            job.abandon()
        await asyncio.to_thread(self._close)

    async def run(
        self,
        code: str,
        inputs: Mapping[str, Value],
        *,
        timeout: timedelta,  # noqa: ASYNC109 (the interpreter's own limit)
        memory: int,
        now: datetime | None = None,
        seed: str = "",
    ) -> SandboxResult:
        """Return the value and the prints of the code; see `auraos.sdk.protocols.Sandbox`."""
        job = _Job(prepare(code), inputs, timeout, memory)
        job.policy = {
            "datetime": (now or datetime.fromtimestamp(0, UTC)).astimezone(UTC),
            "sleep": "call_host",  # and the host does not answer: sleeping is refused
            "random_start": {"seed": seed},
        }
        threads = self._begun()
        self._running.add(job)
        waiting = threads.submit(self._carry_out, job)
        try:
            fetched = await asyncio.wrap_future(waiting)
        except pydantic_monty.MontyError as error:
            raise _failure(error, code, job.printed.output, timeout, memory) from None
        except _AbandonedError:
            raise _closing() from None
        except asyncio.CancelledError:
            job.abandon()
            task = asyncio.current_task()
            if waiting.cancelled() and task is not None and not task.cancelling():
                raise _closing() from None
            raise
        finally:
            self._running.discard(job)
        return SandboxResult(_value_of(fetched), job.printed.output)

    def _carry_out(self, job: "_Job") -> tuple[str, Any]:
        """Run a job in a session of its own and return what it left; called in a thread."""
        limits: pydantic_monty.ResourceLimits = {
            "max_feed_duration_secs": job.timeout.total_seconds(),
            "max_memory": job.memory,
            "max_recursion_depth": DEEPEST_CALL,
            "max_suspensions": 100,
            "max_total_sleep_secs": 0,
        }
        session = self._started().checkout(script_name="code.py", limits=limits, os_policy=job.policy)
        with session as worker, job.on(worker.worker_pid):
            if job.prelude:
                worker.feed_run(job.prelude, inputs=dict(job.texts))
            worker.feed_run(job.statements, inputs={OUTPUT: None, **job.direct}, print_callback=job.printed)
            fetched: tuple[str, Any] = worker.feed_run(FETCH)
        return fetched

    def _begun(self) -> ThreadPoolExecutor:
        """Return the threads; those of a sandbox that never runs anything never begin."""
        if self._is_closed:
            raise _closing()
        if self._threads is None:
            try:
                self._threads = begun_threads(self._workers, "sandbox")
            except NoThreadsError as error:
                raise StepFailed(
                    error.message, error_class="transient", code="places-full", hint=error.hint
                ) from error
        return self._threads

    def _started(self) -> pydantic_monty.Monty:
        with self._starting:
            if self._pool is None:
                pool = pydantic_monty.Monty(
                    min_processes=1, max_processes=self._workers, max_checkouts_per_worker=self._recycle_after
                )
                self._pool = pool.__enter__()
            return self._pool

    def _close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        with self._starting:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.__exit__(None, None, None)


class _AbandonedError(Exception):
    """The code was given up before it began."""


class _Job:
    """One piece of code on its way; it may be abandoned at any time, which ends the process that runs it."""

    def __init__(self, statements: str, inputs: Mapping[str, Value], timeout: timedelta, memory: int) -> None:
        self.statements = statements
        self.prelude, self.texts, self.direct = _pass_in(inputs)
        self.timeout = timeout
        self.memory = memory
        self.policy: pydantic_monty.OSPolicy = {}
        self.printed = pydantic_monty.CollectString(max_bytes=LONGEST_PRINT)
        self._lock = threading.Lock()
        self._process: int | None = None
        self._abandoned = False

    def abandon(self) -> None:
        """End the process that runs this code, now or as soon as it would begin."""
        with self._lock:
            self._abandoned = True
            if self._process is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._process, signal.SIGKILL)

    @contextmanager
    def on(self, process: int | None) -> Iterator[None]:
        """Note which process runs the code, as long as it does and belongs to nobody else."""
        with self._lock:
            if self._abandoned:
                raise _AbandonedError
            self._process = process
        try:
            yield
        finally:
            with self._lock:
                self._process = None


def _pass_in(inputs: Mapping[str, Value]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Return a prelude and its input for large plain values, which travel as JSON text, and the others as
    they are.
    """
    texts: dict[str, Any] = {}
    direct: dict[str, Any] = {}
    for name, value in inputs.items():
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_auraos"):
            raise StepFailed(
                f"{name!r} cannot be the name of an input.",
                error_class="data",
                code="settings-refused",
                hint="Use letters, digits and underscores, and no Python keyword.",
            )
        wired = to_wire(value)
        if (
            wired is value
            and isinstance(value, list | dict | str)
            and len(msgspec.json.encode(value)) > LARGE_INPUT
        ):
            texts[name] = value
        else:
            direct[name] = _plain_python(value)
    if not texts:
        return "", {}, direct
    lines = [f"import json\n{_INPUTS} = json.loads({_INPUTS})"]
    lines += [f"{name} = {_INPUTS}[{name!r}]" for name in texts]
    return "\n".join([*lines, f"{_INPUTS} = None"]), {_INPUTS: msgspec.json.encode(texts).decode()}, direct


def _plain_python(value: Value) -> Any:
    match value:
        case dict():
            return {key: _plain_python(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain_python(item) for item in value]
        case datetime():
            return value.astimezone(timezone(value.utcoffset() or timedelta(0)))
        case FileReference():
            return to_plain(value)
    return value


def _value_of(fetched: tuple[str, Any]) -> Value:
    kind, content = fetched
    if kind == "too-large":
        limit = f"{LONGEST_OUTPUT // 1_000_000} MB, or {LONGEST_SPECIAL // 1_000_000} MB with decimals or dates in it"
        raise _bad_output(f"it is larger than {limit}")
    try:
        value = msgspec.json.decode(content) if kind == "json" else _value_from_python(content)
        to_wire(value)
    except ValueRefusedError as error:
        raise _bad_output(error.message.rstrip("."), error.hint) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad_output(f"it holds what no value can be: {error}") from None
    return value


def _value_from_python(value: Any) -> Value:
    match value:
        case dict():
            return {str(key): _value_from_python(item) for key, item in value.items()}
        case list() | tuple():
            return [_value_from_python(item) for item in value]
        case set() | frozenset():
            return [
                _value_from_python(item)
                for item in sorted(value, key=lambda item: (type_name(item), repr(item)))
            ]
        case bytes():
            raise ValueRefusedError(
                "it holds bytes", hint="Give back text, as with base64.b64encode(data).decode()."
            )
    return value


def _bad_output(fault: str, hint: str = "") -> StepFailed:
    return StepFailed(
        f"The output of the code cannot be kept: {fault}.", error_class="data", code="code-output", hint=hint
    )


def _failure(error: Exception, code: str, printed: str, timeout: timedelta, memory: int) -> StepFailed:
    """Say what became of code that did not come to its end."""
    if isinstance(error, pydantic_monty.MontyCrashedError):
        if error.timed_out:
            return _too_long(timeout, printed)
        message = "The process that ran the code ended unexpectedly; nothing else was touched."
        return StepFailed(
            message, error_class="transient", code="code-crashed", data={"printed": _tail(printed)}
        )
    text = str(error)
    if text.startswith("TimeoutError: feed time limit exceeded"):
        return _too_long(timeout, printed)
    if text.startswith(("MemoryError: memory limit exceeded", "MemoryError: the worker exceeded its memory")):
        if len(printed) > LONGEST_PRINT * 0.9:
            return _bad_output(f"it printed more than {LONGEST_PRINT // 1_000_000} MB")
        return StepFailed(
            f"The code used more than its {memory // 1024 // 1024} MB of memory and was stopped.",
            code="code-memory",
            hint="Raise `memory`, or work through the data in parts.",
            data={"printed": _tail(printed)},
        )
    frames = error.traceback() if isinstance(error, pydantic_monty.MontyRuntimeError) else []
    if isinstance(error, pydantic_monty.MontySyntaxError):
        frames = error.traceback()
        text = f"SyntaxError: {text}"
    line = frames[-1].line if frames else None
    failure = refused(text[:1_000], line, read_line(code, line))
    failure.error_data = {
        "line": line,
        "type": text.partition(":")[0],
        "trace": [{"line": frame.line, "in": frame.function_name or "code"} for frame in frames[-10:]],
        "printed": _tail(printed),
    }
    return failure


def _closing() -> StepFailed:
    message = "The code was not run to its end: the sandbox is closing."
    return StepFailed(message, error_class="transient", code="code-crashed")


def _too_long(timeout: timedelta, printed: str) -> StepFailed:
    return StepFailed(
        f"The code computed for more than {format_duration(timeout)} and was stopped.",
        error_class="timeout",
        code="code-timeout",
        hint="Raise `timeout`, or do less at once.",
        data={"printed": _tail(printed)},
    )


def _tail(printed: str) -> str:
    return printed[-2_000:]
