"""The state of a run: what folding its journal gives. Only the machine changes it; everybody else reads it through `view`."""

from collections import OrderedDict, deque
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, cast

from auraos.core.catalogue import Behaviour
from auraos.core.gate import Gate
from auraos.core.run.facts import (
    Answered,
    Inherited,
    Page,
    Parent,
    Result,
    RunMoved,
    SignalReceived,
    StepError,
    UndoEntry,
)
from auraos.core.run.parts import Caller, Keyed
from auraos.core.run.program import Program, ScopeProgram, StepProgram
from auraos.core.values import Value

UNDECIDED, FIRED, DONE, SKIPPED, FAILED = range(5)
FINAL = frozenset({"succeeded", "failed", "cancelled", "compensated", "moved"})
MAILBOX_BOUND = 1_000


class Frame:
    """One instance of a scope: its tokens, its names, and what is under way in it."""

    __slots__ = (
        "active", "awaited", "errors", "failing", "failure", "item_index", "left", "live", "live_ports", "loop_names", "outputs",
        "owner", "phase", "prefix", "running", "scope", "section", "statuses", "undo", "undo_wanted", "values",
    )  # fmt: skip

    def __init__(
        self, scope: ScopeProgram, prefix: str, owner: "Activation | None", values: dict[str, Any]
    ) -> None:
        count = len(scope.steps)
        self.scope = scope
        self.prefix = prefix
        self.owner = owner
        self.section = scope.section
        self.values = values
        self.outputs: dict[str, Value] = values["steps"]
        self.errors: dict[str, Any] = values["errors"]
        self.awaited = scope.awaited.copy()
        self.live = [0] * count
        self.statuses = [UNDECIDED] * count
        self.left = count
        self.running = 0
        self.active: dict[str, Activation] = {}
        self.undo: list[UndoEntry] = []
        self.failing: str = ""
        """Empty, or how the scope is ending before its time: failed, cancelled, stopped."""
        self.phase = "open"
        """open, winding (nothing new starts), undoing, over"""
        self.failure: StepError | None = None
        self.undo_wanted = True
        self.item_index = 0
        self.loop_names: dict[str, Any] = {}
        """The names item, index and last as this scope has them, where a loop is around it."""
        self.live_ports: dict[str, Sequence[str]] = {}
        """At which ports steps went on, of those only that lead to a step with `join: collect`."""

    def arrived(self, step: StepProgram) -> list[Value]:
        """Return what the live links brought to a step that collects, in the order of the links in the file."""
        return [
            {
                "step": source.id,
                "port": port,
                "output": (self.errors if port == "error" else self.outputs).get(source.id),
            }
            for source, port in step.arrivals
            if port in self.live_ports.get(source.id, ())
        ]

    @property
    def name(self) -> str:
        """Return what tells this frame from all others of its run."""
        return f"{self.prefix}:{self.section}"


class Activation:
    """One step under way in one frame: queued, attempted, waiting, or a container with frames of its own.

    Most of them are attempts that need few of the fields, so what all begin with stands in the class.
    """

    purpose: Literal["step", "undo", "verify"] = "step"
    attempt = 0
    """Of a container, a call and a wait: how many tries of it have failed."""
    before = 0
    """How many attempts there were in earlier tries of a scope around it: their numbers go on."""
    generation = 0
    lost = 0
    key = ""
    parameters: Value = None
    granted_at = 0
    deadline: int | None = None
    ends_by: int | None = None
    """When all tries of a container, a call or a wait must have ended; `deadline` is that of the present one."""
    error: StepError | None = None
    unknown = False
    doubtful = False
    """Some attempt may have had its effect; only a success, a verification or a person ends that."""
    verified = False
    pending: tuple[Value, tuple[str, ...]] | None = None
    cancelled = False
    entry: UndoEntry | None = None
    undo_owner: "Frame | Activation | None" = None
    # waits
    wait_kind = ""
    wait_name = ""
    wait_key = ""
    wait_due: int | None = None
    wait_details: Value = None
    remind: int | None = None
    child = ""
    # containers
    next_item = 0
    parallel = 1
    done = 0
    rounds = 0
    pages = 0
    last: Value = None
    has_enough = False
    winner = ""
    finally_begun = False
    undone = False
    frames: "dict[str, Frame]" = cast("dict[str, Frame]", MappingProxyType({}))
    items: list[Any] = cast("list[Any]", ())
    keys: list[str] = cast("list[str]", ())
    results: list[Any] = cast("list[Any]", ())
    failures: list[Any] = cast("list[Any]", ())
    finished: list[int] = cast("list[int]", ())
    undo: list[UndoEntry] = cast("list[UndoEntry]", ())

    @property
    def is_shared(self) -> bool:
        """Return whether it calls a run that others may await too: that run goes on when this caller is gone."""
        return type(self.wait_details) is dict and "key" in self.wait_details and bool(self.child)

    def __init__(self, path: str, frame: Frame, step: StepProgram, status: str, since: int) -> None:
        self.path = path
        self.frame = frame
        self.step = step
        self.effect = step.effect
        self.status = status
        """queued, granted, retrying, deciding, doubt, asked, computing, waiting, calling, open, undoing, ended"""
        self.since = since
        if step.behaviour is not Behaviour.EXECUTE:
            self.frames = {}
            self.items, self.keys, self.results = [], [], []
            self.failures, self.finished, self.undo = [], [], []


