"""What a person sees while a run goes on: facts turned into rows of steps, shown live or line by line."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from auraos.cli.screen import Screen, Tint, clean, fit
from auraos.cli.times import clock, took_words
from auraos.core.run import Program, RunState, refold, static_path
from auraos.core.run.facts import (
    Answered,
    AnyFact,
    DoubtRaised,
    LoopEntered,
    RetryPlanned,
    RunFinished,
    RunPaused,
    RunResumed,
    SignalReceived,
    StepError,
    StepFailed,
    StepGranted,
    StepSettled,
    StepSucceeded,
    StepUnknown,
    TimerFired,
    WaitStarted,
)
from auraos.engine.stream import Change

FROM_CACHE = "from the cache"
Mark: TypeAlias = Literal["running", "done", "failed", "waiting", "retrying", "skipped", "undone"]

MARKS: dict[Mark, tuple[str, Tint]] = {
    "running": ("●", "blue"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
    "waiting": ("⧗", "yellow"),
    "retrying": ("↻", "yellow"),
    "skipped": ("·", "dim"),
    "undone": ("↶", "magenta"),
}
_HOW: dict[str, Mark] = {
    "succeeded": "done",
    "inherited": "done",
    "disabled": "skipped",
    "caught": "failed",
    "failed": "failed",
    "skipped": "skipped",
    "cancelled": "skipped",
    "undone": "undone",
    "undo-failed": "failed",
    "stopped": "done",
}


class Row(msgspec.Struct, kw_only=True):
    """One step and what it is doing; activations of a loop share a row."""

    path: str
    title: str
    depth: int
    mark: Mark = "running"
    words: str = ""
    began_at: int = 0
    ended_at: int = 0
    attempts: int = 0
    under_way: int = 0
    ended: int = 0
    total: int | None = None
    latest: str = ""
    """The activation that changed last, and how long it took so far."""
    took: int = 0


class Progress:
    """The rows of one run. `tell` hears each of them as it changes; `note` takes a change of the run in."""

    def __init__(self, program: Program, tell: "Callable[[Row, int], None] | None" = None) -> None:
        self.program = program
        self.rows: dict[str, Row] = {}
        self.state = RunState(program)
        self.now = 0
        self._tell = tell or _tell_nobody
        self._causes: dict[str, StepError] = {}
        self._began: dict[str, int] = {}

    def recall(self, facts: list[AnyFact]) -> None:
        """Take in what happened before anybody looked, without a word."""
        tell, self._tell = self._tell, _tell_nobody
        for fact in facts:
            self.note_fact(fact)
        self._tell = tell

    def note(self, change: Change) -> None:
        """Take in a fact, or how far an attempt has come."""
        if change.progress is not None:
            row = self._row(change.progress.path)
            share = f"{change.progress.done:g}" + (
                f" of {change.progress.total:g}" if change.progress.total else ""
            )
            row.words = f"{share} {change.progress.message}".strip()
        if change.fact is not None:
            self.note_fact(change.fact)

    def note_fact(self, fact: AnyFact) -> None:
        """Take in one fact."""
        self.now = fact.at
        self._note_beginning(fact)
        refold(self.state, fact, self._settled)

    def _note_beginning(self, fact: AnyFact) -> None:
        match fact:
            case StepGranted(path=path, attempt=attempt):
                row = self._begin(path)
                row.attempts = max(row.attempts, attempt)
                row.mark, row.words = "running", f"attempt {attempt}" if attempt > 1 else ""
                self._tell(row, fact.at)
            case StepFailed(path=path, error=error) | StepUnknown(path=path, error=error):
                self._causes[path] = error
            case RetryPlanned(path=path, attempt=attempt, due=due):
                cause = self._causes.get(path)
                reason = f"{cause.message} " if cause else ""
                self._say(path, "retrying", f"{reason}(try {attempt} at {clock(due)})", fact.at)
            case DoubtRaised(path=path, error=error, way=way):
                who = "a person is asked" if way == "ask" else "it is being verified"
                self._say(
                    path, "waiting", f"nobody knows whether it took effect, {who}: {error.message}", fact.at
                )
            case WaitStarted(path=path):
                self._begin(path)
                self._say(path, "waiting", wait_words(fact), fact.at)
            case TimerFired(path=path, timer="remind"):
                self._say(path, "waiting", "is asked again", fact.at)
            case LoopEntered(path=path, items=items):
                row = self._begin(path)
                row.total = len(items)
                self._tell(row, fact.at)
            case _:
                return

    def _settled(
        self, fact: AnyFact, outcomes: "list[tuple[str, str, object, tuple[str, ...], StepError | None]]"
    ) -> None:
        for path, how, _, ports, error in outcomes:
            row = self._row(path)
            if how == "skipped" and row.ended:
                continue
            row.under_way = max(0, row.under_way - 1)
            row.ended += how != "skipped"
            row.began_at = row.began_at or fact.at
            row.ended_at = fact.at
            row.latest, row.took = path, fact.at - self._began.pop(path, fact.at)
            row.mark = _HOW.get(how, "done")
            named = [port for port in ports if port not in ("out", "error")]
            if isinstance(fact, StepSettled) and fact.path == path and fact.by_fallback:
                row.words = fallback_words(fact.error)
            elif isinstance(fact, StepSucceeded) and fact.path == path and fact.cached:
                row.words = FROM_CACHE
            else:
                row.words = _ended_words(how, named, error)
            self._count_in_loop(path)
            if how != "skipped" or not self.rows:
                self._tell(row, fact.at)

    def _count_in_loop(self, path: str) -> None:
        head, bracket, _ = path.rpartition("[")
        row = self.rows.get(static_path(head)) if bracket else None
        if row is not None and row.total is not None:
            row.words = f"{self._items_done(head)} of {row.total}"

    def _items_done(self, head: str) -> int:
        activation = self.state.activations.get(head)
        return activation.done if activation is not None else 0

    def _begin(self, path: str) -> Row:
        row = self._row(path)
        row.began_at = row.began_at or self.now
        if path not in self._began:
            self._began[path] = self.now
            row.under_way += 1
        row.latest = path
        row.mark = "running"
        return row

    def _say(self, path: str, mark: Mark, words: str, at: int) -> None:
        row = self._row(path)
        row.mark, row.words, row.latest = mark, words, path
        self._tell(row, at)

    def _row(self, path: str) -> Row:
        static = static_path(path) + ("!undo" if path.endswith("!undo") else "")
        row = self.rows.get(static)
        if row is None:
            step = self.program.steps.get(static_path(path))
            title = (step.step.title if step else "") or static.rpartition("/")[2]
            row = self.rows[static] = Row(path=static, title=title, depth=static.count("/"), began_at=0)
        return row


def run_line(fact: AnyFact) -> str:
    """Return what a fact about the whole run says, in words; empty for one about a step."""
    match fact:
        case RunPaused():
            return "paused"
        case RunResumed(variables=variables):
            return f"resumed with other values of {', '.join(variables)}" if variables else "resumed"
        case SignalReceived(name=name):
            return f"signal {name} came in"
        case Answered(path=path, decision=decision, by=by):
            return f"{by or 'somebody'} answered {path}: {decision}"
        case RunFinished(state=state):
            return state
    return ""


def wait_words(fact: WaitStarted) -> str:
    """Return what a wait waits for."""
    until = f" until {clock(fact.due)}" if fact.due is not None else ""
    key = f" with key {fact.key}" if fact.key else ""
    match fact.kind:
        case "timer":
            return f"waits{until}"
        case "signal":
            return f"waits for the signal {fact.name}{key}{until}"
        case "event":
            return f"waits for an event {fact.name}{key}{until}"
        case "call":
            return f"calls {fact.name}"
        case _:
            title = fact.details.get("title", "") if isinstance(fact.details, dict) else ""
            return f"asks: {title}{until}"


def show_row(screen: Screen, row: Row, at: int) -> None:
    """Write one change of a step as a line."""
    sign, tint = MARKS[row.mark]
    is_over = row.mark in ("done", "failed")
    took = screen.tint(f"  {took_words(row.took)}", "dim") if is_over and row.took else ""
    tries = f" ({row.attempts} attempts)" if row.attempts > 1 and is_over else ""
    words = f"  {fit(row.words, 160)}" if row.words else ""
    name = clean(row.latest or row.path)
    screen.line(f"{screen.tint(clock(at), 'dim')} {screen.tint(sign, tint)} {name}{tries}{words}{took}")
    screen.stream.flush()


def fallback_words(error: StepError | None) -> str:
    """Return that a fallback stands in for this error."""
    return "by its fallback" + (
        f", for {error.class_}/{error.code}: {error.message}" if error is not None else ""
    )


def _ended_words(how: str, ports: list[str], error: StepError | None) -> str:
    if how in ("failed", "caught", "undo-failed") and error is not None:
        caught = " (caught)" if how == "caught" else ""
        return f"{error.class_}/{error.code}: {error.message}{caught}"
    if how in ("skipped", "cancelled", "inherited", "disabled", "undone"):
        return how
    return f"→ {', '.join(ports)}" if ports else ""


def _tell_nobody(_row: Row, _at: int) -> None:
    return None
