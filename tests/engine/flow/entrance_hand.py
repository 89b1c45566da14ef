"""A hand to drive the entrance with, in virtual time: it starts and ends runs, and keeps what was decided of each."""

from auraos.core.gate import Gate
from auraos.engine.flow.entrance import Entrance
from auraos.engine.flow.standing import Admit, Cancel, Refuse, Standing

SECOND = 1_000_000


def gate(setting: str, key: str = "", **rule) -> Gate:
    """Return a gate; `per` is in seconds."""
    per = int(rule.pop("per", 0) * SECOND)
    return Gate(setting=setting, name=f"{setting}/{key}", key=key, per=per, **rule)


class Hand:
    """One entrance, its clock, and the runs behind it."""

    def __init__(self) -> None:
        self.now = 1_000 * SECOND
        self.entrance = Entrance()
        self.runs: dict[str, Standing] = {}
        self.live: dict[str, Admit] = {}
        self.admitted: list[str] = []
        self.begun: list[tuple[int, str]] = []
        self.refused: dict[str, Refuse] = {}
        self.cancelled: dict[str, Cancel] = {}
        self.over: dict[str, int] = {}

    def start(self, run: str, *gates: Gate, priority: int = 5) -> "Hand":
        self.now += 1
        self.runs[run] = Standing(run, self.now, gates, priority=priority)
        self.entrance.enter(self.runs[run], self.now)
        return self.take()

    def end(self, run: str) -> "Hand":
        self.now += 1
        self.live.pop(run, None)
        self.over[run] = self.now
        self.entrance.ended(run, self.now)
        return self.take()

    def wait(self, seconds: float) -> "Hand":
        until = self.now + int(seconds * SECOND)
        while (due := self.entrance.next_due) is not None and due <= until:
            self.now = max(self.now, due)
            self.entrance.tick(self.now)
            self.take()
        self.now = until
        return self

    def take(self) -> "Hand":
        decisions, self.entrance.decisions = self.entrance.decisions, []
        for decision in decisions:
            match decision:
                case Admit(run=run):
                    self.live[run] = decision
                    self.admitted.append(run)
                    self.begun.append((self.now, run))
                    self.entrance.began(run, self.now)
                    for gathered in decision.gathered[1:]:
                        self.over[gathered] = self.now
                case Refuse(run=run):
                    self.refused[run] = decision
                    self.over[run] = self.now
                case Cancel(run=run):
                    self.cancelled[run] = decision
        return self

    def restart(self) -> "Hand":
        """Build the entrance anew from what the store knows of runs: who they are, when they were let in, who has ended."""
        old, self.entrance = self.runs, Entrance()
        let_in = {run: at for at, run in self.begun}
        for run, standing in old.items():
            self.runs[run] = Standing(
                run, standing.born, standing.gates, admitted_at=let_in.get(run, 0), priority=5
            )
            self.runs[run].turn = standing.turn
        for run, standing in self.runs.items():
            if run in self.over:
                for each in standing.gates:
                    at = standing.born if each.setting == "rate" else let_in.get(run, 0)
                    if run in let_in and each.setting in ("rate", "throttle") and at + each.per > self.now:
                        self.entrance.remember(each, run, at)
            elif standing.admitted_at:
                self.entrance.enter(standing, self.now)
        for run, standing in self.runs.items():
            if run not in self.over and not standing.admitted_at:
                self.entrance.enter(standing, self.now)
        self.entrance.tick(self.now)
        return self.take()
