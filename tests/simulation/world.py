"""`SimWorld(seed)`: everything around the run machine, with a virtual clock and chance of its own, where anything may fail.

    python -m tests.simulation --seed 17        plays one world again, telling what happens
    python -m tests.simulation --seeds 20000    plays many

Each tick one actor moves: the engine, the store, an attempt, a client, a person, a timer; now and then a fault strikes.
After each tick what is durable is held against the invariants; at the end every run must be over.
"""

from collections.abc import Callable

from auraos.core.run import explain
from auraos.core.run import facts as f
from simulation.attempting import Attempting
from simulation.clients import Clients
from simulation.engine import error_of
from simulation.random_workflows import small_pages
from simulation.soundness import BrokenPromiseError, Reader, check_end, demand, in_finally
from simulation.stage import SECOND
from simulation.store import ConflictError, FencedError

TICKS = 120
MOST_TICKS_TO_FINISH = 4_000


class SimWorld(Attempting, Clients):
    """One world; everything in it follows from the seed."""

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

    def _late_comes(self) -> None:
        """Something is delivered once more, or after its time."""
        run, fact = self.late.pop(self.chance.randrange(len(self.late)))
        if run in self.engine.runs:
            self.engine.tell(run, fact)

    def _strike(self) -> None:
        strikes = [self._crash, self._crash, self._pause]
        self.chance.choice(strikes)()

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
            if seen.run != run or step is None or step.undo is None:
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