Agenda: TypeAlias = "OrderedDict[str, tuple[str, Any, Any]]"


class RunState:
    """All that a run knows of itself."""

    keyed: Keyed | None = None
    trace: str = ""
    """Where it belongs in a trace."""
    trial: bool = False
    """Whether it only tries its workflow out."""
    callers: tuple[Caller, ...] = ()
    """Who awaits the end of a run with a key."""
    moved: RunMoved | None = None
    """Which run goes on in its place."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.run = ""
        self.number = 0
        self.workspace = "default"
        self.origin = ""
        self.depth = 0
        self.parent: Parent | None = None
        self.resolved: dict[str, str] = {}
        self.input: Value = None
        self.variables: dict[str, Any] = {}
        self.semantics = 1
        self.started_at = 0
        self.last_at = 0
        self.phase = "queued"
        """queued, running, paused, quarantined, or a final state; `status` says it in full."""
        self.quarantine = ""
        self.pause_reason = ""
        self.gates: tuple[Gate, ...] = ()
        self.is_admitted = True
        """False while it stands before its gates."""
        self.begun_at = 0
        """When its first steps began; 0 while they have not."""
        self.was_paused = False
        self.forced = False
        self.output: Value = None
        self.stop_output: Value = None
        self.error: StepError | None = None
        self.root: Frame | None = None
        self.page: Page | None = None
        self.activations: dict[str, Activation] = {}
        self.agenda: Agenda = OrderedDict()
        self.inherited: dict[str, Inherited] = {}
        """By path: what the step takes over, of an earlier run or of the try before."""
        self.tried: dict[str, int] = {}
        """By path, within scopes that may be tried again: how many attempts there were."""
        self.mailbox: dict[tuple[str, str], deque[SignalReceived]] = {}
        self.mailbox_size = 0
        self.signal_ids: set[str] = set()
        self.event_ids: set[str] = set()
        self.answers: dict[str, Answered] = {}
        self.undo_queues: dict[str, list[UndoEntry]] = {}
        self.undone = 0
        self.undo_failed = 0
        self.fired = 0

    @property
    def is_final(self) -> bool:
        """Return whether the run has come to its end."""
        return self.phase in FINAL

    @property
    def took_place(self) -> bool:
        """Return whether it goes on in the place of another run: it has passed the gates that this one had passed."""
        return self.parent is not None and self.parent.kind == "move"

    @property
    def status(self) -> str:
        """Return the state of the run in one word of the language."""
        if self.phase != "running":
            return self.phase
        root = self.root
        if root is not None and root.failing and root.failing != "stopped":
            return "cancelling" if root.failing == "cancelled" and not self.undo_queues else "compensating"
        if self.undo_queues:
            return "compensating"
        if self.agenda:
            return "running"
        for activation in self.activations.values():
            if activation.status in MOVING:
                return "running"
        return "waiting"

    def attempts_in_flight(self) -> list[tuple[str, int, str]]:
        """Return the attempts that were granted and have no result: (path, attempt, effect)."""
        return [
            (act.path, act.attempt, str(act.effect))
            for act in self.activations.values()
            if act.status == "granted"
        ]

    def undo_entries(self) -> tuple[UndoEntry, ...]:
        """Return how to take back what this run did, for the run that called it."""
        return tuple(self.root.undo) if self.root is not None and self.phase == "succeeded" else ()


MOVING = frozenset({"queued", "granted", "deciding", "computing"})

__all__ = [
    "DONE",
    "FAILED",
    "FINAL",
    "FIRED",
    "MAILBOX_BOUND",
    "SKIPPED",
    "UNDECIDED",
    "Activation",
    "Frame",
    "Result",
    "RunState",
]
