"""The stage on which a simulated world plays: store, witness, workflows, the engine of the moment, and what is read of it."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from auraos.core.run import Program
from auraos.core.run import commands as c
from auraos.core.run import facts as f
from auraos.core.run.program import CONTAINERS
from simulation.engine import Engine
from simulation.random_workflows import random_program
from simulation.simulated_witness import Witness
from simulation.soundness import Reader, check_replay, demand, in_finally
from simulation.store import Request, Store

SECOND = 1_000_000


class Zombie:
    """An attempt whose process is not heard of: it may still act, and may still report."""

    def __init__(self, command: c.ExecuteStep, run: str, *, acted: bool, may_act: bool) -> None:
        self.command = command
        self.run = run
        self.acted = acted
        self.may_act = may_act


class Stage:
    """What all actors share."""

    def __init__(self, seed: int, tell: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.tell = tell
        self.now = 1_000 * SECOND
        self.sometimes: Counter[str] = Counter()
        self.store = Store()
        self.witness = Witness()
        self.programs: dict[tuple[str, str], Program] = {}
        self.readers: dict[str, Reader] = {}
        self.ledger: dict[str, f.RunStarted] = {}
        self.zombies: list[Zombie] = []
        self.late: list[tuple[str, Any]] = []
        self.paused: Engine | None = None
        self.calm = False
        self.asked_ids = 0
        self.faults = 0
        self.retried: set[str] = set()
        self._write_workflows()
        self.engine = self._new_engine()

    def _write_workflows(self) -> None:
        self.programs["child", "child-v1"] = random_program(self.chance, "child")
        calls = ("child",) if self.chance.random() < 0.5 else ()
        self.programs["tested", "tested-v1"] = random_program(self.chance, calls=calls)

    def _start_runs(self) -> None:
        for number in range(self.chance.choice((1, 1, 2, 3))):
            items = ["a", "b", "c", "d"][: self.chance.randint(0, 4)]
            given = {"n": self.chance.randint(0, 6), "zero": 0, "items": items}
            self._accept(f"run-{number}", given)

    def _accept(self, run: str, given: Any, **more: Any) -> None:
        started = f.RunStarted(
            at=self.now,
            run=run,
            workflow="tested",
            version="tested-v1",
            input=given,
            resolved={"child": "child-v1"},
            **more,
        )
        self.ledger[run] = started
        for _ in range(self.chance.choice((1, 1, 2))):
            if not self.store.ask(Request(f"start {run}", run, started)):
                self.sometimes["a start was sent twice"] += 1

    def _new_engine(self) -> Engine:
        engine = Engine(self.store, self.programs, self.chance.choice((1, 2, 3, 9)), self.sometimes)
        engine.begin(self.now)
        return engine

    def _say(self, text: str) -> None:
        if self.tell is not None:
            self.tell(f"{(self.now - 1_000 * SECOND) / SECOND:10.3f}  {text}")

    def _fault(self, name: str) -> None:
        self.faults += 1
        self.sometimes[name] += 1
        self._say(f"FAULT {name}")

    def _ask(self, run: str, fact: Any) -> None:
        self.asked_ids += 1
        self.store.ask(Request(f"request {self.asked_ids}", run, fact))

    def _send_event(self, run: str, name: str, event: Any) -> None:
        self.asked_ids += 1
        self._ask(run, f.EventReceived(at=self.now, id=f"event {self.asked_ids}", type=name, event=event))

    def _note(self, run: str, reader: Reader, new: list[Any]) -> None:
        """Count the situations that the campaign claims to visit."""
        for fact in new:
            name = _SITUATIONS.get(type(fact))
            if name is not None:
                self.sometimes[name] += 1
            if type(fact) is f.StepGranted:
                self.sometimes[f"{_ARTICLES[fact.purpose]} was granted"] += 1
                self.sometimes["an effect was attempted again"] += fact.attempt > 1
            if type(fact) is f.RetryPlanned:
                self._note_try(reader, fact.path)
            if type(fact) is f.RunFinished:
                self.sometimes[f"a run ended {fact.state}"] += 1
            if type(fact) is f.SignalReceived and reader.state.mailbox_size:
                self.sometimes["a signal came early"] += 1

    def _note_try(self, reader: Reader, path: str) -> None:
        step = reader.program.find(path)
        if step is None or "!" in path:
            return
        kind = {"call": "a call", "act": ""}.get(step.type.name, "a wait")
        kind = "a container" if step.behaviour in CONTAINERS else kind
        if kind:
            self.sometimes[f"{kind} was tried again"] += 1

    def _read(self) -> None:
        """Read what has become durable, and hold it against the rules."""
        for run, stored in self.store.journals.items():
            reader = self.readers.get(run)
            seen = 0 if reader is None else len(reader.journal)
            if len(stored) == seen:
                continue
            new = self.store.read(run)[seen:]
            if reader is None:
                reader = self._first_reader(run, new[0])
            for fact in new:
                self._say(f"{run}: {fact}")
            was = reader.state.is_final
            reader.read(new)
            self._note(run, reader, new)
            demand(not was, f"{run} went on after its end")
            writers = self.store.writers[run]
            demand(writers == sorted(writers), f"{run}: an owner of old wrote after a later one: {writers}")
        if self.chance.random() < 0.1:
            self._compare_live()

    def _first_reader(self, run: str, started: Any) -> Reader:
        demand(type(started) is f.RunStarted, f"the journal of {run} begins with {started}")
        promised = self.ledger.get(run)
        if promised is not None:
            demand(started.input == promised.input, f"{run} has another input than was accepted")
            demand(started.version == promised.version, f"{run} has another version than was accepted")
        self._check_takes_over(started)
        reader = self.readers[run] = Reader(self.programs[started.workflow, started.version])
        return reader

    def _check_takes_over(self, started: f.RunStarted) -> None:
        """A workflow that is called again from the same place goes on where the run before it ended, under its keys."""
        parent = started.parent
        if parent is None or parent.kind != "call":
            return
        for other in self.readers.values():
            first = other.journal[0]
            before = first.parent if type(first) is f.RunStarted else None
            if before is None or (before.run, before.path) != (parent.run, parent.path):
                continue
            caller = self.readers[parent.run].program
            demand(
                first.input != started.input
                or (started.origin or started.run) == (first.origin or first.run)
                or in_finally(caller, parent.path),
                f"{parent.path} was called again and began from nothing",
            )

    def _compare_live(self) -> None:
        for run, active in self.engine.runs.items():
            reader = self.readers.get(run)
            if reader is not None and active.seq == len(reader.journal) and not active.draft.facts:
                check_replay(active.program, active.state, reader.state)
                self.sometimes["a live run was compared with its journal"] += 1


_ARTICLES = {"step": "a step", "undo": "an undo", "verify": "a verify"}
_SITUATIONS: dict[type, str] = {
    f.DoubtRaised: "a doubt was raised",
    f.RetryPlanned: "another attempt was planned",
    f.LoopEntered: "a loop was entered",
    f.RoundDecided: "a round was decided",
    f.EventTaken: "an event was looked at",
    f.ChildFinished: "a called run or a page ended",
    f.TimerFired: "a timer fired",
    f.RunPaused: "a run was paused",
    f.RunQuarantined: "a run was quarantined",
    f.CancelRequested: "a cancel was recorded",
    f.Answered: "a person answered",
    f.StepResolved: "a doubt was resolved",
    f.WaitStarted: "a wait began",
}
