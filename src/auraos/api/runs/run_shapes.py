"""What is sent and answered about runs over HTTP."""

from typing import Annotated, Any, Literal

import msgspec

from auraos.api.protocol.names import END, Limit, Slug
from auraos.app.runs.runs import Seen
from auraos.core.run.facts import StepError
from auraos.core.run.view import StepView, Why
from auraos.core.values import Value, to_plain
from auraos.engine.ports import LogLine, RunRow

RunName = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^[A-Za-z0-9_][A-Za-z0-9_.~-]*{END}",
        max_length=128,
        description="The id of a run, its number, or the beginning of its id.",
    ),
]
WorkflowName = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^[a-z][a-z0-9-]*(@([0-9]+|latest))?{END}",
        max_length=120,
        description="The name of a workflow; `greet@3` is its third version.",
    ),
]
Words = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=1000)]
Path = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=1000, description="Of a step.")]
Key = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=200)]
Reveal = Annotated[
    bool,
    msgspec.Meta(
        description="Show what a private run is about; it takes `privacy.reveal`, and is written down."
    ),
]
Number = Annotated[int, msgspec.Meta(ge=0)]
StateName = Annotated[str, msgspec.Meta(pattern=f"^[a-z]+{END}", max_length=20)]
LONGEST_WAIT = 60
"""For so many seconds the end of a run is awaited at most."""


class StartOf(msgspec.Struct, frozen=True, kw_only=True):
    """The workflow to start, and for how many seconds its end is awaited."""

    name: WorkflowName
    wait: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = 0
    reveal: Reveal = False


class OneRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run."""

    run: RunName


class LookedAt(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is looked at."""

    run: RunName
    reveal: Reveal = False


class RunAt(msgspec.Struct, frozen=True, kw_only=True):
    """A run at a moment: after its fact of this number; now, where none is named."""

    run: RunName
    reveal: Reveal = False
    seq: Annotated[int, msgspec.Meta(ge=1)] | None = None


