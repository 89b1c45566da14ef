"""Commands: what the machine wishes from its runtime. They are released only after the facts before them are durable."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.run.facts import Page, Result, StepError, TakenOver
from auraos.core.values import Value


class QueueStep(msgspec.Struct, frozen=True):
    """An activation wants a slot. When there is one, answer with the nudge `SlotOpened(path)`."""

    path: str
    type: str
    pool: str = ""
    """What it takes of pools, as `erp` or `cpu:2 erp`; empty for none."""
    priority: int = 5
    effect: str = ""


class Cached(msgspec.Struct, frozen=True):
    """The output of an attempt may be one that an earlier attempt brought under this key, and is kept for so many seconds."""

    key: str
    ttl: float


class ExecuteStep(msgspec.Struct, frozen=True):
    """Carry out one attempt, and answer with StepSucceeded, StepFailed or StepUnknown for this path and attempt.

    `timeout` is in seconds, on the monotonic clock; when it runs out the attempt failed as `timeout` if nothing was sent
    or the effect may repeat, else its outcome is unknown.
    """

    path: str
    attempt: int
    type: str
    version: int
    key: str
    effect: str
    parameters: Any
    timeout: float | None
    granted_at: int
    purpose: Literal["step", "undo", "verify"] = "step"
    cache: Cached | None = None


class Compute(msgspec.Struct, frozen=True):
    """Evaluate this off the loop, for it is too large for inside; answer with the fact `Computed([evaluate()])`."""

    path: str
    evaluate: Callable[[], Result]


class Continue(msgspec.Struct, frozen=True):
    """There is more to do, but others shall have their turn: commit, then answer with the nudge `Continued`."""


class StartTimer(msgspec.Struct, frozen=True):
    """Answer with TimerFired(path, timer) at `due` (microseconds since 1970)."""

    path: str
    timer: str
    due: int


class StopTimer(msgspec.Struct, frozen=True):
    """This timer is no longer wanted."""

    path: str
    timer: str


class CancelStep(msgspec.Struct, frozen=True):
    """Stop this attempt, kindly and then by force after the grace; answer with what became of it."""

    path: str
    attempt: int


class StartChild(msgspec.Struct, frozen=True):
    """Start a called run (or a page of a loop) and, if `wait`, answer with ChildFinished."""

    path: str
    run: str
    workflow: str
    version: str
    input: Value
    wait: bool = True
    page: Page | None = None
    kind: Literal["call", "page", "failure"] = "call"
    takes_over: TakenOver | None = None
    """An earlier run in its place: begin with what that one did, as far as it got the same input."""
    key: str = ""
    """Start it only if no run has this key, whose id this is; else let the caller hear of the one that has it."""


class CancelChild(msgspec.Struct, frozen=True):
    """Cancel a called run, undoing it where asked for; it still answers with ChildFinished."""

    run: str
    undo: bool = False
    force: bool = False


class Subscribe(msgspec.Struct, frozen=True):
    """Bring events of this type (and since then) as EventReceived."""

    path: str
    type: str
    since: int | None = None


class Unsubscribe(msgspec.Struct, frozen=True):
    """Events of this type are no longer wanted by this step."""

    path: str
    type: str


class AskPerson(msgspec.Struct, frozen=True):
    """Somebody is to answer: an approval, an outcome that nobody knows, an undo that kept failing. `again`: a reminder."""

    path: str
    about: Literal["approval", "uncertain", "undo", "forced"]
    details: Value = None
    error: StepError | None = None
    again: bool = False
    attempt: int = 0
    """Of the doubt: an answer that names it counts for this attempt alone."""


class Withdraw(msgspec.Struct, frozen=True):
    """What a person was asked needs no answer any more."""

    path: str


class AwaitAdmission(msgspec.Struct, frozen=True):
    """The run stands before its gates; answer with RunAdmitted or RunRefused when it is known which."""


class EndGathered(msgspec.Struct, frozen=True):
    """The input of this run, which still stands before its gates, is carried along by the one that says so: refuse it."""

    run: str
    message: str


class EndRun(msgspec.Struct, frozen=True):
    """The run is final; tell whoever waits for it."""

    state: str
    output: Value = None
    error: StepError | None = None


Command: TypeAlias = (
    QueueStep
    | ExecuteStep
    | Compute
    | Continue
    | StartTimer
    | StopTimer
    | CancelStep
    | StartChild
    | CancelChild
    | Subscribe
    | Unsubscribe
    | AskPerson
    | Withdraw
    | AwaitAdmission
    | EndGathered
    | EndRun
)


class SlotOpened(msgspec.Struct, frozen=True):
    """A nudge, no fact: the activation of this path got its slot."""

    path: str
    at: int


class Continued(msgspec.Struct, frozen=True):
    """A nudge, no fact: go on where the budget ended."""

    at: int


Nudge: TypeAlias = SlotOpened | Continued
