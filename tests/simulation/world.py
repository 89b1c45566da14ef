"""`SimWorld(seed)`: everything around the run machine, with a virtual clock and chance of its own, where anything may fail.

    python -m tests.simulation --seed 17        plays one world again, telling what happens
    python -m tests.simulation --seeds 20000    plays many

Each tick one actor moves: the engine, the store, an attempt, a client, a person, a timer; now and then a fault strikes.
After each tick what is durable is held against the invariants; at the end every run must be over.
"""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from auraos.core.run import Program, explain, inherit
from auraos.core.run import commands as c
from auraos.core.run import facts as f
from simulation.engine import Engine, error_of
from simulation.soundness import BrokenPromiseError, Reader, check_end, check_replay, demand, in_finally
from simulation.store import ConflictError, FencedError, Request, Store
from simulation.witness import CHANGING, Witness
from simulation.workflows import EVENTS, SIGNALS, random_program, small_pages

SECOND = 1_000_000
TICKS = 120
MOST_TICKS_TO_FINISH = 4_000
Task = tuple[str, str, int]


class Zombie:
    """An attempt whose process is not heard of: it may still act, and may still report."""

    def __init__(self, command: c.ExecuteStep, run: str, *, acted: bool, may_act: bool) -> None:
        self.command = command
        self.run = run
        self.acted = acted
        self.may_act = may_act


