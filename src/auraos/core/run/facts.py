"""Facts: what happened to a run, in the past tense. The journal of a run is its facts in order, and its only truth.

Facts of the first group come from outside (a start, a result, a timer, a person). Facts of the second group are what the
machine decided when it heard them: they hold everything that had to be evaluated, so folding a journal evaluates nothing.
Each is a tagged map with a version; a field may be added with a default, a reshaping keeps an upcaster for ever.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.gate import Gate
from auraos.core.run.parts import Caller, Keyed
from auraos.core.run.parts import Inherited as Inherited  # noqa: PLC0414 (part of a fact, found where facts are)
from auraos.core.run.parts import Page as Page  # noqa: PLC0414 (part of a fact, found where facts are)
from auraos.core.run.parts import Parent as Parent  # noqa: PLC0414 (part of a fact, found where facts are)
from auraos.core.run.parts import StepError as StepError  # noqa: PLC0414 (part of a fact, found where facts are)
from auraos.core.run.parts import TakenOver as TakenOver  # noqa: PLC0414 (part of a fact, found where facts are)
from auraos.core.run.parts import UndoEntry as UndoEntry  # noqa: PLC0414 (part of a fact, found where facts are)
from auraos.core.values import Value

SEMANTICS = 2
"""The rules of the machine that this release writes; `RunStarted.semantics` selects the rules a run lives by.

1: containers, calls and waits are not tried again. 2: they are, by their `retry`.
"""


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact", omit_defaults=True):
    """The base of all facts. `at` is microseconds since 1970, never before the fact before it; `v` the fact's version."""

    at: int
    v: int = 1


# --- what came from outside -------------------------------------------------------------------------------------------


