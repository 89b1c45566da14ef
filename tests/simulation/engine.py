"""A small engine that obeys the rules: commit before release, the grant before the attempt, fold and go on after a loss.

It is to the real engine what the machine's rules are to its code: everything that decides is here, nothing that waits.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from auraos.core.run import Program, RunState, advance, encode_fact, fold, inherit, outstanding
from auraos.core.run import commands as c
from auraos.core.run import facts as f
from auraos.core.run.facts import AnyFact, StepError
from simulation.store import Request, Store, Write

COUNTED = frozenset({"idempotent", "write", "irreversible"})


class Draft:
    """What the next batch holds of one run."""

    def __init__(self) -> None:
        self.facts: list[AnyFact] = []
        self.wishes: list[c.Command] = []
        self.given: list[AnyFact] = []
        self.results: list[tuple[str, int]] = []
        self.requests: list[Request] = []
        self.answered: list[str] = []

    def is_empty(self) -> bool:
        """Return whether there is nothing to write and nothing to release."""
        return not (self.facts or self.wishes or self.answered)


class Active:
    """A run in memory."""

    def __init__(self, run: str, program: Program) -> None:
        self.run = run
        self.program = program
        self.state = RunState(program)
        self.seq = 0
        self.draft = Draft()
        self.writing: Draft | None = None
        self.queued: list[str] = []
        self.grants: dict[str, tuple[int, int]] = {}
        self.counted: set[tuple[str, int]] = set()

    def count(self, path: str) -> None:
        """Count a success of an effect, once for each generation: a scope that is tried again may bring one twice."""
        result = (path, self.grants.pop(path)[1])
        if result not in self.counted:
            self.counted.add(result)
            self.draft.results.append(result)


class Engine:
    """One process: it may crash, be paused, and find itself fenced when it wakes."""

    def __init__(
        self, store: Store, programs: dict[tuple[str, str], Program], slots: int, sometimes: Counter[str]
    ) -> None:
        self.store = store
        self.programs = programs
        self.token = store.take_over()
        self.slots = slots
        self.sometimes = sometimes
        self.runs: dict[str, Active] = {}
        self.batch: list[Write] = []
        self.timers: dict[tuple[str, str, str], int] = {}
        self.asks: dict[tuple[str, str], c.AskPerson] = {}
        self.tasks: dict[tuple[str, str, int], c.ExecuteStep] = {}
        """(run, path, attempt) of every attempt that runs in this process."""
        self.cancelling: set[tuple[str, str, int]] = set()
        self.computing: list[tuple[str, c.Compute]] = []
        self.nudges: list[str] = []
        self.taken: set[str] = set()
        self.now = 0

    # --- what happens to runs ---

    def begin(self, now: int) -> None:
        """Read all runs that are not over, as a process does that has just become their owner."""
        self.now = now
        for run in list(self.store.journals):
            self.load(run)
            self.account_for_attempts(run, ())

    def load(self, run: str) -> None:
        """Fold a run's journal and take up what is open in it."""
        journal = self.store.read(run)
        if not journal:
            return
        started = journal[0]
        assert type(started) is f.RunStarted
        program = self.programs[started.workflow, started.version]
        active = Active(run, program)
        active.state = fold(program, journal)
        active.seq = len(journal)
        for fact in journal:
            self._note(active, fact)
        active.draft = Draft()
        if not active.state.is_final:
            self.runs[run] = active
            self._follow(active, outstanding(active.state))

    def account_for_attempts(self, run: str, never_begun: tuple[c.ExecuteStep, ...]) -> None:
        """Go on with attempts that live here, begin those that never were, and tell the run that the others were lost."""
        active = self.runs.get(run)
        begun_late = {(command.path, command.attempt): command for command in never_begun}
        for path, attempt, _ in active.state.attempts_in_flight() if active is not None else ():
            if (run, path, attempt) in self.tasks or self._is_new(active, path, attempt):
                continue
            if (path, attempt) in begun_late:
                self.sometimes["a grant turned out to be durable"] += 1
                self.tasks[run, path, attempt] = begun_late[path, attempt]
                continue
            self.sometimes["an attempt was lost with its process"] += 1
            error = StepError(class_="unknown", code="process-lost", message="Its process died.", path=path)
            self.tell(run, f.StepUnknown(at=self.now, path=path, attempt=attempt, error=error, lost=True))

    def _is_new(self, active: Active | None, path: str, attempt: int) -> bool:
        """Return whether an attempt was granted just now, and begins when that is durable."""
        wishes = [] if active is None else active.draft.wishes
        return any(
            type(wish) is c.ExecuteStep and (wish.path, wish.attempt) == (path, attempt) for wish in wishes
        )

    def tell(self, run: str, fact: AnyFact, answers: str = "") -> None:
        """Let something happen to a run."""
        active = self.runs.get(run)
        if active is None:
            active = self._born(run, fact, answers)
            if active is None or type(fact) is not f.RunStarted:
                return
            fact = self._take_over(fact)
        if answers:
            active.draft.answered.append(answers)
        active.draft.given.append(fact)
        self._advance(active, fact)

    def _born(self, run: str, fact: AnyFact, answers: str) -> Active | None:
        """Begin a run; a request to one that is over, or that has begun, is answered and changes nothing."""
        if type(fact) is not f.RunStarted or self.store.journals.get(run):
            if answers and self.store.journals.get(run):
                self.store.requests.pop(answers, None)
            return None
        active = self.runs[run] = Active(run, self.programs[fact.workflow, fact.version])
        return active

    def _take_over(self, started: f.RunStarted) -> f.RunStarted:
        """Let a run begin with what the one before in its place did, where that was given the same."""
        earlier = started.parent.takes_over if started.parent is not None else None
        journal = [] if earlier is None else self.store.read(earlier.run)
        if earlier is None or not journal or not _is_same_work(journal[0], started):
            return started
        self.sometimes["a run took over from the one before in its place"] += 1
        program = self.programs[started.workflow, started.version]
        first = journal[0]
        assert type(first) is f.RunStarted
        return msgspec.structs.replace(
            started,
            inherited=inherit(program, journal, undone=earlier.undone),
            origin=first.origin or first.run,
        )

    def _advance(self, active: Active, given: Any) -> None:
        made = advance(active.program, active.state, given)
        for fact in made.facts:
            self._note(active, fact)
        active.draft.facts += made.facts
        self._follow(active, made.commands)

    def _note(self, active: Active, fact: AnyFact) -> None:
        """Count successes of effects, as the store does."""
        if type(fact) is f.StepGranted:
            if fact.effect in COUNTED and fact.purpose != "verify":
                active.grants[fact.path] = (fact.attempt, fact.generation)
            return
        path = getattr(fact, "path", "")
        found = active.grants.get(path)
        if found is None:
            return
        match fact:
            case f.StepSucceeded() if fact.attempt == found[0]:
                active.count(path)
            case f.StepResolved(outcome="succeeded"):
                active.count(path)
            case f.StepSettled(error=None):
                active.count(path)
            case _:
                pass

    def _follow(self, active: Active, wishes: list[c.Command]) -> None:
        for wish in wishes:
            match wish:
                case c.QueueStep():
                    if self._has_slot():
                        self._advance(active, c.SlotOpened(wish.path, self.now))
                    else:
                        self.sometimes["an attempt waited for a slot"] += 1
                        active.queued.append(wish.path)
                case c.StartChild() | c.CancelChild() | c.EndRun():
                    active.draft.requests += self._requests(active, wish)
                    active.draft.wishes.append(wish)
                case _:
                    active.draft.wishes.append(wish)

    def _has_slot(self) -> bool:
        granted = sum(len(active.state.attempts_in_flight()) for active in self.runs.values())
        return granted < self.slots

    def fill_slots(self) -> None:
        """Give free slots to whoever waits."""
        for active in list(self.runs.values()):
            while active.queued and self._has_slot():
                self._advance(active, c.SlotOpened(active.queued.pop(0), self.now))

    def _requests(self, active: Active, wish: c.Command) -> list[Request]:
        """Return what this wish asks of other runs: it rides in the commit that wishes it."""
        state = active.state
        match wish:
            case c.StartChild():
                is_page = wish.kind == "page"
                started = f.RunStarted(
                    at=self.now,
                    run=wish.run,
                    workflow=wish.workflow,
                    version=wish.version or state.resolved.get(wish.workflow, ""),
                    input=wish.input,
                    variables=dict(state.variables) if is_page else {},
                    origin=state.origin if is_page else "",
                    parent=f.Parent(
                        run=active.run, kind=wish.kind, path=wish.path, takes_over=wish.takes_over
                    ),
                    depth=state.depth + (not is_page),
                    resolved=state.resolved,
                    page=wish.page,
                )
                return [Request(f"start {wish.run}", wish.run, started)]
            case c.CancelChild():
                cancel = f.CancelRequested(at=self.now, by=active.run, undo=wish.undo, force=wish.force)
                return [Request(f"cancel {wish.run} {wish.force}", wish.run, cancel)]
            case c.EndRun() if state.parent is not None and state.parent.kind in ("call", "page"):
                finished = f.ChildFinished(
                    at=self.now,
                    path=state.parent.path,
                    run=active.run,
                    state=wish.state,
                    output=wish.output,
                    error=wish.error,
                    undo=state.undo_entries(),
                    page=None if state.page is None else state.page.number,
                )
                return [Request(f"finished {active.run}", state.parent.run, finished)]
        return []

    # --- what is written ---

    def seal(self) -> bool:
        """Close the drafts of all runs into one batch, unless one is on its way; return whether there is one now."""
        if self.batch:
            return True
        for active in self.runs.values():
            draft = active.draft
            if draft.is_empty():
                continue
            active.draft, active.writing = Draft(), draft
            facts = [encode_fact(fact) for fact in draft.facts]
            self.batch.append(
                Write(active.run, active.seq + 1, facts, draft.results, draft.requests, draft.answered)
            )
            active.seq += len(facts)
        return bool(self.batch)

    def written(self) -> None:
        """The batch is durable: release what it wished."""
        batch, self.batch = self.batch, []
        for write in batch:
            active = self.runs[write.run]
            draft, active.writing = active.writing, None
            assert draft is not None
            self.release(active, draft.wishes)

    def not_written(self) -> None:
        """The batch failed, or nobody knows: forget its runs, read them again, and tell what is not durable once more."""
        batch, self.batch = self.batch, []
        for write in batch:
            active = self.runs.pop(write.run)
            failed, later = active.writing, active.draft
            assert failed is not None
            is_durable = len(self.store.journals.get(write.run, ())) >= write.seq - 1 + len(
                write.facts
            ) and bool(write.facts)
            self._forget(write.run)
            never_begun = tuple(wish for wish in failed.wishes if type(wish) is c.ExecuteStep)
            self.load(write.run)
            for fact in ([] if is_durable else failed.given) + later.given:
                if type(fact) is not f.Computed:
                    self.tell(write.run, fact)
            self.account_for_attempts(write.run, never_begun)
            answered = ([] if is_durable else failed.answered) + later.answered
            if write.run in self.runs:
                self.runs[write.run].draft.answered += answered
            else:
                self.taken -= set(answered)

    def _forget(self, run: str) -> None:
        self.timers = {key: due for key, due in self.timers.items() if key[0] != run}
        self.asks = {key: ask for key, ask in self.asks.items() if key[0] != run}
        self.nudges = [one for one in self.nudges if one != run]
        self.computing = [one for one in self.computing if one[0] != run]

    def release(self, active: Active, wishes: list[c.Command]) -> None:
        """Do what was wished: its facts are durable."""
        run = active.run
        for wish in wishes:
            match wish:
                case c.ExecuteStep():
                    self.tasks[run, wish.path, wish.attempt] = wish
                case c.CancelStep():
                    self.cancelling.add((run, wish.path, wish.attempt))
                case c.StartTimer():
                    self.timers[run, wish.path, wish.timer] = wish.due
                case c.StopTimer():
                    self.timers.pop((run, wish.path, wish.timer), None)
                case c.Compute():
                    self.computing.append((run, wish))
                case c.Continue():
                    self.nudges.append(run)
                case c.AskPerson():
                    self.asks[run, wish.path] = wish
                case c.Withdraw():
                    self.asks.pop((run, wish.path), None)
                case c.EndRun():
                    self._forget(run)
                    self.runs.pop(run, None)
                case _:
                    pass

    # --- what it does of itself ---

    def take_request(self, choose: Callable[[list[str]], str]) -> bool:
        """Take a request that nobody has taken."""
        open_requests = [
            one.id for one in self.store.requests.values() if one.id not in self.taken and self._may_take(one)
        ]
        if not open_requests:
            return False
        request = self.store.requests[choose(open_requests)]
        self.taken.add(request.id)
        self.tell(request.run, request.fact, request.id)
        return True

    def _may_take(self, request: Request) -> bool:
        return (
            type(request.fact) is f.RunStarted
            or request.run in self.store.journals
            or request.run in self.runs
        )

    def due_timers(self) -> list[tuple[str, str, str]]:
        """Return the timers that have come due."""
        return [key for key, due in self.timers.items() if due <= self.now]

    def fire(self, key: tuple[str, str, str]) -> None:
        """Let a timer fire."""
        self.timers.pop(key, None)
        run, path, timer = key
        self.tell(run, f.TimerFired(at=self.now, path=path, timer=timer))

    def go_on(self) -> None:
        """Give a run that ended its turn early the next one; bring what was computed."""
        if self.nudges:
            active = self.runs.get(self.nudges.pop(0))
            if active is not None:
                self._advance(active, c.Continued(self.now))
            return
        run, command = self.computing.pop(0)
        if run in self.runs:
            self.tell(run, f.Computed(at=self.now, results=[command.evaluate()]))

    def report(self, task: tuple[str, str, int], fact: AnyFact) -> None:
        """Take what an attempt brought; its slot is free."""
        self.tasks.pop(task, None)
        self.cancelling.discard(task)
        if task[0] in self.runs:
            self.tell(task[0], fact)


def _is_same_work(first: Any, started: f.RunStarted) -> bool:
    if started.page is not None:
        return bool(first.version == started.version)
    one, other = (first.version, first.input), (started.version, started.input)
    return bool(one == other and first.variables == started.variables)


def error_of(class_: str, path: str) -> StepError:
    """Return an error of this class."""
    return StepError(class_=class_, code=class_, message=f"{path} ended as {class_}.", path=path)
