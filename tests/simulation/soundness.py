"""What must hold of every state of a run and of every journal, whatever happened. Each function raises `BrokenPromiseError`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from auraos.core.run import (
    Program,
    RunState,
    decode_fact,
    encode_fact,
    explain,
    refold,
    snapshot,
    static_path,
)
from auraos.core.run import facts as f
from auraos.core.run.facts import AnyFact
from auraos.core.run.program import CONTAINERS, StepProgram
from auraos.core.run.state import DONE, FAILED, FIRED, SKIPPED, UNDECIDED, Frame
from auraos.core.run.turn import Outcome

Tries: TypeAlias = tuple[tuple[str, int], ...]
GOOD = frozenset({"succeeded", "caught", "inherited", "disabled"})


class BrokenPromiseError(AssertionError):
    """A promise of the machine was broken."""


def demand(holds: object, message: str) -> None:
    """Raise `BrokenPromiseError` unless it holds."""
    if not holds:
        raise BrokenPromiseError(message)


class Reader:
    """Reads a journal as it grows: folds it, and knows which steps settled, how, and in which order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.state = RunState(program)
        self.journal: list[AnyFact] = []
        self.outcomes: list[tuple[int, Outcome]] = []
        self.settled: dict[str, str] = {}
        """How each path came to its end, the last time it did."""
        self.ends: set[tuple[str, Tries]] = set()
        self.tries: dict[str, int] = {}
        """How often each container was tried again."""
        self.outcome_tries: list[Tries] = []
        self.prepared: dict[tuple[str, Tries], int] = {}
        """Where in the journal the undo of a path was prepared, by try."""
        self.cancelled_at: int | None = None
        self.undo_then = False
        self.winding_then = False
        self.finished = 0
        self.results: set[tuple[str, int]] = set()
        self.granted: set[tuple[str, int]] = set()
        self.ports: dict[str, tuple[str, ...]] = {}

    def read(self, facts: Iterable[AnyFact]) -> None:
        """Fold further facts, as they come out of the store, and hold each against the rules."""
        for fact in facts:
            stored = encode_fact(fact)
            again = decode_fact(stored)
            demand(again == fact, f"a fact is not what it was after storing: {fact} != {again}")
            demand(not self.finished, f"a fact after the end: {fact}")
            self._check_cancel(again)
            before = self._check_attempts(again)
            self._note_try(again)
            self.journal.append(again)
            refold(self.state, again, self._note)
            if before is not None:
                after = self.state.activations.get(again.path)  # type: ignore[union-attr]
                demand(after is not None and after.status == before, f"a superseded result counted: {again}")
            if type(again) is f.CancelRequested and self.cancelled_at is None and not again.force:
                self._note_cancel(again)
            self.finished += type(again) is f.RunFinished
        check_state(self.state)

    def _note_try(self, fact: AnyFact) -> None:
        """Count the tries of containers, and note in which of them an undo was prepared."""
        if type(fact) is f.RetryPlanned and fact.path in self.state.activations:
            if self.state.activations[fact.path].step.behaviour in CONTAINERS:
                self.tries[fact.path] = self.tries.get(fact.path, 0) + 1
        elif type(fact) is f.StepSettled and fact.undo is not None:
            self.prepared[fact.path, self.tries_around(fact.path)] = len(self.journal)

    def _check_attempts(self, fact: AnyFact) -> str | None:
        """Attempts follow one another (I2); return the status that the result of a superseded one must leave as it is."""
        if type(fact) is f.StepGranted and not fact.path.endswith("!verify"):
            attempt = (fact.path, fact.attempt)
            demand(attempt not in self.granted, f"{fact.path}: there are two attempts {fact.attempt}")
            self.granted.add(attempt)
        match fact:
            case f.StepGranted(attempt=1, purpose="step"):
                self._check_arrivals(fact.path, fact.parameters)
            case f.StepGranted(attempt=attempt) if attempt > 1:
                before = (fact.path, attempt - 1)
                demand(
                    before in self.results,
                    f"{fact.path}: attempt {attempt} began while the one before had no result",
                )
            case f.StepSucceeded() | f.StepFailed() | f.StepUnknown():
                activation = self.state.activations.get(fact.path)
                self.results.add((fact.path, fact.attempt))
                if activation is not None and activation.attempt != fact.attempt:
                    return activation.status
        return None

    def _note(self, fact: AnyFact, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            path, how = outcome[0], outcome[1]
            end = path, self.tries_around(path)
            demand(end not in self.ends, f"{path} settled twice: {self.settled.get(path)}, then {how}")
            self.ends.add(end)
            self.settled[path] = how
            self.ports[path] = outcome[3]
            self.outcomes.append((len(self.journal) - 1, outcome))
            self.outcome_tries.append(end[1])
            if how == "succeeded":
                self._check_arrivals(path, outcome[2])

    def tries_around(self, path: str) -> Tries:
        """Return which try of each container around a path this is."""
        return tuple(
            (outer, count)
            for outer, count in self.tries.items()
            if path.startswith((f"{outer}/", f"{outer}["))
        )

    def _check_arrivals(self, path: str, told: Any) -> None:
        """A step that collects began when all that leads to it was decided, and reads just what was live, in file order."""
        step = self.program.steps.get(static_path(path))
        if step is None or step.type.name not in ("act", "transform") or step.step.join != "collect":
            return
        if "!" in path or not isinstance(told, dict) or "arrived" not in told:
            return
        scope = path.removesuffix(step.id)
        expected = []
        for source, port in links_to(self.program, step):
            demand(scope + source in self.ports, f"{path} began before {source} was decided")
            if port in self.ports[scope + source]:
                expected.append((source, port))
        got = [(one["step"], one["port"]) for one in told["arrived"]]
        demand(got == expected, f"{path} read {got} as arrived; there came {expected}")

    def _note_cancel(self, fact: f.CancelRequested) -> None:
        root = self.state.root
        if root is None or root.failing != "cancelled":
            return
        self.cancelled_at = len(self.journal) - 1
        self.undo_then = fact.undo
        self.winding_then = bool(self.state.undo_queues) or any(
            activation.error is not None and activation.frames
            for activation in self.state.activations.values()
        )

    def _check_cancel(self, fact: AnyFact) -> None:
        """After a cancel no step starts outside `finally`, and undo only where it was asked for (I13)."""
        if self.cancelled_at is None:
            return
        match fact:
            case f.StepGranted(purpose="step") if fact.attempt > 1 and _is_undoable(self.program, fact.path):
                pass  # what the attempt before did must be known, for it is to be undone
            case (
                f.StepGranted(purpose="step") | f.WaitStarted() | f.LoopEntered() | f.RoundDecided(go_on=True)
            ):
                demand(in_finally(self.program, fact.path), f"{fact.path} began after the run was cancelled")


def check_state(state: RunState) -> None:
    """Hold every counter of a state against what it counts."""
    has_begun = state.root is not None and not state.is_final and (state.begun_at or not state.gates)
    frames: list[Frame] = [state.root] if has_begun else []  # type: ignore[list-item]
    for frame in frames:
        _check_frame(frame)
        for activation in frame.active.values():
            demand(
                state.activations.get(activation.path) is activation,
                f"{activation.path} is active in its frame alone",
            )
            demand(activation.frame is frame, f"{activation.path} is active in a frame that is not its own")
            frames.extend(activation.frames.values())
    open_frames = {id(frame) for frame in frames}
    for path, activation in state.activations.items():
        demand(id(activation.frame) in open_frames, f"{path} is under way in a scope that is closed")
        demand(path in activation.frame.active, f"{path} is under way and its scope does not know")
        demand(activation.status != "ended", f"{path} has ended and is still under way")
        demand(activation.attempt >= 0 <= activation.lost, f"{path} counts below nothing")
    in_mailbox = sum(len(waiting) for waiting in state.mailbox.values())
    demand(state.mailbox_size == in_mailbox, "the mailbox holds other than it counts")
    if not state.is_final and state.root is not None:
        demand(explain(state), f"the run is {state.status} and does not say why")


def _check_frame(frame: Frame) -> None:
    count = Counter(frame.statuses)
    demand(
        frame.running == count[FIRED],
        f"scope {frame.name} counts {frame.running} running, there are {count[FIRED]}",
    )
    left = count[FIRED] + count[UNDECIDED]
    demand(frame.left == left, f"scope {frame.name} counts {frame.left} left, there are {left}")
    demand(min(frame.awaited, default=0) >= 0, f"scope {frame.name} awaits fewer than no tokens")
    if not frame.failing and frame.phase == "open":
        for step, status in zip(frame.scope.steps, frame.statuses, strict=True):
            _check_join(frame, step, status)


def _check_join(frame: Frame, step: StepProgram, status: int) -> None:
    """A step has fired exactly when enough of its links are live, and is skipped exactly when they cannot be."""
    links = frame.scope.awaited[step.index]
    if not links:
        demand(status != UNDECIDED, f"{step.id} has no link to it and did not start")
        return
    live, awaited = frame.live[step.index], frame.awaited[step.index]
    name = frame.prefix + step.id
    if step.step.join == "collect":
        begun = status in (FIRED, DONE, FAILED)
        demand(begun == (not awaited), f"{name} collects, {awaited} links are undecided, and it is {status}")
        return
    enough = live >= step.join if step.join else live > 0 and not awaited
    hopeless = live + awaited < step.join if step.join else not live and not awaited
    if status == UNDECIDED:
        demand(
            not enough and not hopeless,
            f"{name} is undecided with {live} live links and {awaited} undecided ones",
        )
    elif status == SKIPPED:
        demand(not enough, f"{name} was skipped though {live} of its links are live")
    elif status in (FIRED, DONE, FAILED):
        demand(live > 0, f"{name} fired without a live link")


def check_replay(program: Program, live: RunState, folded: RunState) -> None:
    """Folding gives the state again (I7)."""
    one, other = snapshot(live), snapshot(folded)
    demand(one == other, f"replay differs: {_difference(one, other)}")


def _difference(one: bytes, other: bytes) -> str:
    left, right = msgspec.json.decode(one), msgspec.json.decode(other)
    return "; ".join(_differences(left, right, ""))[:2000]


def _differences(left: Any, right: Any, path: str) -> list[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        return [
            line
            for key in left | right
            for line in _differences(left.get(key), right.get(key), f"{path}.{key}")
        ]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [line for index, (one, two) in pairs for line in _differences(one, two, f"{path}[{index}]")]
    return [] if left == right else [f"{path}: live {left!r}, folded {right!r}"]


def check_end(reader: Reader) -> None:
    """Hold a finished journal against the rules of undo, `finally`, signals and loops."""
    demand(reader.finished == 1, f"a run ended {reader.finished} times")
    _check_undo(reader)
    _check_finally(reader)
    _check_signals(reader)
    _check_loops(reader)


def _check_undo(reader: Reader) -> None:
    """Undo runs latest success first within a scope; a run that calls itself compensated left nothing standing."""
    prepared = reader.prepared
    undone = {
        (outcome[0].removesuffix("!undo"), reader.outcome_tries[order]): order
        for order, (_, outcome) in enumerate(reader.outcomes)
        if outcome[1] in ("undone", "undo-failed")
    }
    by_scope: dict[tuple[str, Tries], list[tuple[str, Tries]]] = {}
    for path, tries in sorted(prepared, key=prepared.__getitem__):
        by_scope.setdefault((scope_of(reader.program, path), tries), []).append((path, tries))
    for paths in by_scope.values():
        orders = [undone[path] for path in paths if path in undone]
        demand(orders == sorted(orders, reverse=True), f"undone out of order: {paths}")
    state, cancelled = reader.state, reader.cancelled_at is not None
    whole = state.status in ("compensated", "failed") or (cancelled and reader.undo_then)
    root = state.root
    if root is None or not whole or state.forced or root.failing not in ("failed", "cancelled"):
        return
    for path, tries in prepared:
        if not in_finally(reader.program, path):
            demand(
                (path, tries) in undone,
                f"{path} succeeded, the run is {state.status}, and it was not undone",
            )


def _check_finally(reader: Reader) -> None:
    """Every `try` that began runs its `finally`, unless the run was ended by force."""
    if reader.state.forced:
        return
    entered = {path.rpartition("/")[0] for path in reader.settled if "/" in path}
    for path, how in list(reader.settled.items()):
        step = reader.program.find(path)
        if step is None or "!" in path or step.finally_ is None or path not in entered or how == "inherited":
            continue
        for first in step.finally_.roots:
            demand(f"{path}/{first.id}" in reader.settled, f"{path} settled and its finally did not run")


def _check_signals(reader: Reader) -> None:
    """Every signal was taken by one wait, or is still in the mailbox, or came when that was full."""
    ids: set[str] = set()
    came = 0
    for fact in reader.journal:
        if type(fact) is f.SignalReceived:
            came += not fact.id or fact.id not in ids
            ids.add(fact.id)
    taken = 0
    for _, (path, how, output, _ports, _error) in reader.outcomes:
        step = reader.program.find(path)
        of_signal = step is not None and step.type.name == "wait.signal" and how == "succeeded"
        taken += of_signal and isinstance(output, dict) and "data" in output
    left = reader.state.mailbox_size
    demand(came == taken + left, f"{came} signals came, {taken} were taken, {left} are left")


def _check_loops(reader: Reader) -> None:
    """Each result of a `foreach` stands in the place of its item."""
    items = {fact.path: fact.items for fact in reader.journal if type(fact) is f.LoopEntered}
    for _, (path, how, output, _ports, _error) in reader.outcomes:
        if path not in items or how != "succeeded":
            continue
        results = output.get("results") if isinstance(output, dict) else output
        if results is None:  # a fallback stands in
            continue
        demand(
            len(results) == len(items[path]),
            f"{path} gave {len(results)} results for {len(items[path])} items",
        )
        for item, result in zip(items[path], results, strict=True):
            if isinstance(result, dict) and result.get("item") is not None:
                demand(result["item"] == item, f"{path} gave {result} for the item {item!r}")


def links_to(program: Program, step: StepProgram) -> list[tuple[str, str]]:
    """Return the step and the port of each link to a step, in the order of the file."""
    scopes = [program.workflow.scope]
    for scope in scopes:
        if scope.steps.get(step.id) is step.step:
            return [(link.source, link.port) for link in scope.links if link.target == step.id]
        for own in scope.steps.values():
            inner = (own.body, own.catch, own.finally_, *(own.branches or {}).values())
            scopes.extend(one for one in inner if one is not None)
    raise BrokenPromiseError(f"{step.path} stands in no scope of its workflow")


def _is_undoable(program: Program, path: str) -> bool:
    step = program.find(path)
    return step is not None and step.undo is not None


def in_finally(program: Program, path: str) -> bool:
    """Return whether a step stands in a `finally`, itself or with what is around it."""
    static = static_path(path)
    while static:
        step = program.steps.get(static)
        if step is not None and step.scope.section == "finally":
            return True
        static = static.rpartition("/")[0]
    return False


def scope_of(program: Program, path: str) -> str:
    """Return what names the scope instance that a step of this path stands in."""
    step = program.steps[static_path(path)]
    return f"{path.removesuffix(step.id)}:{step.scope.section}"


def how_often(paths: Sequence[str]) -> dict[str, int]:
    """Return what stands in a list more than once."""
    return {path: count for path, count in Counter(paths).items() if count > 1}