class JournalOf(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a run after this number."""

    run: RunName
    reveal: Reveal = False
    after: Number = 0
    limit: Limit = 100


class LogsOf(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps of a run logged, or the step at a path."""

    run: RunName
    reveal: Reveal = False
    step: Path | None = None
    after: Annotated[int, msgspec.Meta(ge=0, description="`next` of the page before.")] = 0
    limit: Limit = 1000


class RunList(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list."""

    workflow: Slug | None = None
    state: Annotated[tuple[StateName, ...], msgspec.Meta(max_length=10)] = ()
    after: Annotated[RunName, msgspec.Meta(description="`next` of the page before.")] | None = None
    limit: Limit = 50


class Start(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run is started with."""

    input: Any = None
    variables: dict[str, Any] = {}


class Signal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal; one with an `id` that came before changes nothing."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=rf"^[^\x00]+{END}")]
    data: Any = None
    key: Key = ""
    id: Key = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer to what a step asks. The step may be left out while only one asks."""

    decision: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=rf"^[^\x00]+{END}")]
    step: Path = ""
    comment: Words = ""
    data: Any = None


class Resolution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of an attempt that nobody knows the outcome of."""

    outcome: Literal["succeeded", "failed", "retry"]
    step: Path = ""
    attempt: Number = 0
    output: Any = None
    message: Words = ""


class Pausing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is paused."""

    reason: Words = ""


class Resuming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Variables that are another from now on."""

    variables: dict[str, Any] = {}


class Cancelling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run is ended: whether what it did is undone, and whether nothing is waited for."""

    reason: Words = ""
    undo: bool = False
    force: bool = False


class Prioritizing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Its turn among those that wait to begin: 9 comes first."""

    priority: Annotated[int, msgspec.Meta(ge=0, le=9)]


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event; a run takes one of the same `id` once."""

    type: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=rf"^[^\x00]+{END}")]
    data: Any = None
    id: Key = ""


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs waited for events of its type when it came."""

    runs: int


class Repeating(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run is begun once more: from a step on, with other outputs, with effects that are repeated."""

    start_at: Path = ""
    changes: dict[str, Any] = {}
    again: bool = False
    version: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^(live|[1-9][0-9]{{0,8}})?{END}",
            description="Another version of its workflow: a number, or `live` for the one that is published now.",
        ),
    ] = ""


class RunShown(msgspec.Struct, frozen=True, kw_only=True):
    """A run as lists show it."""

    run: str
    number: int
    workflow: str
    version: str
    state: str
    why: str
    started_at: int
    changed_at: int
    finished_at: int | None
    by: str
    parent: str

    @classmethod
    def of(cls, row: RunRow) -> "RunShown":
        """Return what is shown of a run."""
        return cls(
            run=row.run, number=row.number, workflow=row.workflow, version=row.version, state=row.state, why=row.why,
            started_at=row.started_at, changed_at=row.changed_at, finished_at=row.finished_at, by=row.by,
            parent=row.parent,
        )  # fmt: skip


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, the newest first; `next` asks for the page after it."""

    items: tuple[RunShown, ...]
    next: str = ""


class Ended(RunShown, frozen=True, kw_only=True):
    """A run with what came of it."""

    output: Any = None
    error: Any = None

    @classmethod
    def after(cls, row: RunRow, output: Value = None, error: StepError | None = None) -> "Ended":
        """Return what is shown of a run and of what came of it."""
        told = msgspec.structs.asdict(RunShown.of(row))
        return cls(**told, output=to_plain(output), error=error_of(error))


class StepShown(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a step."""

    path: str
    type: str
    how: str
    attempts: int
    began_at: int | None
    ended_at: int | None
    ports: tuple[str, ...]
    by_fallback: bool
    cached: bool
    output: Any
    error: Any

    @classmethod
    def of(cls, step: StepView) -> "StepShown":
        """Return what is shown of a step."""
        bare = {field: getattr(step, field) for field in cls.__struct_fields__}
        return cls(**{**bare, "output": to_plain(step.output), "error": error_of(step.error)})


class State(Ended, frozen=True, kw_only=True):
    """A run as it is, or as it was after `seq` of its facts."""

    seq: int
    facts: int
    """So many it has."""
    steps: tuple[StepShown, ...]
    waits: Any
    unread_signals: tuple[str, ...]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of a journal."""

    seq: int
    fact: Any


class JournalPage(msgspec.Struct, frozen=True, kw_only=True):
    """Facts in order; those after `next` are on the page after it."""

    items: tuple[Fact, ...]
    next: int | None = None


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a run waits for."""

    path: str
    state: str
    words: str
    until: int | None
    data: Any
    place: str = ""
    """How far it is from its turn."""


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run is where it is."""

    state: str
    why: str
    waits: tuple[Wait, ...]
    error: Any = None


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that steps wrote; `next` asks for the page after it."""

    items: tuple[LogLine, ...]
    next: int | None = None


def state_of(seen: Seen) -> State:
    row = {**msgspec.structs.asdict(RunShown.of(seen.row)), "state": seen.view.status}
    return State(
        **row, seq=seen.seq, facts=seen.of, output=to_plain(seen.view.output), error=error_of(seen.view.error),
        steps=tuple(StepShown.of(step) for step in seen.view.steps),
        waits=tuple(wait_of(why) for why in seen.view.why), unread_signals=tuple(seen.view.unread),
    )  # fmt: skip


def wait_of(why: Why, place: str = "") -> Wait:
    data = msgspec.to_builtins(why.data, enc_hook=str)
    return Wait(path=why.path, state=why.state, words=why.words, until=why.until, data=data, place=place)


def error_of(error: StepError | None) -> Any:
    if error is None:
        return None
    bare = msgspec.structs.replace(error, data=to_plain(error.data), cause=None)
    told = msgspec.to_builtins(bare)
    if error.cause is not None:
        told["cause"] = error_of(error.cause)
    return told
