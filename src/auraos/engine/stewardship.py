"""What somebody who looks after an engine sees of it and asks of it: how it stands, that it leaves, a copy of its store."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import msgspec

from auraos.core.errors import UserError
from auraos.engine.counting import RunsCounted, RunWindow
from auraos.engine.log_lines import KeptLine, LinePlace, RunsMet, RunStretch
from auraos.engine.ports import Batch, LogLine, RunQuery, RunRow, Store, Version

if TYPE_CHECKING:  # commands that only list need not know how runs are deleted
    from auraos.engine.retention import Pruned

PARKED = "It cannot go on:"
"""How the reason of a run begins that the engine cannot read and left as it stands."""


class NoStewardError(UserError):
    """The process that holds the folder is a command that leads a run, and no server."""

    code = "no-steward"


class HeldError(UserError):
    """Nothing may move here: the store was restored from a backup and not released yet."""

    code = "held"


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of slots: how many there are (None where only the whole bounds it), are free, and are waited for."""

    limit: int | None
    free: int
    waiting: int = 0


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine has to do now."""

    shards: int
    runs: int
    """In memory."""
    attempts: int
    """Of steps, under way."""
    writing: int
    """Those of them that write, which a process that leaves waits for."""
    unwritten: int
    """Writes that were handed to the store and are not durable yet."""
    pools: dict[str, Pool] = {}
    """By name; "" is the whole process."""


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a store that are not over."""

    awake: int = 0
    asleep: int = 0
    parked: int = 0
    quarantined: int = 0
    oldest: int | None = None
    """When the oldest of those that are awake began, in microseconds since 1970."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a process stands."""

    phase: str
    process: int
    since: int
    owner: str
    keeps: str
    load: Load
    unfinished: Unfinished
    commits_per_second: float
    write_takes: float | None
    """For how many seconds a write waited just now until it was durable; None when the store takes none."""
    memory: int
    """Bytes that the process has in memory."""
    disk: str = ""
    """What is to be said of the disk under the data folder; nothing while there is room."""


class Inspector(Protocol):
    """What is read of a store to look after it."""

    async def every_run(self, after: str = "", *, limit: int = 1000) -> list[RunRow]:
        """Return runs of all workspaces by id, pages of loops too, beginning after this one."""
        ...

    async def results(self, run: str) -> list[tuple[str, int]]:
        """Return (path, generation) of each effect of a run whose success counts."""
        ...

    async def unfinished(self) -> Unfinished:
        """Count the runs that are not over."""
        ...

    async def count_runs(self, window: RunWindow) -> list[RunsCounted]:
        """Return what there is to say of all runs of a window, and of each version; the first one is all together."""
        ...

    async def newest_of(self, window: RunWindow, limit: int) -> list[RunRow]:
        """Return the newest runs of a window."""
        ...

    async def runs_of(self, stretch: RunStretch) -> RunsMet:
        """Return the runs of a stretch that are meant. However few they are, no more than `limit` are looked at."""
        ...

    async def lines_of(
        self,
        runs: Sequence[str],
        *,
        after: LinePlace | None = None,
        oldest_first: bool = False,
        limit: int = 1000,
    ) -> list[KeptLine]:
        """Return lines of these runs by run and line, in their order or against it, beginning after a place."""
        ...


class InspectedStore(Inspector, Protocol):
    """A store of runs as it is shown to whoever looks at them or after them."""

    async def journal(self, run: str, after: int = 0) -> list[Batch]: ...

    async def is_private(self, run: str) -> bool: ...

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None: ...

    async def runs(self, query: RunQuery) -> list[RunRow]: ...

    async def logs(
        self, run: str, *, path: str | None = None, limit: int = 1000, after: int = 0
    ) -> list[LogLine]: ...

    async def version(self, hash: str) -> Version | None: ...  # noqa: A002 (as in the port)


class KeptStore(Store, Inspector, Protocol):
    """A store as a process keeps it: for its engine, and for whoever looks after it."""

    @property
    def commits(self) -> int:
        """Return how many transactions were made durable."""
        ...

    async def is_private(self, run: str) -> bool:
        """Return whether what a run tells is under seal, or was until it was erased."""
        ...


class Steward(Protocol):
    """Whoever looks after one process."""

    async def status(self) -> Status: ...

    async def drain(self) -> None:
        """Let the process leave in good order."""
        ...

    async def copy(self, file: str) -> None:
        """Write a whole copy of the store, as of one moment, into a new file."""
        ...

    async def release(self) -> str:
        """Let go on what was held since a restore; return why it was held, nothing when it was not."""
        ...

    async def prune(self, older_than: timedelta, *, is_dry: bool) -> "Pruned":
        """Delete every run that ended longer ago than this; with `is_dry` only count them."""
        ...
