"""Clients and people: they signal, cancel, pause, answer, and retry what failed."""

from auraos.core.run import explain, inherit
from auraos.core.run import facts as f
from simulation.random_workflows import EVENTS, SIGNALS
from simulation.stage import Stage


class Clients(Stage):
    """Asks things of runs."""

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
        answer = f.StepResolved(
            at=self.now,
            path=path,
            outcome=outcome,  # type: ignore[arg-type]
            attempt=ask.attempt,
            output={"n": 1},
            by="ann",
        )
        self._ask(run, answer)

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
        over = [run for run in over if self.readers[run].state.status != "succeeded"]
        if not over or len(self.ledger) > 6:
            return
        run = self.chance.choice(over)
        self.retried.add(run)
        old = self.readers[run]
        taken = inherit(old.program, old.journal)
        self.sometimes["a run was retried"] += 1
        self.sometimes["a retry took over an open effect"] += any(not one.finished for one in taken)
        self._disturb(run)
        parent = f.Parent(run=run, kind="retry")
        self._accept(f"{run}+", old.state.input, origin=old.state.origin, parent=parent, inherited=taken)

    def _disturb(self, run: str) -> None:
        """What was open when a run ended may be done again by its retry; so may what its pages did, which it cannot see."""
        for key, seen in self.witness.seen.items():
            settled = self.readers[seen.run].settled.get(seen.path)
            if seen.run != run or settled not in ("succeeded", "undone"):
                self.witness.disturbed.add(key)

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
