"""What the engine needs of the world: stores, a clock, definitions, blobs. Whoever implements them imports
this, never the reverse.

Everything a run writes at one time travels as one `Write`: facts, projection, timers, requests, logs. A
store makes many changes of many runs durable at once, and each of them wholly or not at all.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from auraos.core.errors import OperationalError, UserError
from auraos.core.values import FileReference, Value
from auraos.sdk import Files

Redact: TypeAlias = Callable[[Value], Value]
"""Take every secret that was revealed out of a value."""


class StoreUnavailableError(OperationalError):
    """The store did not take a write: the disk is full, broken or gone. Nothing of it was acknowledged."""

    code = "store-unavailable"


class WriteRefusedError(OperationalError):
    """The store refused one write for what it says, and took the others: a fact of this run stands there
    already.
    """

    code = "write-refused"


class NotFoundError(UserError):
    """Nothing is known under this name."""

    code = "not-found"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a definition: its text is the truth, its hash its name. Runs stay on theirs for ever."""

    hash: str
    kind: str
    name: str
    text: str
    step_types: dict[str, int] = {}
    """The step-type versions that were resolved when it was published; they stand beside the text."""


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """The projection of a run: what lists show, and what the engine must know of a run that sleeps."""

    workspace: str
    run: str
    number: int
    workflow: str
    version: str
    state: str
    started_at: int
    changed_at: int
    finished_at: int | None = None
    why: str = ""
    """Why it is not final, or the message of the error it ended with."""
    by: str = ""
    parent: str = ""
    origin: str = ""
    awaited: bool = False
    """The parent waits for this run's end."""
    asleep: bool = False
    """Only a timer, a person, a signal or a child can move it: a restart need not load it."""


class Timer(msgspec.Struct, frozen=True):
    """A timer of a run, due at a wall-clock time in microseconds since 1970."""

    run: str
    path: str
    timer: str
    due: int


class Subscription(msgspec.Struct, frozen=True):
    """A run waits at this path for events of this type."""

    run: str
    path: str
    type: str


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that an attempt of a step wrote, secrets masked."""

    run: str
    path: str
    attempt: int
    at: int
    level: str
    message: str
    fields: dict[str, Any] = {}


class RequestRow(msgspec.Struct, frozen=True):
    """A request that waits for the engine: it was written with the sender's facts and goes with the
    receiver's.
    """

    id: str
    run: str
    kind: str
    """start, call (a start whose end the sender awaits), finished, cancel, event"""
    body: bytes
    """The fact that is to be given to the run, encoded."""


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """All that one run writes at one time. `facts` is one encoded fact a line; `seq` counts the first of them
    from 1.
    """

    workspace: str
    run: str
    seq: int
    count: int = 0
    facts: bytes = b""
    created: bool = False
    row: RunRow | None = None
    results: Sequence[tuple[str, int]] = ()
    """(path, generation) of each effect whose success now counts; the store lets none count twice."""
    timers: Sequence[Timer] = ()
    stopped: Sequence[tuple[str, str]] = ()
    subscriptions: Sequence[Subscription] = ()
    unsubscribed: Sequence[tuple[str, str]] = ()
    requests: Sequence[RequestRow] = ()
    answered: Sequence[str] = ()
    logs: Sequence[LogLine] = ()
    versions: Sequence[Version] = ()
    size: int = 0


class Batch(msgspec.Struct, frozen=True):
    """A stretch of a journal as it was committed: `count` facts from `seq` on, one encoded fact a line."""

    seq: int
    count: int
    facts: bytes


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list, newest first; `before` is the id of the last one of the page before."""

    workspace: str = "default"
    states: tuple[str, ...] = ()
    workflow: str = ""
    parent: str | None = None
    before: str = ""
    limit: int = 50


class RunStore(Protocol):
    """The store of runs, as the engine writes and reads it."""

    def commit(self, write: Write) -> asyncio.Future[None]:
        """Make a write durable. Writes of one run keep their order, and share transactions with others'.

        Raises `StoreUnavailableError` (nothing is known of its fate) or `WriteRefusedError` (certainly not
        written).
        """
        ...

    async def journal(self, run: str, after: int = 0) -> list[Batch]:
        """Return the journal of a run in order, from the first batch that ends after `after`."""
        ...

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None:
        """Return the run with this id; within a workspace also by its number or the beginning of its id."""
        ...

    async def runs(self, query: RunQuery) -> list[RunRow]:
        """Return a page of runs, newest first."""
        ...

    async def logs(self, run: str, *, path: str | None = None, limit: int = 1000) -> list[LogLine]: ...

    async def version(self, hash: str) -> Version | None: ...  # noqa: A002 (a version's hash is its name)

    async def close(self) -> None:
        """Write what waits, and let go of the files."""
        ...


class Backlog(Protocol):
    """What lies in the store and waits for the engine."""

    async def awake(self) -> list[RunRow]:
        """Return the runs that are neither final nor asleep: a restart goes on with them."""
        ...

    async def timers(self, until: int) -> list[Timer]:
        """Return the timers that come due up to this time."""
        ...

    async def requests(self) -> list[RequestRow]: ...

    async def subscribers(self, type: str) -> list[Subscription]: ...  # noqa: A002 (an event's type)

    async def last_numbers(self) -> dict[str, int]:
        """Return the highest number given to a run, by workspace."""
        ...


class Store(RunStore, Backlog, Protocol):
    """A whole store, as the engine is given it."""


class Clock(Protocol):
    """Time and chance."""

    def now(self) -> int:
        """Return the wall time in microseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def new_id(self) -> str:
        """Return a new UUID, version 7: ids of later runs sort after those of earlier ones."""
        ...


class Blobs(Protocol):
    """Where large values lie: each under its workspace and run."""

    def files(self, workspace: str, run: str) -> Files:
        """Return the door through which the steps of one run write and read files."""
        ...

    async def share(self, reference: FileReference, *, workspace: str, source: str, target: str) -> None:
        """Let another run hold this file too, so that deleting the first run does not take it away."""
        ...
