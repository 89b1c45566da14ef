"""What facts are made of: errors, ways back, and what the first fact of a run says of where it comes from."""

from datetime import timedelta
from typing import Any, Literal

import msgspec

from auraos.core.values import Value
from auraos.core.workflow import Retry


class TakenOver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An earlier run of which a new one takes over what it did; `undone` names what was taken back from outside since."""

    run: str
    undone: tuple[str, ...] = ()


class UnderWay(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a step had come that another run goes on with: until when it waits, and what it goes over."""

    since: int = 0
    """0 where it was about to begin."""
    due: int | None = None
    deadline: int | None = None
    ends_by: int | None = None
    items: list[Any] | None = None
    """Of a `foreach`: what it was entered with."""
    keys: list[str] = []
    parallel: int = 1
    rounds: int = 0
    """Of a `while`: how many were begun."""


class StepError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"class_": "class"}):
    """Why something failed; the same shape in journals, expressions (`errors.<id>`) and answers."""

    class_: str
    code: str
    message: str
    step: str = ""
    path: str = ""
    attempt: int = 0
    at: int = 0
    hint: str = ""
    retry_after: float | None = None
    cause: "StepError | None" = None
    data: Any = None


class Inherited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a retried or forked run takes over for one path: an outcome, or what is known of something still open.

    Of an open effect whose outcome is not known, that is its key and parameters, so that it is not done twice; of a call
    and a long loop, the runs that carried them out.
    """

    path: str
    output: Value = None
    ports: tuple[str, ...] = ("out",)
    error: StepError | None = None
    undo: "UndoEntry | None" = None
    finished: bool = True
    generation: int = 0
    unknown: bool = False
    key: str = ""
    parameters: Value = None
    child: TakenOver | None = None
    pages: tuple[TakenOver, ...] = ()
    under_way: UnderWay | None = None


class UndoEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to take back one success, or, with `entries`, a unit of several (an iteration, a nested scope, a called run)."""

    path: str
    type: str = ""
    version: int = 1
    settings: dict[str, Any] = {}
    effect: str = ""
    key: str = ""
    generation: int = 0
    retry: Retry | None = None
    timeout: timedelta | None = None
    entries: tuple["UndoEntry", ...] = ()
    error: StepError | None = None
    """Why its settings could not be evaluated when there was still time; then a person is asked instead."""


class Parent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The run that this one comes from, where in it, and how."""

    run: str
    kind: Literal["call", "page", "retry", "fork", "failure", "move"]
    path: str = ""
    takes_over: TakenOver | None = None
    hearing: bool = False
    """It was started to hear of a failure, or one above it was: its own failure starts nobody, so no circle comes about."""
    awaiting: tuple[str, ...] = ()
    """The runs with a key above this one that do not end before it does."""


class Caller(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run that called another one under a key, where in it, and the shard it lives in."""

    run: str
    path: str
    shard: int = 0
    wants_end: bool = True
    """It awaits the end; else it only wants to hear that the run is there."""


class Keyed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run that is started once for its key: whoever calls it later under that key gets this run."""

    key: str
    """The value of the key, as JSON."""
    given: str
    """A hash of the input; the same key with another input is a mistake."""
    caller: Caller
    """The first one."""


class Page(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a long loop that an internal child run carries out under the parent's paths and keys."""

    path: str
    number: int
    first: int
    items: list[Any] = []
    keys: list[str] = []
    last: Value = None
    rounds: int = 0
    parallel: int = 1
    names: dict[str, Any] = {}
