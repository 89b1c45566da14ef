"""What the engine needs of the world: stores, a clock, definitions, blobs. Implementers import this, never the reverse.

Everything a run writes at one time travels as one `Write`: facts, projection, timers, requests, logs. A
store makes many changes of many runs durable at once, and each of them wholly or not at all.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from auraos.core.errors import OperationalError, UserError
from auraos.core.gate import Gate
from auraos.core.values import FileReference, Value
from auraos.engine.cache import CacheRow, OutputCache
from auraos.engine.notes import Note
from auraos.sdk import Files

if TYPE_CHECKING:  # a list of runs needs no machine
    from auraos.core.run.facts import RunStarted
    from auraos.core.run.program import Program

SHARDS = 256
"""Into so many parts all runs are divided; each part belongs to one process at a time."""
ALL_SHARDS = frozenset(range(SHARDS))

SNAPSHOT_FROM = 1_000
"""A run with at least so many facts may have a snapshot."""

Redact: TypeAlias = Callable[[Value], Value]
"""Take every secret that was revealed out of a value."""

Told: TypeAlias = Callable[[Sequence[BaseException | None] | None], None]
"""Hears what became of writes: None when all are durable, else the error of each, in their order."""


class StoreUnavailableError(OperationalError):
    """The store did not take a write: the disk is full, broken or gone. Nothing of it was acknowledged."""

    code = "store-unavailable"


class WriteRefusedError(OperationalError):
    """The store refused one write for what it says, and took the others: a fact of this run stands there already."""

    code = "write-refused"


class FencedError(OperationalError):
    """Another process has taken over what this one owned; nothing of the write was written."""

    code = "fenced"


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
    shard: int = 0
    """The part of all runs that it was born into; whoever owns that part drives it."""


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
    shard: int = 0
    """Of the run that waits."""


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
    """A request that waits for the engine: it was written with the sender's facts and goes with the receiver's."""

    id: str
    run: str
    kind: str
    """start, call (a start whose end the sender awaits), finished, cancel, event, or what a person asks of a run"""
    body: bytes
    """The fact that is to be given to the run, encoded."""
    shard: int = 0
    """Of the run that it is for: the owner of that part takes it up."""


class GateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run that stands before a gate, or was let in by it; rows of one run and one gate take each other's place."""

    run: str
    gate: Gate
    born: int
    priority: int = 5
    admitted_at: int = 0
    """When it was let in; 0 while it waits."""
    shard: int = 0
    """Of the run, and of all others that share the gate."""
    is_over: bool = False
    """Whether the run has ended, as the store reads it: it then counts only for a limit that speaks of a time."""


class Write(msgspec.Struct, frozen=True):
    """All that one run writes at one time. `facts` is one encoded fact a line; `seq` counts the first of them from 1."""

    workspace: str
    run: str
    seq: int
    shard: int = 0
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
    """Requests that are done with: their rows go."""
    refused: Sequence[tuple[str, bytes]] = ()
    """Requests that were refused, each with the reason; their rows stay for a while, for whoever asked to read it."""
    logs: Sequence[LogLine] = ()
    versions: Sequence[Version] = ()
    snapshot: "Snapshot | None" = None
    """Takes the place of an earlier one, and goes with the end of the run."""
    pruned: Sequence[str] = ()
    """Runs that are over: everything of theirs goes. One that is not over stays."""
    gates: Sequence[GateRow] = ()
    left: Sequence[tuple[str, str]] = ()
    """(name of a gate, run) of rows that go."""
    cached: Sequence[CacheRow] = ()
    expired: int = 0
    """A slice of the cached outputs that expired up to this time goes."""
    size: int = 0
    notes: Sequence[Note] = ()

    @property
    def is_plain(self) -> bool:
        """Return whether it has facts, results, notes and the row of its run, and nothing else."""
        return not (
            self.timers or self.stopped or self.subscriptions or self.unsubscribed or self.requests or self.answered
            or self.refused or self.logs or self.versions or self.snapshot or self.pruned or self.gates or self.left
            or self.cached or self.expired
        )  # fmt: skip


class Batch(msgspec.Struct, frozen=True):
    """A stretch of a journal as it was committed: `count` facts from `seq` on, one encoded fact a line."""

    seq: int
    count: int
    facts: bytes


class Snapshot(msgspec.Struct, frozen=True):
    """The state of a run after its first `seq` facts. A cache: it may be deleted, and one with another stamp is not read."""

    seq: int
    stamp: str
    state: bytes


