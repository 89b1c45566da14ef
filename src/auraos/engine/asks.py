"""What goes over `engine.sock`: one JSON object a line. An ask has a number, and its answers bear the same
one.

    → {"number": 1, "ask": "Signal", "run": "…", "name": "paid", "data": {…}}
    ← {"number": 1, "ok": null}          the fact is durable
    ← {"number": 1, "error": {"code": …, "family": "user", "message": …, "hint": …}}
    ← {"number": 2, "change": {…}}       of a stream, which ends with {"number": 2, "ok": null}

User data travels in its wire form.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.errors import AuraError, OperationalError, UnexpectedError, UserError
from auraos.core.run import decode_fact, encode_fact
from auraos.core.values import from_wire, to_wire
from auraos.engine.context import Progress
from auraos.engine.counting import RunWindow
from auraos.engine.log_lines import LinePlace, RunStretch
from auraos.engine.ports import LogLine, Version
from auraos.engine.stream import Change

LINE_OF_VALUES = 2
"""An ask may be so many times as long as a value: one that is too large is then refused for what it is."""
LONGEST_ANSWER = 2 * 1024**3


class Ask(msgspec.Struct, kw_only=True, tag_field="ask", omit_defaults=True, forbid_unknown_fields=True):
    """The base of everything that can be asked."""

    number: int = 0


class Start(Ask, tag=True):
    """Start a run of a published workflow, or of the version that is sent along."""

    workflow: str = ""
    version: Version | None = None
    called: list[Version] = []
    input: Any = None
    workspace: str = "default"
    variables: dict[str, Any] = {}
    by: str = ""
    run: str = ""


class Places(Ask, tag=True):
    """How far is a run from its turn, or are its steps from theirs?"""

    run: str


class Prioritize(Ask, tag=True):
    run: str
    priority: int


class Signal(Ask, tag=True):
    run: str
    name: str
    data: Any = None
    key: str = ""
    id: str = ""
    by: str = ""


class Approve(Ask, tag=True):
    run: str
    decision: str
    path: str = ""
    by: str = ""
    comment: str = ""
    data: Any = None


class Resolve(Ask, tag=True):
    run: str
    outcome: Literal["succeeded", "failed", "retry"]
    path: str = ""
    attempt: int = 0
    output: Any = None
    message: str = ""
    by: str = ""


class Pause(Ask, tag=True):
    run: str
    by: str = ""
    reason: str = ""


class Resume(Ask, tag=True):
    run: str
    by: str = ""
    variables: dict[str, Any] = {}


class Cancel(Ask, tag=True):
    run: str
    by: str = ""
    reason: str = ""
    undo: bool = False
    force: bool = False


class Release(Ask, tag=True):
    run: str
    by: str = ""


class Publish(Ask, tag=True):
    type: str
    data: Any = None
    id: str = ""


class Retry(Ask, tag=True):
    """Start a new run that goes on where this one failed, or begins again at a step, with changed outputs."""

    run: str
    kind: Literal["retry", "fork"] = "retry"
    start_at: str = ""
    changes: dict[str, Any] = {}
    again: bool = False
    version: Version | None = None
    by: str = ""


class Move(Ask, tag=True, kw_only=True):
    """Let a run go on as another one, which lives by this version of its workflow."""

    run: str
    made: str = ""
    version: Version
    steps: dict[str, str] = {}
    drop: list[str] = []
    by: str = ""
    reason: str = ""


class CheckMove(Ask, tag=True, kw_only=True):
    """What would become of each step if a run went on by this version?"""

    run: str
    version: Version
    steps: dict[str, str] = {}
    drop: list[str] = []


class Wait(Ask, tag=True):
    run: str


class Subscribe(Ask, tag=True):
    run: str
    after: int = 0


class ListRuns(Ask, tag=True):
    workspace: str = "default"
    states: tuple[str, ...] = ()
    workflow: str = ""
    parent: str | None = None
    before: str = ""
    limit: int = 50


class Find(Ask, tag=True):
    name: str
    workspace: str | None = None


class Journal(Ask, tag=True):
    run: str
    after: int = 0


class Logs(Ask, tag=True):
    run: str
    path: str | None = None
    limit: int = 1000
    after: int = 0


class GetVersion(Ask, tag=True):
    hash: str


class GetStatus(Ask, tag=True):
    """How does the process stand?"""


class Drain(Ask, tag=True):
    """Leave in good order."""


class CopyStore(Ask, tag=True):
    """Write a copy of the store into this new file."""

    file: str


class ReleaseHold(Ask, tag=True):
    """Let go on what is held since a restore."""


class Prune(Ask, tag=True):
    """Delete the runs that ended more than so many seconds ago, or only count them."""

    older_than: float
    is_dry: bool = False


class EveryRun(Ask, tag=True):
    after: str = ""
    limit: int = 1000


class Results(Ask, tag=True):
    run: str


class CountUnfinished(Ask, tag=True):
    pass


class CountRuns(Ask, tag=True):
    window: RunWindow


class NewestOf(Ask, tag=True):
    window: RunWindow
    limit: int


class RunsOf(Ask, tag=True):
    stretch: RunStretch


class LinesOf(Ask, tag=True):
    runs: list[str]
    after: LinePlace | None
    oldest_first: bool
    limit: int


FactAsk: TypeAlias = Signal | Approve | Resolve | Pause | Resume | Cancel | Release
"""What is asked of one run and becomes a fact of it."""
RunAsk: TypeAlias = FactAsk | Prioritize | Move
"""What is asked of one run, and is carried out by whoever leads it."""
StewardAsk: TypeAlias = GetStatus | Drain | CopyStore | ReleaseHold | Prune
InspectorAsk: TypeAlias = EveryRun | Results | CountUnfinished | CountRuns | NewestOf | RunsOf | LinesOf

AnyAsk: TypeAlias = (
    Start
    | Places
    | RunAsk
    | Publish
    | Retry
    | CheckMove
    | Wait
    | Subscribe
    | ListRuns
    | Find
    | Journal
    | Logs
    | GetVersion
    | StewardAsk
    | InspectorAsk
)


def to_line(ask: RunAsk) -> bytes:
    """Return an ask with its user data in the wire form."""
    return msgspec.json.encode(_with_data(ask, to_wire))


def from_line(line: bytes) -> RunAsk:
    """Return the ask that was written so."""
    ask: RunAsk = msgspec.json.decode(line, type=RunAsk)
    return _with_data(ask, from_wire)


def _with_data(ask: RunAsk, change: Callable[[Any], Any]) -> RunAsk:
    data = {name: change(getattr(ask, name)) for name in _DATA if hasattr(ask, name)}
    return msgspec.structs.replace(ask, **data)


_DATA = ("data", "output", "variables")
"""The fields that hold user data."""


class Told(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An error as it goes over the line."""

    code: str
    family: str
    message: str
    hint: str = ""


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line back."""

    number: int
    ok: msgspec.Raw = msgspec.Raw()
    change: msgspec.Raw = msgspec.Raw()
    error: Told | None = None


class _ShownChange(msgspec.Struct, kw_only=True, omit_defaults=True):
    run: str
    seq: int = 0
    fact: msgspec.Raw = msgspec.Raw()
    log: LogLine | None = None
    progress: Progress | None = None


FAMILIES: tuple[tuple[str, type[AuraError]], ...] = (
    ("user", UserError),
    ("operational", OperationalError),
    ("unexpected", UnexpectedError),
)


def encode_change(change: Change) -> bytes:
    """Return a change as it goes over the line."""
    fact = msgspec.Raw(encode_fact(change.fact)) if change.fact is not None else msgspec.Raw()
    log = change.log
    if log is not None:
        log = msgspec.structs.replace(log, fields=to_wire(log.fields))
    shown = _ShownChange(run=change.run, seq=change.seq, fact=fact, log=log, progress=change.progress)
    return msgspec.json.encode(shown)


def decode_change(line: bytes) -> Change:
    """Return the change that a line tells of."""
    shown = msgspec.json.decode(line, type=_ShownChange)
    fact = decode_fact(bytes(shown.fact)) if bytes(shown.fact) else None
    log = shown.log
    if log is not None:
        log = msgspec.structs.replace(log, fields=from_wire(log.fields))
    return Change(run=shown.run, seq=shown.seq, fact=fact, log=log, progress=shown.progress)


def tell(error: AuraError) -> Told:
    """Return an error as it goes over the line."""
    family = next((name for name, kind in FAMILIES if isinstance(error, kind)), "unexpected")
    return Told(code=error.code, family=family, message=error.message, hint=error.hint)


def heard(told: Told) -> AuraError:
    """Return the error that came over the line, of the same family and with the same code."""
    family = dict(FAMILIES).get(told.family, UnexpectedError)
    kind: type[AuraError] = type(family.__name__, (family,), {"code": told.code})
    return kind(told.message, hint=told.hint)
