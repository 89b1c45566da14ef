"""A hand to drive the run machine with: workflows as text, a witness for effects, virtual time."""

from importlib.metadata import entry_points
from typing import Any

from auraos.core.catalogue import Catalogue, Effect, StepType
from auraos.core.document import read_document
from auraos.core.graph import read_workflow
from auraos.core.run import (
    Program,
    RunState,
    advance,
    compile_workflow,
    decode_fact,
    encode_fact,
    explain,
    fold,
    inherit,
    outstanding,
    restore,
    snapshot,
)
from auraos.core.run.commands import (
    CancelStep,
    Compute,
    Continue,
    Continued,
    ExecuteStep,
    QueueStep,
    SlotOpened,
    StartChild,
    StartTimer,
    StopTimer,
)
from auraos.core.run.facts import (
    Answered,
    CancelRequested,
    ChildFinished,
    Computed,
    EventReceived,
    Parent,
    RunReleased,
    RunResumed,
    RunStarted,
    SignalReceived,
    StepError,
    StepFailed,
    StepResolved,
    StepSucceeded,
    StepUnknown,
    TimerFired,
)

SECOND = 1_000_000


async def _never(settings: dict[str, Any], context: Any) -> None:
    raise AssertionError("the tests carry steps out themselves")


def make_catalogue() -> Catalogue:
    """Return the installed step types and `act`, whose effect and ports its settings say."""
    types = [entry.load() for entry in entry_points(group="auraos.steps")]
    types.append(
        StepType(
            name="act",
            title="Act",
            summary="Stands for any step with an effect.",
            effect=lambda settings: Effect(settings.get("effect", "write")),
            ports=lambda settings: tuple(settings.get("ports", ["out"])),
            execute=_never,
        )
    )
    return Catalogue(types)


CATALOGUE = make_catalogue()


def read_program(text: str, version: str = "v1") -> Program:
    """Return the program of a workflow that is written without its envelope."""
    if not text.lstrip().startswith("kind:"):
        text = "kind: workflow\nname: tested\nspec:\n" + "\n".join("  " + line for line in text.splitlines())
    document, problems = read_document(text, {"workflow"})
    assert document is not None, problems
    workflow, problems = read_workflow(document, CATALOGUE)
    assert workflow is not None, [(p.code, p.message, p.path) for p in problems]
    return compile_workflow(workflow, CATALOGUE, version=version)