class StoredRun(msgspec.Struct, frozen=True):
    """All that brings a run into memory: its row, its latest snapshot if any, the journal after it, and if it is private."""

    row: RunRow
    journal: Sequence[Batch]
    snapshot: Snapshot | None = None
    is_private: bool = False


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

    @property
    def pace(self) -> float:
        """Return about how many seconds a commit takes at present; infinity where the loop itself has to do with it."""
        ...

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        """Make writes durable, and tell on the event loop what became of them. Writes keep their order, and share
        transactions with others'.

        The error of a write is `StoreUnavailableError` (nothing is known of its fate), `WriteRefusedError` (certainly not
        written, for what it says) or `FencedError` (certainly not written, and nothing more will be).
        """
        ...

    def commit(self, write: Write) -> asyncio.Future[None]:
        """Make one write durable, as `submit` does."""
        ...

    async def journal(self, run: str, after: int = 0) -> list[Batch]:
        """Return the journal of a run in order, from the first batch that ends after `after`."""
        ...

    async def read(self, runs: Collection[str]) -> list[StoredRun]:
        """Return those of these runs that there are, each with what brings it into memory: one query for many."""
        ...

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None:
        """Return the run with this id; within a workspace also by its number or the beginning of its id."""
        ...

    async def runs(self, query: RunQuery) -> list[RunRow]:
        """Return a page of runs, newest first."""
        ...

    async def ended(
        self, version: str, after: tuple[int, str], until: int, *, limit: int = 500
    ) -> list[RunRow]:
        """Return runs of a version that ended up to a time, by end and id, but none of whose children or caller is not over."""
        ...

    async def versions(self) -> list[str]:
        """Return the hashes of all versions that are kept."""
        ...

    async def refused(self, before: str, *, limit: int = 500) -> list[str]: ...

    async def logs(
        self, run: str, *, path: str | None = None, limit: int = 1000, after: int = 0) -> list[LogLine]: ...  # fmt: skip

    async def version(self, hash: str) -> Version | None: ...  # noqa: A002 (a version's hash is its name)

    async def tidy(self, now: int) -> None:
        """Give the disk the room back of what was pruned, as far as it does not come back by itself."""
        ...

    async def close(self) -> None:
        """Write what waits, and let go of the files."""
        ...


class Backlog(Protocol):
    """What lies in the store and waits for the owner of these shards."""

    async def awake(self, shards: Collection[int], *, after: str = "", limit: int = 1000) -> list[RunRow]:
        """Return runs that are neither final nor asleep, by id, beginning after this one."""
        ...

    async def timers(self, until: int, shards: Collection[int], *, limit: int = 10_000) -> list[Timer]:
        """Return timers that come due up to this time, the earliest first."""
        ...

    async def requests(self, shards: Collection[int], *, limit: int = 10_000) -> list[RequestRow]:
        """Return requests that were neither answered nor refused, the oldest first."""
        ...

    async def gates(
        self, shards: Collection[int], *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[GateRow]:
        """Return the rows of gates by (name of the gate, run), beginning after these."""
        ...

    async def answer(self, request: str) -> bytes | None:
        """Return why a request was refused, None while it waits; raise `NotFoundError` once its row is gone."""
        ...

    async def subscribers(self, type: str, workspace: str) -> list[Subscription]:  # noqa: A002 (an event's type)
        """Return the waits of a workspace's runs for events of this type."""
        ...

    async def numbers(self, workspace: str) -> range:
        """Return numbers for the next runs of a workspace. No other process is given them; some may never be used."""
        ...


class Store(RunStore, Backlog, OutputCache, Protocol):
    """A whole store, as the engine is given it."""


class Privacy(Protocol):
    """Gives private runs their keys."""

    def concerns(self, run: str, program: "Program") -> bool:
        """Return whether a run is private: by its schemas, or because a private run hands data on to it."""
        ...

    async def bind(self, started: "RunStarted", program: "Program") -> Callable[[str], str]:
        """Give a run its key, durably; return what stands for a text where the same text must give the same."""
        ...

    async def follow(self, before: str, run: str) -> None:
        """Let a run that begins with what another one did be private if that one is."""
        ...


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

    def keep(self, workspace: str, run: str, contents: Mapping[str, bytes]) -> None:
        """Keep large values of a run, by hash, durably. It blocks: it is called on a thread of its own."""
        ...

    def sealer(self, run: str) -> Callable[[bytes], bytes] | None:
        """Return what seals the large values of a run before they are kept; None where it is not private."""
        ...

    def remove(self, workspace: str, run: str) -> None: ...

    def old(self) -> list[tuple[str, str]]:
        """Return workspace and run of the blobs that nobody has touched for a day."""
        ...

    def fetch(self, workspace: str, run: str, hash: str) -> bytes:  # noqa: A002 (a blob's hash is its name)
        """Return a large value of a run; raise `NotFoundError` when it is gone. It blocks."""
        ...
