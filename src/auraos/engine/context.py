"""What one attempt of a step is given: its identity, the doors to the world, and a place to say what it
does.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import msgspec

from auraos.core.asker import Asker
from auraos.core.catalogue import Schema
from auraos.core.errors import AuraError
from auraos.core.graph.fields import has_template
from auraos.core.graph.secret_places import used_secrets
from auraos.core.run import LARGEST, Program
from auraos.core.run.commands import ExecuteStep
from auraos.core.values import Value, to_wire
from auraos.engine.places import Places
from auraos.engine.ports import Blobs, Clock, LogLine, Redact
from auraos.engine.trace_context import TracedHttp, header_for
from auraos.sdk import Files, FlagAnswer, Flags, Http, Sandbox, Secrets, StepFailed

MOST_LINES = 2_000
LONGEST_MESSAGE = 8_192
LEVELS = frozenset({"debug", "info", "warning", "error"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")
Level: TypeAlias = Literal["debug", "info", "warning", "error"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an attempt has come; it is shown and not kept."""

    path: str
    attempt: int
    done: float
    total: float | None = None
    message: str = ""


class Listener(Protocol):
    """Who hears what an attempt says while it runs."""

    def logged(self, line: LogLine) -> None: ...

    def progressed(self, run: str, progress: Progress) -> None: ...


class Ways(NamedTuple):
    """The ways out as one run has them."""

    http: Http
    secrets: Secrets


class NoFlags:
    """The flags of a place that has none."""

    async def evaluate(self, name: str, context: Mapping[str, Value]) -> FlagAnswer:  # noqa: ARG002 (as the sdk has it)
        """Fail: there is no flag."""
        raise StepFailed(
            f"There is no flag {name!r} here.", code="no-flag", hint="Give the step a `default`."
        )


NO_FLAGS = NoFlags()


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """The ways out that steps have, and what takes revealed secrets out of all that comes back."""

    http: Http
    secrets: Secrets
    sandbox: Sandbox
    blobs: Blobs
    redact: Redact
    places: Places = msgspec.field(default_factory=Places)
    largest_value: int = LARGEST
    """So many bytes a value may have."""
    seen_by: Callable[[Asker], Ways] | None = None
    """What `http` and `secrets` are for one run, where that makes a difference."""
    flags: Callable[[str], Flags] | None = None
    """The feature flags of a workspace."""


