"""What comes to a run from outside in a test case: signals, events, answers of people, and orders to the run itself.

What has a time (`at`) comes then. Signals and events without one come as soon as something waits for them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from auraos.core.run import RunState, static_path
from auraos.core.run.commands import AskPerson, Subscribe, Unsubscribe, Withdraw
from auraos.core.run.facts import (
    Answered,
    CancelRequested,
    EventReceived,
    OutsideFact,
    RunPaused,
    RunResumed,
    SignalReceived,
    StepResolved,
)
from auraos.core.values import from_wire
from auraos.core.workflow import TestCase
from auraos.engine.trial.agenda import Agenda
from auraos.engine.trial.attempts import EPOCH, MICRO
from auraos.engine.trial.mocks import MockError, read_delay
from auraos.engine.trial.playing import Playing

Advance: TypeAlias = Callable[[Playing, OutsideFact], None]


class Outside:
    """Everything of a case that is not a mock."""

    def __init__(
        self, case: TestCase, agenda: Agenda, start: int, runs: Mapping[str, Playing], advance: Advance
    ) -> None:
        self.case = case
        self.agenda = agenda
        self.start = start
        self.runs = runs
        self.advance = advance
        self._signals = [signal for signal in case.signals if "at" not in signal]
        self._events = [event for event in case.events if "at" not in event]
        self._asked: dict[tuple[str, str], AskPerson] = {}
        self._subscribed: set[tuple[str, str]] = set()
        self._answers_given: dict[str, int] = {}
        self._answers_used: set[str] = set()

    def plan(self, root: Playing) -> None:
        """Put everything that has a time on the agenda."""
        for number, signal in enumerate(self.case.signals):
            if "at" in signal:
                self._plan(signal, lambda s=signal, n=number: self.advance(root, self._signal(s, n)))  # type: ignore[misc]
        for number, event in enumerate(self.case.events):
            if "at" in event:
                self._plan(event, lambda e=event, n=number: self._bring(e, n))  # type: ignore[misc]
        for wish in self.case.control:
            self._plan(wish, lambda w=wish: self.advance(root, _control(w, self.agenda.now)))  # type: ignore[misc]

    def hear(self, playing: Playing, command: Subscribe | Unsubscribe | AskPerson | Withdraw) -> None:
        """Note what a run waits for, and answer what it asks as the case says."""
        key = (playing.run, command.path)
        match command:
            case Subscribe():
                self._subscribed.add(key)
            case Unsubscribe():
                self._subscribed.discard(key)
            case AskPerson():
                self._asked[key] = command
                self._plan_answer(playing, command)
            case Withdraw():
                self._asked.pop(key, None)

    def give_what_is_awaited(self) -> bool:
        """Bring the next signal or event that is waited for; return whether there was one."""
        for signal in self._signals:
            name, key = str(signal.get("name", "")), str(signal.get("key", ""))
            for playing in self.runs.values():
                if _awaits(playing.state, "signal", name, key):
                    self._signals.remove(signal)
                    self.advance(playing, self._signal(signal, self.case.signals.index(signal)))
                    return True
        for event in self._events:
            kind = str(event.get("type", ""))
            if any(_awaits(playing.state, "event", kind) for playing in self.runs.values()):
                self._events.remove(event)
                self._bring(event, self.case.events.index(event))
                return True
        return False

    @property
    def unused(self) -> list[str]:
        """Return what was never waited for or asked."""
        answers = [f"answer {key!r}" for key in self.case.answers if key not in self._answers_used]
        signals = [f"signal {signal.get('name')!r}" for signal in self._signals]
        return answers + signals + [f"event {event.get('type')!r}" for event in self._events]

    def _plan(self, written: dict[str, Any], happen: Callable[[], None]) -> None:
        at = written.get("at", "0s")
        due = (
            (at - EPOCH) // MICRO if isinstance(at, datetime) else self.start + read_delay(at, "at") // MICRO
        )
        self.agenda.later(due, happen)

    def _signal(self, signal: dict[str, Any], number: int) -> SignalReceived:
        return SignalReceived(
            at=self.agenda.now,
            name=str(signal.get("name", "")),
            key=str(signal.get("key", "")),
            data=from_wire(signal.get("data")),
            id=str(signal.get("id", f"signal-{number}")),
            by=str(signal.get("by", "test")),
        )

    def _bring(self, event: dict[str, Any], number: int) -> None:
        kind, named = str(event.get("type", "")), str(event.get("id", f"event-{number}"))
        told = from_wire({"id": named, **{name: value for name, value in event.items() if name != "at"}})
        for playing in list(self.runs.values()):
            if any(run == playing.run for run, _ in self._subscribed):
                self.advance(playing, EventReceived(at=self.agenda.now, id=named, type=kind, event=told))

    def _plan_answer(self, playing: Playing, command: AskPerson) -> None:
        path = playing.named(command.path)
        key = next((one for one in (path, static_path(path)) if one in self.case.answers), None)
        if key is None or command.again:
            return
        self._answers_used.add(key)
        written = self.case.answers[key]
        if isinstance(written, list):
            number = self._answers_given[key] = self._answers_given.get(key, 0) + 1
            written = written[min(number, len(written)) - 1]
        told = written if isinstance(written, dict) else {"decision": written}
        due = self.agenda.now + read_delay(told.get("after", "0s"), path) // MICRO
        self.agenda.later(due, lambda: self._answer(playing, command, told), path=path)

    def _answer(self, playing: Playing, command: AskPerson, told: dict[str, Any]) -> None:
        if self._asked.pop((playing.run, command.path), None) is None:
            return
        by, comment, at = str(told.get("by", "test")), str(told.get("comment", "")), self.agenda.now
        if command.about == "approval":
            decision, data = str(told.get("decision", "approved")), from_wire(told.get("data"))
            fact = Answered(at=at, path=command.path, decision=decision, by=by, comment=comment, data=data)
            self.advance(playing, fact)
            return
        outcome = told.get("outcome", told.get("decision"))
        if outcome not in ("succeeded", "failed", "retry"):
            raise MockError(
                f"{outcome!r} is no outcome of {command.path!r}.", hint="There is succeeded, failed, retry."
            )
        output = from_wire(told.get("output"))
        resolved = StepResolved(
            at=at, path=command.path, outcome=outcome, attempt=command.attempt, output=output, message=comment, by=by
        )  # fmt: skip
        self.advance(playing, resolved)


def _awaits(state: RunState, kind: str, name: str, key: str | None = None) -> bool:
    return any(
        one.status == "waiting"
        and one.wait_kind == kind
        and one.wait_name == name
        and (key is None or one.wait_key == key)
        for one in state.activations.values()
    )


def _control(wish: dict[str, Any], now: int) -> OutsideFact:
    match str(wish.get("do", "")):
        case "pause":
            return RunPaused(at=now, by="test")
        case "resume":
            return RunResumed(at=now, by="test", variables=from_wire(wish.get("variables", {})))
        case "cancel":
            return CancelRequested(
                at=now, by="test", undo=bool(wish.get("undo")), force=bool(wish.get("force"))
            )
    raise MockError(f"No run can be told to {wish.get('do')!r}.", hint="There is pause, resume and cancel.")
