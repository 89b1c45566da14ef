"""Attempts: they act and report, fail, fall silent, go on as zombies, and are lost with their process."""

from typing import Any

from auraos.core.run import commands as c
from auraos.core.run import facts as f
from simulation.engine import Engine, error_of
from simulation.soundness import demand, in_finally
from simulation.stage import Stage, Zombie


class Attempting(Stage):
    """Carries attempts out, or fails to."""

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
            state.origin
            if step is not None
            else command.key,  # a called run's undo is known by its key alone
            fact.generation,
            command,
            may_repeat=self._may_repeat(run, command),
            own_key=own_key,
            in_page=state.page is not None,
            may_be_anew=in_finally(state.program, command.path) or self._may_be_anew(command.path),
        )

    def _may_be_anew(self, path: str) -> bool:
        """Return whether an effect that stands may be done once more all the same: its undo had begun, or a person said
        what became of it or of its undo, and their word counts.
        """
        return any(
            (type(fact) is f.StepResolved or (type(fact) is f.StepGranted and fact.purpose == "undo"))
            and fact.path.partition("!")[0].endswith(path)
            for reader in self.readers.values()
            for fact in reader.journal
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
