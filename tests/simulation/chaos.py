"""Tells one run anything that could happen, in any order, as chance has it; then lets it finish by its open wishes alone."""

import random
from collections.abc import Callable
from typing import Any

from auraos.core.run import Program, RunState, StepMade, advance, outstanding, restore, snapshot, view
from auraos.core.run import commands as c
from auraos.core.run import facts as f
from auraos.core.run.facts import AnyFact, StepError
from simulation.random_workflows import DICE, EVENTS, SIGNALS
from simulation.soundness import BrokenPromiseError, Reader, check_end, check_replay, demand

SECOND = 1_000_000
MOST_TURNS_TO_FINISH = 6_000


class Chaos:
    """One run, everything that it ever wished, and a twin that was restored from a snapshot and hears the same."""

    def __init__(self, program: Program, chance: random.Random, given: Any) -> None:
        self.program = program
        self.chance = chance
        self.state = RunState(program)
        self.reader = Reader(program)
        self.twin: RunState | None = None
        self.now = 1_000 * SECOND
        self.queued: list[str] = []
        self.attempts: list[c.ExecuteStep] = []
        self.timers: list[c.StartTimer] = []
        self.children: list[c.StartChild] = []
        self.asked: list[str] = []
        self.computing: list[c.Compute] = []
        self.told: list[AnyFact] = []
        self.fired: list[c.StartTimer] = []
        self.ended = 0
        self.tell(
            f.RunStarted(at=self.now, run="run-1", workflow="tested", version=program.version, input=given)
        )

    def tell(self, given: Any, budget: int = 1_000) -> StepMade:
        """Let one thing happen, to the run, to the reader of its journal, and to the twin."""
        thrown = DICE.thrown
        made = advance(self.program, self.state, given, budget=budget)
        self.reader.read(made.facts)
        check_replay(self.program, self.state, self.reader.state)
        if self.twin is not None:
            DICE.thrown = thrown
            other = advance(self.program, self.twin, given, budget=budget)
            demand(
                other.facts == made.facts, f"the restored run decided {other.facts}, the other {made.facts}"
            )
            one, two = _plain(other.commands), _plain(made.commands)
            demand(one == two, f"the restored run wishes {one}, the other {two}")
            demand(snapshot(self.twin) == snapshot(self.state), "the restored run is elsewhere")
        for command in made.commands:
            self._note(command)
        return made

    def _note(self, command: c.Command) -> None:
        match command:
            case c.QueueStep():
                self.queued.append(command.path)
            case c.ExecuteStep():
                self.attempts.append(command)
            case c.StartTimer():
                self.timers.append(command)
            case c.StartChild(wait=True):
                self.children.append(command)
            case c.AskPerson():
                self.asked.append(command.path)
            case c.Compute():
                self.computing.append(command)
            case c.EndRun():
                self.ended += 1
                demand(self.ended == 1, "the end was wished twice")
            case _:
                pass

    # --- chaos ---

    def stir(self, turns: int) -> None:
        """Let some things happen that may or may not fit."""
        for _ in range(turns):
            self.now += self.chance.choice((0, 0, 1, SECOND, 40 * SECOND))
            thing = self.chance.choice(self._things())()
            if thing is not None:
                self.tell(thing, budget=self.chance.choice((1, 2, 1_000, 1_000)))
                if self.chance.random() < 0.3:
                    self.told.append(thing)
            if self.chance.random() < 0.05:
                self.twin = restore(self.program, snapshot(self.state)) if not self._computes() else None

    def _computes(self) -> bool:
        return any(activation.status == "computing" for activation in self.state.activations.values())

    def _things(self) -> list[Callable[[], Any]]:
        things: list[Callable[[], Any]] = [
            self._signal,
            self._event,
            self._control,
            lambda: c.Continued(self.now),
        ]
        things += [self._open] * 8 if self.queued else []
        things += [self._result] * 8 if self.attempts else []
        things += [self._fire] * 3 if self.timers else []
        things += [self._end_child] * 3 if self.children else []
        things += [self._answer, self._resolve] if self.asked else []
        things += [self._compute] if self.computing else []
        things += [self._again] if self.told else []
        return things

    def _open(self) -> Any:
        return c.SlotOpened(self._late(self.queued), self.now)

    def _late(self, listed: list[Any]) -> Any:
        """Return mostly one of the latest, now and then one that is long over."""
        return self.chance.choice(listed[-3:] if self.chance.random() < 0.7 else listed)

    def _result(self) -> Any:
        command = self._late(self.attempts)
        path, attempt = command.path, command.attempt
        output = {
            "n": self.chance.randint(0, 5),
            "item": _item(command),
            "done": self.chance.choice((True, False, "?")),
        }
        kind = self.chance.choice(("good", "good", "good", "good", "bad", "transient", "unknown", "lost"))
        if kind == "good":
            return f.StepSucceeded(
                at=self.now, path=path, attempt=attempt, output=self.chance.choice((output, output, None))
            )
        error = StepError(
            class_={"bad": "permanent"}.get(kind, kind), code="broken", message="it broke", path=path
        )
        if kind in ("unknown", "lost"):
            return f.StepUnknown(at=self.now, path=path, attempt=attempt, error=error, lost=kind == "lost")
        return f.StepFailed(at=self.now, path=path, attempt=attempt, error=error)

    def _fire(self) -> Any:
        timer = self._late(self.timers)
        if self.chance.random() < 0.8:
            self.now = max(self.now, timer.due)
        return f.TimerFired(at=self.now, path=timer.path, timer=timer.timer)

    def _signal(self) -> Any:
        name, key = self.chance.choice((*SIGNALS, "nobody waits")), self.chance.choice(("", "", "other"))
        number = self.chance.randint(0, 30)
        return f.SignalReceived(
            at=self.now, name=name, key=key, data=number, id=self.chance.choice(("", f"i{number}"))
        )

    def _event(self) -> Any:
        number = self.chance.randint(0, 20)
        event = self.chance.choice(({"n": number % 4}, {"n": "text"}, None))
        return f.EventReceived(at=self.now, id=str(number), type=self.chance.choice(EVENTS), event=event)

    def _answer(self) -> Any:
        decision = self.chance.choice(("approved", "rejected", "neither"))
        return f.Answered(at=self.now, path=self._late(self.asked), decision=decision, by="ann")

    def _resolve(self) -> Any:
        return f.StepResolved(
            at=self.now,
            path=self._late(self.asked),
            outcome=self.chance.choice(("succeeded", "failed", "retry")),
            output=self.chance.choice(({"n": 1}, None)),
            by="ann",
        )

    def _end_child(self) -> Any:
        return self.child_end(
            self._late(self.children), self.chance.choice(("succeeded", "succeeded", "failed", "cancelled"))
        )

    def child_end(self, command: c.StartChild, state: str) -> f.ChildFinished:
        """Return that a called run, or a page, came to this end."""
        inner = "inner" if command.page is None else f"{command.path}[page {command.page.number}]/inner"
        entry = f.UndoEntry(path=inner, type="act", effect="idempotent", key="of the child")
        output: Any = {"n": self.chance.randint(0, 5)}
        page = command.page
        if page is not None:
            more = self.chance.random() < 0.4 and page.number < 4
            loop = {"last": output, "rounds": page.rounds + 2, "more": more}
            output = {"results": [None] * len(page.items), "failures": [], **loop}
        error = StepError(class_="permanent", code="inner", message="the child broke")
        return f.ChildFinished(
            at=self.now,
            path=command.path,
            run=command.run,
            state=state,
            output=output if state == "succeeded" else None,
            error=None if state == "succeeded" else error,
            undo=(entry,) if state == "succeeded" and self.chance.random() < 0.5 else (),
            page=None if page is None else page.number,
        )

    def _compute(self) -> Any:
        command = self._late(self.computing)
        return f.Computed(at=self.now, results=[command.evaluate()])

    def _again(self) -> Any:
        """Return something that was told before: everything may be delivered twice."""
        return self.chance.choice(self.told)

    def _control(self) -> Any:
        roll = self.chance.random()
        if roll < 0.3:
            return f.RunPaused(at=self.now, by="ann", reason="lunch")
        if roll < 0.75:
            return f.RunResumed(at=self.now, variables={"v": self.chance.randint(1, 9)})
        if roll < 0.82:
            return f.RunQuarantined(at=self.now, reason="it broke the engine.")
        if roll < 0.92:
            return f.RunReleased(at=self.now, by="ann")
        if roll < 0.99:
            return f.CancelRequested(at=self.now, by="ann", undo=self.chance.random() < 0.5)
        return f.CancelRequested(at=self.now, by="ann", force=True)

    # --- the end ---

    def finish(self) -> None:
        """Begin as after a restart, with what the journal says, and do what it asks for until the run is over."""
        self.state = self.reader.state
        self.reader = self._read_again()
        self.twin = None
        self.timers = []
        for path, attempt, _ in self.state.attempts_in_flight():
            error = StepError(class_="unknown", code="process-lost", message="its process died", path=path)
            self.tell(f.StepUnknown(at=self.now, path=path, attempt=attempt, error=error, lost=True))
        for _ in range(MOST_TURNS_TO_FINISH):
            if self.state.is_final:
                break
            self._move()
        demand(self.state.is_final, f"stuck: {self.state.status}, {[why.words for why in view_of(self).why]}")
        check_end(self.reader)
        view_of(self)

    def _read_again(self) -> Reader:
        reader = Reader(self.program)
        reader.read(self.reader.journal)
        return reader

    def _move(self) -> None:
        if self.state.phase == "paused":
            self.tell(f.RunResumed(at=self.now))
            return
        if self.state.phase == "quarantined":
            self.tell(f.RunReleased(at=self.now))
            return
        in_flight = {(path, attempt) for path, attempt, _ in self.state.attempts_in_flight()}
        for command in self.attempts:
            if (command.path, command.attempt) in in_flight:
                output = {"n": 1, "item": _item(command), "done": True}
                self.tell(
                    f.StepSucceeded(at=self.now, path=command.path, attempt=command.attempt, output=output)
                )
                return
        wishes = outstanding(self.state)
        if self._computes():
            paths = {own.path for own in self.state.activations.values() if own.status == "computing"}
            command = next(one for one in self.computing if one.path in paths)
            self.tell(f.Computed(at=self.now, results=[command.evaluate()]))
            return
        wishes.sort(key=lambda wish: type(wish) is c.StartTimer)
        handlers: list[Any] = [fact for fact in map(self._grant_wish, wishes) if fact is not None]
        waits = [
            one
            for one in self.state.activations.values()
            if one.status == "waiting" and one.wait_kind == "signal"
        ]
        handlers += [f.SignalReceived(at=self.now, name=one.wait_name, key=one.wait_key) for one in waits]
        demand(handlers, f"nothing can be done and the run is {self.state.status}: {wishes}")
        given = handlers[0]
        if type(given) is f.TimerFired:
            timers = [one for one in wishes if type(one) is c.StartTimer and one not in self.fired]
            demand(timers, f"only timers that have fired are left, and the run is {self.state.status}")
            first = min(timers, key=lambda timer: timer.due)
            self.now = max(self.now, first.due)
            given = f.TimerFired(at=self.now, path=first.path, timer=first.timer)
            self.fired.append(first)
        self.tell(given)

    def _grant_wish(self, wish: c.Command) -> Any:
        match wish:
            case c.QueueStep():
                return c.SlotOpened(wish.path, self.now)
            case c.Continue():
                return c.Continued(self.now)
            case c.StartChild():
                return self.child_end(wish, "succeeded")
            case c.Subscribe():
                return f.EventReceived(
                    at=self.now,
                    id=f"{len(self.reader.journal)} for {wish.path}",
                    type=wish.type,
                    event={"n": 2},
                )
            case c.AskPerson(about="approval"):
                return f.Answered(at=self.now, path=wish.path, decision="approved")
            case c.AskPerson():
                return f.StepResolved(at=self.now, path=wish.path, outcome="succeeded", output={"n": 1})
            case c.StartTimer() if wish not in self.fired:
                return f.TimerFired(at=self.now, path=wish.path, timer=wish.timer)
        return None


def view_of(chaos: Chaos) -> Any:
    return view(chaos.program, chaos.reader.journal)


def _item(command: c.ExecuteStep) -> Any:
    return command.parameters.get("item") if isinstance(command.parameters, dict) else None


def _plain(commands: list[c.Command]) -> list[Any]:
    """Return commands without what cannot be compared: the function that computes."""
    return [(type(one), one.path) if type(one) is c.Compute else one for one in commands]


__all__ = ["BrokenPromiseError", "Chaos"]