class Hand:
    """Drives one run: opens slots at once, keeps the journal, the open attempts, the timers and the called runs."""

    def __init__(
        self, text: str, given: Any = None, *, programs: dict[str, Program] | None = None, **started: Any
    ) -> None:
        self.program = read_program(text) if isinstance(text, str) else text
        self.programs = programs or {}
        self.state = RunState(self.program)
        self.journal: list[Any] = []
        self.settled: list[tuple[str, str]] = []
        self.open: dict[str, ExecuteStep] = {}
        self.executed: list[ExecuteStep] = []
        self.cancelled: list[str] = []
        self.timers: dict[tuple[str, str], int] = {}
        self.children: dict[str, Hand] = {}
        self.all_children: dict[str, Hand] = {}
        self.asked: list[Any] = []
        self.commands: list[Any] = []
        self.now = started.pop("began", 1_000 * SECOND)
        values = {"run": "run-1", "workflow": "tested", "version": "v1", "number": 1, **started}
        self.tell(RunStarted(at=self.now, input=given, **values))

    def tell(self, fact: Any) -> "Hand":
        made = advance(self.program, self.state, fact)
        self.take(made)
        return self

    def take(self, made: Any) -> None:
        self.journal += made.facts
        self.settled += made.settled
        for command in made.commands:
            self.commands.append(command)
            self._obey(command)

    def _obey(self, command: Any) -> None:
        match command:
            case QueueStep():
                self.take(advance(self.program, self.state, SlotOpened(command.path, self.now)))
            case Continue():
                self.take(advance(self.program, self.state, Continued(self.now)))
            case ExecuteStep():
                self.open[command.path] = command
                self.executed.append(command)
            case CancelStep():
                self.cancelled.append(command.path)
            case StartTimer():
                self.timers[command.path, command.timer] = command.due
            case StopTimer():
                self.timers.pop((command.path, command.timer), None)
            case Compute():
                self.tell(Computed(at=self.now, results=[command.evaluate()]))
            case StartChild():
                self._start(command)
            case _:
                self.asked.append(command)

    def _start(self, command: StartChild) -> None:
        program = self.program if command.page is not None else self.programs[command.workflow]
        origin, taken = (self.state.origin if command.page is not None else ""), ()
        earlier = self.all_children.get(command.takes_over.run) if command.takes_over is not None else None
        if command.takes_over is not None and earlier is not None:
            taken = inherit(program, earlier.journal, undone=command.takes_over.undone)
            origin = earlier.state.origin
        child = Hand(
            program,
            command.input,
            programs=self.programs,
            run=command.run,
            workflow=command.workflow,
            parent=Parent(
                run=self.state.run, kind=command.kind, path=command.path, takes_over=command.takes_over
            ),
            origin=origin,
            inherited=taken,
            page=command.page,
            depth=self.state.depth + 1,
        )
        self.children[command.run] = self.all_children[command.run] = child
        child.number = None if command.page is None else command.page.number
        child.path, child.is_shared = command.path, bool(command.key)
        if command.wait:
            self.collect(child)
        elif command.key:
            self.tell(ChildFinished(at=self.now, path=command.path, run=command.run, state="succeeded"))

    def collect(self, child: "Hand") -> None:
        """Tell this run that a called one is over, if it is."""
        state = child.state
        if state.is_final:
            self.tell(
                ChildFinished(
                    at=self.now,
                    path=child.path,
                    run=state.run,
                    state=state.status,
                    output=state.output,
                    error=state.error,
                    undo=() if child.is_shared else state.undo_entries(),
                    page=child.number,
                )
            )

    def succeed(self, path: str, output: Any = None, ports: tuple[str, ...] = ("out",)) -> "Hand":
        command = self.open.pop(path)
        return self.tell(
            StepSucceeded(at=self.now, path=path, attempt=command.attempt, output=output, ports=ports)
        )

    def fail(self, path: str, class_: str = "permanent", code: str = "broken", **more: Any) -> "Hand":
        command = self.open.pop(path)
        error = StepError(class_=class_, code=code, message=f"{path} broke", path=path, **more)
        return self.tell(StepFailed(at=self.now, path=path, attempt=command.attempt, error=error))

    def doubt(self, path: str, *, lost: bool = False) -> "Hand":
        command = self.open.pop(path)
        error = StepError(class_="unknown", code="no-answer", message="no answer came", path=path)
        return self.tell(StepUnknown(at=self.now, path=path, attempt=command.attempt, error=error, lost=lost))

    def wait(self, seconds: float) -> "Hand":
        """Let time pass; timers that come due fire in order."""
        until = self.now + int(seconds * SECOND)
        while due := sorted((at, key) for key, at in self.timers.items() if at <= until):
            at, (path, timer) = due[0]
            del self.timers[path, timer]
            self.now = max(self.now, at)
            self.tell(TimerFired(at=self.now, path=path, timer=timer))
        self.now = until
        return self

    def signal(self, name: str, data: Any = None, key: str = "", sent_as: str = "") -> "Hand":
        return self.tell(SignalReceived(at=self.now, name=name, key=key, data=data, id=sent_as))

    def answer(self, path: str, decision: str, by: str = "ann") -> "Hand":
        return self.tell(Answered(at=self.now, path=path, decision=decision, by=by))

    def resolve(self, path: str, outcome: Any, output: Any = None) -> "Hand":
        return self.tell(StepResolved(at=self.now, path=path, outcome=outcome, output=output, by="ann"))

    def cancel(self, **how: Any) -> "Hand":
        return self.tell(CancelRequested(at=self.now, **how))

    def how(self, path: str) -> str:
        """Return how a path settled, the last time it did."""
        return dict(self.settled).get(path, "")

    @property
    def status(self) -> str:
        return self.state.status

    @property
    def order(self) -> list[str]:
        return [path for path, how in self.settled if how not in ("skipped", "cancelled")]

    @classmethod
    def resume(
        cls, program: Program, journal: list[Any], programs: dict[str, Program] | None = None
    ) -> "Hand":
        """Go on with a run as a process does that finds its journal: attempts that were under way are lost."""
        self = cls.__new__(cls)
        self.program, self.programs, self.state = program, programs or {}, fold(program, journal)
        self.journal, self.settled, self.open, self.executed = list(journal), [], {}, []
        self.cancelled, self.timers, self.children, self.asked, self.commands = [], {}, {}, [], []
        self.all_children = {}
        self.now = self.state.last_at
        lost = self.state.attempts_in_flight()
        for command in outstanding(self.state):
            self.commands.append(command)
            self._obey(command)
        for path, attempt, _ in lost:
            error = StepError(class_="unknown", code="process-lost", message="the process ended", path=path)
            self.tell(StepUnknown(at=self.now, path=path, attempt=attempt, error=error, lost=True))
        return self

    def finish(self) -> "Hand":
        """Bring the run to its end: what is open succeeds, who is asked says yes, what is waited for comes."""
        for _ in range(1_000):
            state = self.state
            if state.is_final:
                return self
            if state.status in ("paused", "quarantined"):
                fact = RunResumed if state.status == "paused" else RunReleased
                self.tell(fact(at=self.now))
            elif self.open:
                self.succeed(next(iter(self.open)), {"done": True})
            elif self.children:
                child = self.children.popitem()[1].finish()
                self.collect(child)
            else:
                self._bring_what_is_waited_for()
        raise AssertionError(f"the run does not end: {explain(self.state)}")

    def _bring_what_is_waited_for(self) -> None:
        for activation in list(self.state.activations.values()):
            path, name = activation.path, activation.wait_name
            if activation.status == "asked":
                self.tell(StepResolved(at=self.now, path=path, outcome="succeeded", by="ann"))
            elif activation.wait_kind == "signal":
                self.signal(name, "data", key=activation.wait_key)
            elif activation.wait_kind == "event":
                self.tell(
                    EventReceived(
                        at=self.now,
                        id=f"event {len(self.journal)} of {path}",
                        type=name,
                        event={"key": activation.wait_key, "sku": "A"},
                    )
                )
            elif activation.wait_kind == "approval":
                self.answer(path, "approved")
            else:
                continue
            return
        self.wait(1_000_000)

    def check_replay(self) -> "Hand":
        """Folding the journal, stored and read back, must give the state again; so must a snapshot."""
        journal = [decode_fact(encode_fact(fact)) for fact in self.journal]
        assert journal == self.journal
        live = snapshot(self.state)
        assert snapshot(fold(self.program, journal)) == live
        assert snapshot(restore(self.program, live)) == live
        return self