class AttemptContext:
    """The context of one attempt, as the sdk promises it."""

    __slots__ = (
        "_clock",
        "_command",
        "_doors",
        "_lines",
        "_listener",
        "_program",
        "_schema",
        "_trace",
        "_workspace",
        "run_id",
        "touched_the_world",
        "waits_for_thread",
    )

    def __init__(  # noqa: PLR0913 (what an attempt knows of itself)
        self,
        workspace: str,
        run: str,
        command: ExecuteStep,
        *,
        doors: Doors,
        listener: Listener,
        clock: Clock,
        program: Program | None = None,
        schema: Schema | None = None,
        trace: str = "",
    ) -> None:
        self._trace = trace
        self._schema = schema or {}
        self.run_id = run
        self.touched_the_world = False
        self.waits_for_thread = False
        """Whether the step is to be carried out in a thread and there is none for it yet, so that nothing of it was done."""
        self._workspace = workspace
        self._command = command
        self._doors = doors
        self._listener = listener
        self._clock = clock
        self._program = program
        self._lines = 0

    @property
    def workspace(self) -> str:
        return self._workspace

    @property
    def traceparent(self) -> str:
        """Return where this attempt is in a trace; nothing where nobody traces."""
        return header_for(self._trace, self.run_id, self.path, self.attempt) if self._trace else ""

    @property
    def path(self) -> str:
        return self._command.path

    @property
    def attempt(self) -> int:
        return self._command.attempt

    @property
    def key(self) -> str:
        return self._command.key

    @property
    def effect(self) -> str:
        return self._command.effect

    @property
    def largest_value(self) -> int:
        return self._doors.largest_value

    @property
    def now(self) -> datetime:
        """Return the time of the grant."""
        return _EPOCH + timedelta(microseconds=self._command.granted_at)

    @property
    def http(self) -> Http:
        self.touched_the_world = True
        seen_by = self._doors.seen_by
        http = self._doors.http if seen_by is None else seen_by(self._asker()).http
        return TracedHttp(http, self.traceparent) if self._trace else http

    @property
    def secrets(self) -> Secrets:
        seen_by = self._doors.seen_by
        return self._doors.secrets if seen_by is None else seen_by(self._asker()).secrets

    @property
    def files(self) -> Files:
        return self._doors.blobs.files(self._workspace, self.run_id)

    @property
    def sandbox(self) -> Sandbox:
        return self._doors.sandbox

    @property
    def flags(self) -> Flags:
        return NO_FLAGS if self._doors.flags is None else self._doors.flags(self._workspace)

    def _asker(self) -> Asker:
        program = self._program
        if program is None:
            return Asker(self._workspace, run=self.run_id)
        names = _named_secrets(program, self._command, self._schema)
        return Asker(self._workspace, program.workflow.name, program.version, self.run_id, names)

    async def in_thread(self, function: Callable[..., T], *given: Any) -> T:
        """Return what a function returns that waits or reckons for long."""
        return cast("T", await self._doors.places.threads.run(function, *given))

    async def wholly_in_thread(self, function: Callable[[Any, Any], T], settings: Any) -> T:
        """Return what a function returns that is all there is to the step."""

        def begins() -> None:
            self.waits_for_thread = False

        self.waits_for_thread = True
        run = self._doors.places.threads.run
        return cast("T", await run(function, settings, self.from_thread(), begins=begins))

    async def in_process(self, function: Callable[[Any], Any], given: Value) -> Value:
        """Return what a function of a module makes of a value, in a process of its own."""
        return await self._doors.places.processes.run(function, given)

    def from_thread(self) -> "ThreadContext":
        """Return the context as a function in a thread may use it."""
        return ThreadContext(self, asyncio.get_running_loop())

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        """Add a line to the run's log, with every revealed secret masked; beyond 2,000 lines the rest is left
        out.
        """
        if self._lines > MOST_LINES:
            return
        self._lines += 1
        if self._lines > MOST_LINES:
            message, level, fields = f"More than {MOST_LINES} lines: the rest is left out.", "warning", {}
        self._listener.logged(
            LogLine(
                run=self.run_id,
                path=self.path,
                attempt=self.attempt,
                at=self._clock.now(),
                level=level if level in LEVELS else "info",
                message=_cut(str(self._doors.redact(_printable(message)))),
                fields=self._doors.redact(_storable(fields)) if fields else {},
            )
        )

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far the attempt has come."""
        text = _cut(str(self._doors.redact(_printable(message)))) if message else ""
        shown = Progress(path=self.path, attempt=self.attempt, done=done, total=total, message=text)
        self._listener.progressed(self.run_id, shown)


class ThreadContext:
    """The context of an attempt as a thread sees it: what is said is taken over by the loop."""

    def __init__(self, context: AttemptContext, loop: asyncio.AbstractEventLoop) -> None:
        self.run_id, self.path, self.attempt = context.run_id, context.path, context.attempt
        self.key, self.now = context.key, context.now
        self._context = context
        self._loop = loop

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        """Add a line to the run's log."""
        self._hand_over(partial(self._context.log, message, level=level, **fields))

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far the attempt has come."""
        self._hand_over(partial(self._context.progress, done, total, message))

    def _hand_over(self, said: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            self._loop.call_soon_threadsafe(said)


def _named_secrets(program: Program, command: ExecuteStep, schema: Schema) -> frozenset[str]:
    """Return the secrets that a step names in the text of its version. What it would have data name is not among them.

    An undo was evaluated when its step succeeded, by this version, an earlier one or a called run: what it named then counts,
    unless the text leaves it to data.
    """
    step = program.find(command.path)
    written = {one.name for one in used_secrets(schema, step.step.settings)} if step is not None else set()
    if command.purpose != "undo":
        return frozenset(written)
    given = frozenset(one.name for one in used_secrets(schema, command.parameters))
    return given if not any(map(has_template, written)) else frozenset()


def _printable(message: object) -> str:
    return str(message).encode(errors="replace").decode()


def _cut(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "…"


def _storable(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields as values of the language; what is none becomes text, for a log must not fail a
    step.
    """
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            to_wire(value)
        except AuraError:
            kept[name] = _cut(_printable(value))
        else:
            kept[name] = value
    return kept
