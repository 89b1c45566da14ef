"""The world of a test case: a virtual clock, the run machine, and mocks in the place of everything outside.

There is no network, no store and no waiting: the clock jumps to whatever is due next. Runs that a workflow calls live in
the same world. The same case with the same seed gives the same course.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

import msgspec

from auraos.core.catalogue import Catalogue, Effect
from auraos.core.errors import UserError
from auraos.core.run import Program, RunState, StepMade, advance, compile_workflow, parent_of, static_path
from auraos.core.run.commands import (
    AskPerson,
    CancelChild,
    CancelStep,
    Command,
    Compute,
    Continue,
    Continued,
    EndRun,
    ExecuteStep,
    Nudge,
    QueueStep,
    SlotOpened,
    StartChild,
    StartTimer,
    StopTimer,
    Subscribe,
    Unsubscribe,
    Withdraw,
)
from auraos.core.run.facts import (
    AnyFact,
    CancelRequested,
    ChildFinished,
    Computed,
    LoopEntered,
    OutsideFact,
    Page,
    Result,
    RunStarted,
    StepError,
    TimerFired,
)
from auraos.core.values import Value, from_wire
from auraos.core.workflow import TestCase, Workflow
from auraos.engine.family import end_of, keyed_by
from auraos.engine.trial.agenda import Agenda
from auraos.engine.trial.attempts import (
    EPOCH,
    MICRO,
    Loop,
    PureSteps,
    cancelled_fact,
    find_outcome,
    item_of,
    moment,
    result_fact,
    timeout_fact,
    with_ports,
)
from auraos.engine.trial.calls import Calls
from auraos.engine.trial.inputs import take_input
from auraos.engine.trial.mocks import Call, MockError, Mocks
from auraos.engine.trial.outside import Outside
from auraos.engine.trial.playing import Playing

DEFAULT_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MOST_TURNS = 100_000


class EndlessError(MockError):
    """The case does not come to an end."""

    code = "endless-test"


class World:
    """Plays one case."""

    def __init__(
        self,
        case: TestCase,
        workflow: Workflow,
        catalogue: Catalogue,
        *,
        find_workflow: Callable[[str], Workflow | None],
        pure_steps: PureSteps | None = None,
        seed: int | None = None,
    ) -> None:
        self.case = case
        self.catalogue = catalogue
        self.find_workflow = find_workflow
        self.pure_steps = pure_steps
        self.mocks = Mocks(case.mocks)
        self.start = ((case.at or DEFAULT_START) - EPOCH) // MICRO
        self.agenda = Agenda(self.start, case.order, seed)
        self.settled: list[tuple[str, str]] = []
        self.facts: list[AnyFact] = []
        self.executed: list[tuple[str, ExecuteStep]] = []
        self.outputs: dict[str, Value] = {}
        self.programs: dict[str, tuple[str, Program]] = {}
        self.runs: dict[str, Playing] = {}
        self.outside = Outside(case, self.agenda, self.start, self.runs, self.advance)
        self.calls = Calls(self.agenda, self.runs, self.advance)
        self.root = self._make(workflow, "test", "")

    def play(self) -> RunState:
        """Play the case until nothing more happens, and return the state of the tested run."""
        self.outside.plan(self.root)
        given = take_input(self.root.program.workflow, from_wire(self.case.input))
        self.advance(self.root, self._started(self.root, given))
        for _ in range(MOST_TURNS):
            happen = self.agenda.take_at_once()
            if happen is None and self.outside.give_what_is_awaited():
                continue
            happen = happen or self.agenda.take_next()
            if happen is None:
                return self.root.state
            happen()
        raise EndlessError(
            f"The case does not end: after {MOST_TURNS} turns the run is still {self.root.state.status}.",
            hint="Look for a loop whose condition stays true under these mocks.",
        )

    @property
    def took(self) -> timedelta:
        """Return how much virtual time the tested run took."""
        return timedelta(microseconds=self.root.state.last_at - self.start)

    @property
    def unused(self) -> list[str]:
        """Return what the case gives and nobody asked for: a mistake of the case or of the workflow."""
        return [
            f"mock {key!r}" for key in self.case.mocks if key not in self.mocks.used
        ] + self.outside.unused

    @property
    def waiting(self) -> list[str]:
        """Return the steps at which the runs of the case wait."""
        still = (playing for playing in self.runs.values() if not playing.state.is_final)
        return [
            playing.named(one.path)
            for playing in still
            for one in playing.state.activations.values()
            if one.status in ("waiting", "asked")
        ]

    def advance(self, playing: Playing, given: OutsideFact | Nudge) -> None:
        """Give a run a fact, unless it is final, and obey what it wishes."""
        if playing.state.is_final:
            return
        made: StepMade = advance(playing.program, playing.state, given)
        self.facts += made.facts
        playing.journal += made.facts
        entered = (fact for fact in made.facts if isinstance(fact, LoopEntered))
        playing.loops |= {fact.path: Loop(fact.items, fact.keys) for fact in entered}
        self.settled += [
            (playing.named(path), how) for path, how in made.settled if path != playing.page_path
        ]
        self._note_outputs(playing, made)
        for command in made.commands:
            self._obey(playing, command)

    def _obey(self, playing: Playing, command: Command) -> None:
        now, agenda = self.agenda.now, self.agenda
        match command:
            case QueueStep(path=path):
                agenda.soon(lambda: self.advance(playing, SlotOpened(path, agenda.now)))
            case ExecuteStep():
                self._execute(playing, command)
            case Compute(evaluate=evaluate):
                agenda.soon(lambda: self.advance(playing, _computed(agenda.now, evaluate())))
            case Continue():
                agenda.soon(lambda: self.advance(playing, Continued(agenda.now)))
            case StartTimer(path=path, timer=timer, due=due):
                fired = lambda: self.advance(playing, TimerFired(at=agenda.now, path=path, timer=timer))  # noqa: E731
                agenda.start_timer((playing.run, path, timer), due, fired)
            case StopTimer(path=path, timer=timer):
                agenda.stop_timer((playing.run, path, timer))
            case CancelStep():
                self._cancel_step(playing, command)
            case StartChild():
                self._start_child(playing, command)
            case CancelChild(run=run, undo=undo, force=force):
                wish = CancelRequested(at=now, by="test", undo=undo, force=force)
                agenda.soon(lambda: self.advance(self.runs[run], wish) if run in self.runs else None)
            case Subscribe() | Unsubscribe() | AskPerson() | Withdraw():
                self.outside.hear(playing, command)
            case EndRun():
                self._end(playing, command)

    def _note_outputs(self, playing: Playing, made: StepMade) -> None:
        """Keep what each step brought, under the path of its activation and, the last one, of the step."""
        for path, how, output, _, _ in made.outcomes:
            if how in ("succeeded", "caught", "inherited"):
                named = playing.named(path)
                self.outputs[named] = self.outputs[static_path(named)] = output

    def _make(self, workflow: Workflow, run: str, prefix: str) -> Playing:
        if workflow.name not in self.programs:
            program = compile_workflow(workflow, self.catalogue, version="test")
            self.programs[workflow.name] = (prefix, program)
        playing = self.runs[run] = Playing(self.programs[workflow.name][1], run, prefix)
        return playing

    def _started(self, playing: Playing, given: Value) -> RunStarted:
        is_root = playing is self.root
        return RunStarted(
            at=self.agenda.now,
            run=playing.run,
            workflow=playing.program.workflow.name,
            version="test",
            number=1,
            input=given,
            variables=from_wire(self.case.variables) if is_root else {},
            trigger=from_wire(self.case.trigger) if is_root else None,
            by="test",
            resolved=dict.fromkeys(_called(playing.program), "test"),
        )

    def _execute(self, playing: Playing, command: ExecuteStep) -> None:
        path = playing.named(command.path)
        item, index = item_of(command.path, playing.loops)
        now = moment(self.agenda.now)
        call = Call(
            path=path,
            attempt=command.attempt,
            settings=command.parameters,
            index=index,
            item=item,
            input=playing.state.input,
            now=now,
        )
        self.executed.append((path, command))
        outcome = find_outcome(call, command, self.mocks, self.pure_steps)
        outcome = with_ports(outcome, self.catalogue.find(command.type, command.version))
        timeout = None if command.timeout is None else round(command.timeout * 1_000_000)
        after = outcome.after // MICRO
        playing.attempts[command.path] = command

        def happen() -> None:
            if playing.attempts.get(command.path) is not command:
                return
            del playing.attempts[command.path]
            at = self.agenda.now
            late = timeout is not None and after > timeout
            self.advance(playing, timeout_fact(command, at) if late else result_fact(command, outcome, at))

        due = self.agenda.now + (after if timeout is None else min(after, timeout))
        self.agenda.later(due, happen, path=path, sort="result")

    def _cancel_step(self, playing: Playing, command: CancelStep) -> None:
        """Stop an attempt whose effect may repeat; any other one is left to its outcome, as the engine does."""
        executed = playing.attempts.get(command.path)
        if executed is None or not Effect(executed.effect).may_repeat:
            return
        del playing.attempts[command.path]
        self.agenda.soon(lambda: self.advance(playing, cancelled_fact(executed, self.agenda.now)))

    def _start_child(self, playing: Playing, command: StartChild) -> None:
        if command.kind == "page" and command.page is not None:
            child = Playing(playing.program, command.run, playing.prefix, command.page)
            child.loops = {**playing.loops, command.page.path: _loop_of(command.page)}
            self.runs[command.run] = child
            started = self._started(playing, command.input)
            origin, depth, variables = playing.state.origin, playing.state.depth, playing.state.variables
        else:
            found = self._called_workflow(playing, command)
            if found is None:
                return
            if command.key and command.run in self.runs:
                self.calls.join(self.runs[command.run], keyed_by(playing.run, 0, command))
                return
            try:
                given = take_input(found, command.input)
            except UserError as refused:
                self.calls.refuse(playing, command, refused)
                return
            prefix = (static_path(playing.named(command.path)) or "on_failure") + "/"
            child = self._make(found, command.run, prefix)
            started = self._started(child, given)
            origin, depth, variables = "", playing.state.depth + 1, {}
        child.parent = (playing, command.path) if command.wait and not command.key else None
        fact = msgspec.structs.replace(
            started,
            run=command.run,
            trigger=None,
            origin=origin,
            depth=depth,
            variables=variables,
            page=command.page,
            parent=parent_of(playing.state, command),
            keyed=keyed_by(playing.run, 0, command),
        )
        earlier = self.runs.get(command.takes_over.run) if command.takes_over is not None else None
        if command.takes_over is not None and earlier is not None:
            inherited, origin = earlier.left_over(command.takes_over), earlier.state.origin
            fact = msgspec.structs.replace(fact, inherited=inherited, origin=origin)
        self.agenda.soon(lambda: self.advance(child, fact))
        if fact.keyed is not None and not command.wait:
            self.calls.join(child, fact.keyed)

    def _called_workflow(self, playing: Playing, command: StartChild) -> Workflow | None:
        """Return the workflow to run, or None where a mock answers in its place."""
        path = playing.named(command.path) or "on_failure"
        outcome = self.mocks.answer(Call(path=path, settings=command.input, input=playing.state.input))
        if outcome is None and command.version.isdigit():
            raise MockError(
                f"The step {path!r} pins version {command.version} of the workflow {command.workflow!r}, and files "
                "have no version numbers.",
                hint=f"Write {command.workflow}, or add `mocks: {{{static_path(path)}: …}}`.",
            )
        workflow = self.find_workflow(command.workflow) if outcome is None else None
        if outcome is None and workflow is None and command.kind != "failure":
            raise MockError(
                f"The step {path!r} calls the workflow {command.workflow!r}, which is neither here nor mocked.",
                hint=f"Put it into the folder of the file, or add `mocks: {{{static_path(path)}: …}}`.",
            )
        if outcome is not None and (command.wait or command.key):
            told = outcome.failure
            error = (
                StepError(class_=told["class"], code=told["code"], message=told["message"]) if told else None
            )
            state = "failed" if told else "succeeded"

            def happen() -> None:
                self.advance(
                    playing,
                    ChildFinished(
                        at=self.agenda.now,
                        path=command.path,
                        run=command.run,
                        state=state,
                        output=outcome.output,
                        error=error,
                    ),
                )

            self.agenda.later(self.agenda.now + outcome.after // MICRO, happen, path=path, sort="result")
        return workflow

    def _end(self, playing: Playing, command: EndRun) -> None:
        for caller in playing.state.callers:
            told = msgspec.structs.replace(end_of(command, playing.run, caller), at=self.agenda.now)
            self.agenda.soon(partial(self.advance, self.runs[caller.run], told))
        if playing.parent is None:
            return
        parent, path = playing.parent
        finished = ChildFinished(
            at=self.agenda.now,
            path=path,
            run=playing.run,
            state=command.state,
            output=command.output,
            error=command.error,
            undo=playing.state.undo_entries(),
            page=playing.page,
        )
        self.agenda.soon(lambda: self.advance(parent, finished))


def _loop_of(page: Page) -> Loop:
    """Return the loop as a page sees it: what came before its own items is not there any more."""
    before = page.first
    return Loop([None] * before + page.items, [""] * before + page.keys if page.keys else [])


def _computed(at: int, result: Result) -> OutsideFact:
    """Return the answer to `Compute`: a decision of the machine that was made outside of it."""
    return cast("OutsideFact", Computed(at=at, results=[result]))


def _called(program: Program) -> list[str]:
    names = [str(step.step.settings.get("workflow", "")).partition("@")[0] for step in program.steps.values()]
    return [name for name in (*names, program.workflow.settings.on_failure) if name]