class RunStarted(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run was accepted: which version of which workflow, with what, by whom, from where."""

    run: str
    workflow: str
    version: str
    number: int = 0
    workspace: str = "default"
    semantics: int = 1
    input: Value = None
    variables: dict[str, Any] = {}
    trigger: Value = None
    by: str = ""
    origin: str = ""
    """The first run of a family of retries and forks: idempotency keys are made of it. Empty: this run itself."""
    parent: Parent | None = None
    depth: int = 0
    inherited: tuple[Inherited, ...] = ()
    resolved: dict[str, str] = {}
    """Called workflows by name → the version that was published when the run started."""
    page: Page | None = None
    gates: tuple[Gate, ...] = ()
    """What it passes before it begins; it is queued until then."""
    keyed: Keyed | None = None
    trial: bool = False
    """Somebody tries a workflow out: the run has no number, stands before no gate, and nobody hears of its failure."""
    trace: str = ""
    """Where it belongs in a trace, as `traceparent` says it; nothing where nobody traced when it began."""
    moved: "Carried | None" = None
    """It goes on in the place of a run that lived by another version; what it knows of that one beside its steps."""


class RunAdmitted(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run was let through its gates. A batch brings the inputs of all the runs that were gathered into this one."""

    input: Value = None
    gathered: tuple[str, ...] = ()
    """The runs whose inputs these are, in their order, this one among them; empty where nothing was gathered."""


class RunRefused(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run is not to begin: a setting of its workflow does not allow it, or another run has taken its place."""

    outcome: Literal["cancelled", "failed"]
    code: str
    message: str


class StepSucceeded(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """An attempt brought its output; of a step that chooses, also the live ports."""

    path: str
    attempt: int = 1
    output: Value = None
    ports: tuple[str, ...] = ("out",)
    cached: bool = False
    """The output was brought earlier, by an attempt with the same cache key; nothing was carried out."""


class StepFailed(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """An attempt failed, certainly without effect."""

    path: str
    attempt: int = 1
    error: StepError


class StepUnknown(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """An attempt may or may not have had its effect. `lost`: its process died; then it does not count as an attempt."""

    path: str
    attempt: int = 1
    error: StepError
    lost: bool = False


class StepResolved(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A person said what became of an attempt of unknown outcome (or of an undo that kept failing)."""

    path: str
    outcome: Literal["succeeded", "failed", "retry"]
    attempt: int = 0
    """The attempt that was asked about; 0: whichever it is. An answer about an earlier one changes nothing."""
    output: Value = None
    message: str = ""
    by: str = ""


class TimerFired(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A timer came due."""

    path: str
    timer: str


class SignalReceived(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A signal came into the run's mailbox. `id` makes sending it again harmless."""

    name: str
    key: str = ""
    data: Value = None
    id: str = ""
    by: str = ""


class EventReceived(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """An event that a wait of this run subscribed to came in."""

    id: str
    type: str
    event: Value = None


class Answered(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A person answered what a step asked."""

    path: str
    decision: str
    by: str = ""
    comment: str = ""
    data: Value = None


class ChildFinished(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A called run, or a page of a loop, came to its end."""

    path: str
    run: str
    state: str
    output: Value = None
    error: StepError | None = None
    undo: tuple[UndoEntry, ...] = ()
    page: int | None = None


class CallJoined(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Another run called this one under its key, and awaits its end too."""

    caller: Caller


class RunPaused(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Nothing new starts from here on."""

    by: str = ""
    reason: str = ""


class RunResumed(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run goes on, perhaps with changed variables."""

    by: str = ""
    variables: dict[str, Any] = {}


class CancelRequested(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run is to end: `finally` still runs, undo only where asked for; `force` ends it as it stands."""

    by: str = ""
    reason: str = ""
    undo: bool = False
    force: bool = False


class RunMoved(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run is over here and goes on as another one, which lives by another version of its workflow. Nothing of it is
    undone, and nobody hears of an end.
    """

    run: str
    """The one that goes on."""
    version: str
    steps: dict[str, str] = {}
    """Steps that have another path there: the path here → the path there."""
    by: str = ""
    reason: str = ""
    gates: tuple[Gate, ...] = ()
    """Those within which the other one takes the place of this one."""


class RunQuarantined(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run was set apart because it broke the engine again and again; a person releases or cancels it."""

    reason: str


class RunReleased(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A person let a quarantined run go on."""

    by: str = ""


# --- what the machine decided -----------------------------------------------------------------------------------------


class Result(msgspec.Struct, frozen=True, array_like=True):
    """What evaluating one step gave: its path, output and live ports, or an error; `undo` where one was prepared."""

    path: str
    output: Value = None
    ports: tuple[str, ...] = ("out",)
    error: StepError | None = None


class Computed(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Pure steps were evaluated, one after the other."""

    results: list[Result]


class StepGranted(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """An attempt got its slot. The first one holds the parameters, which all later ones use again."""

    path: str
    attempt: int = 1
    key: str = ""
    effect: str = ""
    generation: int = 0
    parameters: Value = None
    purpose: Literal["step", "undo", "verify"] = "step"
    type: str = ""
    deadline: int | None = None
    cache_key: str = ""
    """Under which its output may be used again; empty for a step without `cache`."""


class RetryPlanned(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Another attempt follows when the time has come."""

    path: str
    attempt: int
    due: int


class DoubtRaised(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """An attempt's outcome is not known and repeating it could do harm: it is verified, or a person is asked."""

    path: str
    attempt: int
    way: Literal["verify", "ask"]
    error: StepError
    parameters: Value = None
    """Of the verifying step, where there is one."""


class StepSettled(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A step came to its end in a way that a bare result does not say: checked, given up, verified, undone, or by fallback."""

    path: str
    output: Value = None
    ports: tuple[str, ...] = ("out",)
    error: StepError | None = None
    undo: UndoEntry | None = None
    by_fallback: bool = False
    accepted: bool = False
    """The output and ports of the attempt's own success stand; they are not written twice."""


class LoopEntered(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A `foreach` was entered with these items; `keys` name them in paths, where the step has a `key`."""

    path: str
    items: list[Any]
    keys: list[str] = []
    parallel: int = 1


class RoundDecided(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A `while` goes on with another round, or is over."""

    path: str
    go_on: bool


class WaitStarted(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A step waits: for a time, a signal, an event, a person, or a called run."""

    path: str
    kind: Literal["timer", "signal", "event", "approval", "call"]
    due: int | None = None
    name: str = ""
    key: str = ""
    since: int | None = None
    remind: int | None = None
    details: Value = None
    run: str = ""


class EventTaken(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """A wait took an event; `path` empty: no wait wanted it."""

    path: str
    id: str


class RunFinished(Fact, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The run came to its end. It never reopens."""

    state: Literal["succeeded", "failed", "cancelled", "compensated", "moved"]
    output: Value = None
    error: StepError | None = None


class Carried(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run that goes on in the place of another one knows of it beside its steps."""

    begun_at: int = 0
    """Since when the limit of time of the whole run counts."""
    paused: bool = False
    reason: str = ""
    """Why it is paused."""
    signals: tuple[SignalReceived, ...] = ()
    """Those that no wait has taken."""
    signal_ids: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()


OutsideFact: TypeAlias = (
    RunStarted | RunAdmitted | RunRefused | StepSucceeded | StepFailed | StepUnknown | StepResolved | TimerFired
    | SignalReceived | EventReceived | Answered | ChildFinished | CallJoined | RunPaused | RunResumed | CancelRequested
    | RunMoved | RunQuarantined | RunReleased
)  # fmt: skip
DecidedFact: TypeAlias = (
    Computed
    | StepGranted
    | RetryPlanned
    | DoubtRaised
    | StepSettled
    | LoopEntered
    | RoundDecided
    | WaitStarted
    | EventTaken
    | RunFinished
)
AnyFact: TypeAlias = OutsideFact | DecidedFact