class SimWorld:
    """One world; everything in it follows from the seed."""

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

    def play(self) -> "SimWorld":
        """Live through all of it; raise `BrokenPromiseError` with the seed when a promise is broken."""
        try:
            with small_pages():
                self._start_runs()
                for _ in range(TICKS):
                    self.tick()
                self.calm = True
                self._heal()
                for _ in range(MOST_TICKS_TO_FINISH):
                    if self._is_over():
                        break
                    self.tick()
                self._check_end()
        except Exception as error:
            again = f"python -m tests.simulation --seed {self.seed}"
            raise BrokenPromiseError(
                f"seed {self.seed}: {type(error).__name__}: {error}\nplay it again: {again}\n"
            ) from error
        return self

    def tick(self) -> None:
        """Let one actor move."""
        self.now += self.chance.choice((0, 1, 1_000, SECOND // 2))
        self.engine.now = self.now
        if not self.calm and self.chance.random() < 0.05:
            self._strike()
        actors = self._actors()
        self.chance.choice(actors)()
        if self.engine.batch or self.chance.random() < 0.7:
            self.engine.seal()
        self._read()

    def _actors(self) -> list[Callable[[], None]]:
        engine = self.engine
        actors: list[Callable[[], None]] = []
        actors += [self._store_answers] * 6 if engine.batch else []
        actors += [self._attempt_moves] * 5 if engine.tasks else []
        actors += [self._request_is_taken] * 4 if len(engine.taken) < len(self.store.seen) else []
        actors += [engine.go_on] * 4 if engine.nudges or engine.computing else []
        actors += [engine.fill_slots] if any(active.queued for active in engine.runs.values()) else []
        actors += [self._timer_fires] * 4 if engine.due_timers() else []
        actors += [self._person_answers] * 2 if engine.asks else []
        actors += [self._late_comes] if self.late else []
        actors += [self._zombie_wakes] if self.zombies else []
        actors += [self._paused_wakes] if self.paused is not None else []
        actors += [self._client_acts] if not self.calm else []
        if (
            not actors
            or (self.chance.random() < 0.06 and engine.timers)
            or (self.calm and self.chance.random() < 0.1)
        ):
            actors = [self._time_passes]
        return actors

    # --- the beginning ---

    def _write_workflows(self) -> None:
        self.programs["child", "child-v1"] = random_program(self.chance, "child")
        calls = ("child",) if self.chance.random() < 0.4 else ()
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

    # --- actors ---

    def _store_answers(self) -> None:
        """The batch is written, or fails, or is written and nobody hears of it."""
        roll = 1.0 if self.calm else self.chance.random()
        if roll < 0.04:
            self._fault("a commit failed")
            self.engine.not_written()
            return
        if roll < 0.1:
            self.sometimes["a commit was slow"] += 1
            return
        try:
            self.store.commit(self.engine.token, self.engine.batch)
        except (FencedError, ConflictError) as error:
            raise BrokenPromiseError(f"the owner could not write: {error!r}") from error
        if roll < 0.15:
            self._fault("the reply to a commit was lost")
            self.engine.not_written()
            return
        self.engine.written()

    def _request_is_taken(self) -> None:
        self.engine.take_request(self.chance.choice)

    def _attempt_moves(self) -> None:
        """An attempt acts and reports, or something goes wrong with it."""
        task = self.chance.choice(list(self.engine.tasks))
        command = self.engine.tasks[task]
        roll = 0.2 + 0.3 * self.chance.random() if self.calm else self.chance.random()
        at, path, attempt = self.now, command.path, command.attempt
        cancelled = task in self.engine.cancelling
        if roll < 0.6 and not cancelled:
            self._act(task[0], command)
            fact: Any = f.StepSucceeded(
                at=at, path=path, attempt=attempt, output=self._output(task[0], command)
            )
            if self.chance.random() < 0.08:
                self.sometimes["a result was delivered twice"] += 1
                self.late.append((task[0], fact))
        elif roll < 0.8:
            class_ = "cancelled" if cancelled else self.chance.choice(("transient", "transient", "permanent"))
            self.sometimes["an attempt failed"] += 1
            fact = f.StepFailed(at=at, path=path, attempt=attempt, error=error_of(class_, path))
        else:
            acted = self.chance.random() < 0.5
            self._fault("nobody knows what became of an attempt")
            self.witness.disturbed.add(command.key)
            if acted:
                self.sometimes["an effect took place and was not heard of"] += 1
                self._act(task[0], command)
            lost = self.chance.random() < 0.4
            fact = f.StepUnknown(
                at=at, path=path, attempt=attempt, error=error_of("unknown", path), lost=lost
            )
            if self.chance.random() < 0.5:
                self.zombies.append(
                    Zombie(command, task[0], acted=acted, may_act=self._may_repeat(task[0], command))
                )
        self.engine.report(task, fact)
        if self.chance.random() < 0.7:
            self.engine.fill_slots()

    def _act(self, run: str, command: c.ExecuteStep) -> None:
        """Let the effect of an attempt take place, and hold it against what the journal says: the grant is durable."""
        reader = self.readers.get(run)
        granted = reader is not None and any(
            type(fact) is f.StepGranted and (fact.path, fact.attempt) == (command.path, command.attempt)
            for fact in reader.journal
        )
        demand(granted, f"{command.path}: attempt {command.attempt} began before its grant was durable")
        assert reader is not None
        state = reader.state
        step = state.program.find(command.path)
        fact = next(
            fact
            for fact in reversed(reader.journal)
            if type(fact) is f.StepGranted and fact.path == command.path
        )
        own_key = step is not None and step.key is not None and command.purpose == "step"
        self.witness.perform(
            run,
            state.origin,
            fact.generation,
            command,
            may_repeat=self._may_repeat(run, command),
            own_key=own_key,
        )

    def _may_repeat(self, run: str, command: c.ExecuteStep) -> bool:
        if command.effect not in ("write", "irreversible"):
            return True
        step = self.readers[run].program.find(command.path)
        return command.purpose == "step" and step is not None and step.step.uncertain == "retry"

    def _output(self, run: str, command: c.ExecuteStep) -> Any:
        """Return what an attempt brings: for a verification the truth, for others a little data."""
        given = command.parameters if isinstance(command.parameters, dict) else {}
        if command.purpose == "verify":
            return {"done": self._took_place(run, command.path.removesuffix("!verify")), "n": 1}
        output = {"n": self.chance.randint(0, 3), "item": given.get("item")}
        return output if self.chance.random() < 0.95 else {"item": given.get("item")}

    def _took_place(self, run: str, path: str) -> bool:
        """Return whether the effect that is in doubt took place: what the other side would say."""
        state = self.readers[run].state
        activation = state.activations.get(path)
        return activation is not None and self.witness.knows(activation.key)

    def _timer_fires(self) -> None:
        key = self.chance.choice(self.engine.due_timers())
        if self.now > self.engine.timers[key] + SECOND:
            self.sometimes["a timer fired late"] += 1
        if not self.calm and self.chance.random() < 0.05:
            self.sometimes["a timer fired twice"] += 1
            run, path, timer = key
            self.late.append((run, f.TimerFired(at=self.now, path=path, timer=timer)))
        self.engine.fire(key)

    def _time_passes(self) -> None:
        """Nothing moves for a while: go to the next timer, or send what the runs wait for."""
        coming = [due for due in self.engine.timers.values() if due > self.now]
        if self.calm:
            self._send_what_is_waited_for()
        if coming and (not self.calm or self.chance.random() < 0.5):
            self.now = min(coming) if self.chance.random() < 0.6 else max(coming)
        self.engine.now = self.now

    def _send_what_is_waited_for(self) -> None:
        for run, active in list(self.engine.runs.items()):
            if active.state.phase == "paused":
                self._ask(run, f.RunResumed(at=self.now))
            if active.state.phase == "quarantined":
                self._ask(run, f.RunReleased(at=self.now))
            for why in explain(active.state):
                if why.state == "waiting" and why.data.get("kind") == "signal":
                    self._ask(run, f.SignalReceived(at=self.now, name=why.data["name"], key=why.data["key"]))
                if why.state == "waiting" and why.data.get("kind") == "event":
                    self._send_event(run, why.data["name"], {"n": 2})

    def _ask(self, run: str, fact: Any) -> None:
        self.asked_ids += 1
        self.store.ask(Request(f"request {self.asked_ids}", run, fact))

    def _send_event(self, run: str, name: str, event: Any) -> None:
        self.asked_ids += 1
        self._ask(run, f.EventReceived(at=self.now, id=f"event {self.asked_ids}", type=name, event=event))

    def _person_answers(self) -> None:
        """A person answers what was asked: an approval as they like, a doubt with the truth."""
        (run, path), ask = self.chance.choice(list(self.engine.asks.items()))
        pending = any(
            one.run == run and getattr(one.fact, "path", None) == path for one in self.store.requests.values()
        )
        if run not in self.readers or pending:
            return
        if ask.about == "approval":
            decision = self.chance.choice(("approved", "rejected"))
            self._ask(run, f.Answered(at=self.now, path=path, decision=decision, by="ann"))
            if self.chance.random() < 0.2:
                self.sometimes["an approval was answered twice"] += 1
                self._ask(run, f.Answered(at=self.now, path=path, decision="rejected", by="bob"))
            return
        if ask.about == "forced":
            return
        took_place = self._took_place(run, path)
        self.sometimes["a person resolved a doubt"] += 1
        outcome = (
            "succeeded" if took_place else "retry" if self.calm else self.chance.choice(("retry", "failed"))
        )
        self._ask(run, f.StepResolved(at=self.now, path=path, outcome=outcome, output={"n": 1}, by="ann"))  # type: ignore[arg-type]

    def _late_comes(self) -> None:
        """Something is delivered once more, or after its time."""
        run, fact = self.late.pop(self.chance.randrange(len(self.late)))
        if run in self.engine.runs:
            self.engine.tell(run, fact)

    def _zombie_wakes(self) -> None:
        """An attempt that was given up goes on: it acts if nothing forbids it, and reports to whoever owns the run now."""
        zombie = self.zombies.pop(self.chance.randrange(len(self.zombies)))
        command = zombie.command
        self.sometimes["a zombie woke"] += 1
        if not zombie.acted and zombie.may_act and self.chance.random() < 0.7:
            self.sometimes["a zombie acted"] += 1
            self.witness.disturbed.add(command.key)
            self._act(zombie.run, command)
            zombie.acted = True
        fact: Any = f.StepFailed(
            at=self.now, path=command.path, attempt=command.attempt, error=error_of("transient", command.path)
        )
        if zombie.acted:
            output = self._output(zombie.run, command)
            fact = f.StepSucceeded(at=self.now, path=command.path, attempt=command.attempt, output=output)
        self.sometimes["a late result came"] += 1
        if zombie.run in self.engine.runs:
            self.engine.tell(zombie.run, fact)

    def _client_acts(self) -> None:
        """A client signals, sends events, cancels, pauses, retries what is over."""
        run = self.chance.choice(list(self.ledger))
        roll = self.chance.random()
        if roll < 0.4:
            self._signal(run)
        elif roll < 0.6:
            self._send_event(run, self.chance.choice(EVENTS), {"n": self.chance.randint(0, 4)})
        elif roll < 0.7:
            self._ask(run, f.RunPaused(at=self.now, by="ann", reason="lunch"))
        elif roll < 0.85:
            self._ask(run, f.RunResumed(at=self.now, by="ann", variables={"v": self.chance.randint(2, 9)}))
        elif roll < 0.9:
            self._cancel(run)
        elif roll < 0.92:
            self._ask(run, f.RunQuarantined(at=self.now, reason="it broke the engine."))
        else:
            self._retry()

    def _signal(self, run: str) -> None:
        number = self.chance.randint(0, 9)
        signal = f.SignalReceived(
            at=self.now, name=self.chance.choice(SIGNALS), data=number, id=f"signal {number}"
        )
        for _ in range(self.chance.choice((1, 1, 2))):
            self._ask(run, signal)

    def _cancel(self, run: str) -> None:
        force = self.chance.random() < 0.1
        self.sometimes["a run was ended by force" if force else "a run was cancelled"] += 1
        self._ask(run, f.CancelRequested(at=self.now, by="ann", undo=self.chance.random() < 0.5, force=force))

    def _retry(self) -> None:
        """Retry a run that is over and did not succeed: a new run takes over what it did."""
        over = [
            run
            for run in self.ledger
            if run in self.readers and self.readers[run].finished and run not in self.retried
        ]
        over = [run for run in over if self.readers[run].state.status not in ("succeeded", "compensated")]
        if not over or len(self.ledger) > 6:
            return
        run = self.chance.choice(over)
        self.retried.add(run)
        old = self.readers[run]
        for path, attempt, _ in self._in_flight_at_end(run):
            self._say(f"{path} #{attempt} was in flight at the end of {run}")
        taken = inherit(old.program, old.journal)
        self.sometimes["a run was retried"] += 1
        self.sometimes["a retry took over an open effect"] += any(not one.finished for one in taken)
        self._disturb(run)
        parent = f.Parent(run=run, kind="retry")
        self._accept(f"{run}+", old.state.input, origin=old.state.origin, parent=parent, inherited=taken)

    def _in_flight_at_end(self, run: str) -> list[Task]:
        return [
            (zombie.command.path, zombie.run, zombie.command.attempt)
            for zombie in self.zombies
            if zombie.run == run
        ]

    def _disturb(self, run: str) -> None:
        """What was open when a run ended may be done again by its retry; so may what its pages did, which it cannot see."""
        for key, seen in self.witness.seen.items():
            settled = self.readers[seen.run].settled.get(seen.path)
            if seen.run != run or settled not in ("succeeded", "undone"):
                self.witness.disturbed.add(key)

    # --- faults ---

    def _fault(self, name: str) -> None:
        self.faults += 1
        self.sometimes[name] += 1
        self._say(f"FAULT {name}")

    def _strike(self) -> None:
        strikes = [self._crash, self._crash, self._pause]
        self.chance.choice(strikes)()

    def _lose_process(self, engine: Engine, *, may_act_later: bool) -> None:
        """The attempts of a process that is gone, or stands still: each had acted or not, and some go on later."""
        self._disturb_attempts()
        for (run, _, _), command in engine.tasks.items():
            self.witness.disturbed.add(command.key)
            acted = self.chance.random() < 0.4
            if acted:
                self._act(run, command)
                self.sometimes["an effect took place and its process died"] += 1
            if may_act_later or (acted and self.chance.random() < 0.3):
                may_act = may_act_later and self._may_repeat(run, command)
                self.zombies.append(Zombie(command, run, acted=acted, may_act=may_act))

    def _disturb_attempts(self) -> None:
        """What came of an attempt and was not written yet may be forgotten."""
        for reader in self.readers.values():
            for path, _, _ in reader.state.attempts_in_flight():
                self.witness.disturbed.add(reader.state.activations[path].key)

    def _crash(self) -> None:
        """The process dies: what was not written is gone; what was on its way may have been written."""
        self._fault("the engine crashed")
        engine = self.engine
        if engine.batch and self.chance.random() < 0.5:
            self.sometimes["a crash came after the commit and before its reply"] += 1
            self.store.commit(engine.token, engine.batch)
        self._read()
        self._lose_process(engine, may_act_later=False)
        self.engine = self._new_engine()

    def _pause(self) -> None:
        """The process stands still for longer than its lease, and another one takes over."""
        if self.paused is not None:
            return
        self._fault("the engine was paused and another took over")
        self.paused = self.engine
        self._lose_process(self.engine, may_act_later=True)
        self.engine = self._new_engine()

    def _paused_wakes(self) -> None:
        """The paused process goes on as if nothing had happened: it decides, it tries to write, and it is fenced."""
        old, self.paused = self.paused, None
        assert old is not None
        old.now = self.now
        for run, path, timer in old.due_timers():
            old.timers.pop((run, path, timer))
            if run in old.runs:
                old.tell(run, f.TimerFired(at=self.now, path=path, timer=timer))
        for (run, path, attempt), _ in list(old.tasks.items()):
            old.report(
                (run, path, attempt),
                f.StepFailed(at=self.now, path=path, attempt=attempt, error=error_of("transient", path)),
            )
        if not old.seal():
            return
        try:
            self.store.commit(old.token, old.batch)
        except FencedError:
            self.sometimes["a zombie engine was fenced"] += 1
        except ConflictError:
            self.sometimes["a zombie engine met a longer journal"] += 1
        else:
            old.written()
            for (run, _, _), command in list(old.tasks.items()):
                self._read()
                self._act(run, command)

    def _heal(self) -> None:
        """The last fault was: the paused process never wakes, requests that stand still are given again."""
        self.sometimes["runs were open at the last fault"] += sum(
            not reader.finished for reader in self.readers.values()
        )
        self._say("the last fault was")

    # --- what must hold ---

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
        reader = self.readers[run] = Reader(self.programs[started.workflow, started.version])
        return reader

    def _note(self, run: str, reader: Reader, new: list[Any]) -> None:
        """Count the situations that the campaign claims to visit."""
        for fact in new:
            name = _SITUATIONS.get(type(fact))
            if name is not None:
                self.sometimes[name] += 1
            if type(fact) is f.StepGranted:
                self.sometimes[f"{_ARTICLES[fact.purpose]} was granted"] += 1
                self.sometimes["an effect was attempted again"] += fact.attempt > 1
            if type(fact) is f.RunFinished:
                self.sometimes[f"a run ended {fact.state}"] += 1
            if type(fact) is f.SignalReceived and reader.state.mailbox_size:
                self.sometimes["a signal came early"] += 1

    def _compare_live(self) -> None:
        for run, active in self.engine.runs.items():
            reader = self.readers.get(run)
            if reader is not None and active.seq == len(reader.journal) and not active.draft.facts:
                check_replay(active.program, active.state, reader.state)
                self.sometimes["a live run was compared with its journal"] += 1

    def _is_over(self) -> bool:
        return (
            not self.store.requests
            and len(self.readers) >= len(self.ledger)
            and all(reader.finished for reader in self.readers.values())
            and not self.engine.batch
        )

    def _check_end(self) -> None:
        for run in self.ledger:
            demand(run in self.readers, f"{run} was accepted and never began")
        for run, reader in self.readers.items():
            words = [f"{why.path} {why.state}: {why.words}" for why in explain(reader.state)]
            demand(reader.finished, f"{run} is stuck: {reader.state.status}, {words}")
            check_end(reader)
            self._check_effects_undone(run, reader)

    def _check_effects_undone(self, run: str, reader: Reader) -> None:
        """What took place in a run that took everything back was undone, whoever heard of it."""
        state = reader.state
        if state.status != "compensated" or state.forced or state.undo_failed:
            return
        for seen in self.witness.seen.values():
            step = reader.program.find(seen.path)
            if seen.run != run or step is None or step.undo is None or seen.effect == "idempotent":
                continue
            if (
                seen.purpose != "step"
                or step.step.uncertain in ("fail", "retry")
                or in_finally(reader.program, seen.path)
            ):
                continue
            undone = reader.settled.get(f"{seen.path}!undo")
            demand(
                undone == "undone", f"{seen.path} took place, {run} is {state.status}, and it was not undone"
            )
            self.sometimes["an effect was taken back"] += 1


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
__all__ = ["CHANGING", "SimWorld"]
