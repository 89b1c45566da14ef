"""Who was let in, seen from outside: of what is durable alone, held against what the settings of the workflows allow."""

from collections import defaultdict
from typing import Any

import msgspec

from auraos.core.gate import Gate
from auraos.core.run import facts as f
from simulation.soundness import demand

SLACK = 2_500_000
"""So long it may take until a process has heard of what is durable, in microseconds."""


class Begun(msgspec.Struct):
    """A run with gates, as the journal tells of it."""

    run: str
    born: int
    durable: int
    gates: tuple[Gate, ...]
    input: Any
    admitted: int = 0
    is_paused: bool = False
    has_begun: bool = False
    """One that was let in while it was paused begins when it goes on, if it does."""
    code: str = ""
    """Why it was refused."""
    is_over: bool = False
    led_by: str = ""
    """The run whose batch it went into."""

    @property
    def counts(self) -> bool:
        """Return whether it counts for what is limited in a time: one that ended before it began does not."""
        return bool(self.admitted) and (self.has_begun or not self.is_over)


class FlowWatch:
    """All runs with gates of a world."""

    def __init__(self) -> None:
        self.runs: dict[str, Begun] = {}
        self._by_gate: dict[str, list[Begun]] = defaultdict(list)
        self.most_waiting = 0

    def note(self, run: str, fact: Any, now: int) -> None:
        """Hear of a fact that has just become durable."""
        match fact:
            case f.RunStarted() if fact.gates:
                begun = Begun(run, fact.at, now, fact.gates, fact.input)
                self.runs[run] = begun
                for gate in fact.gates:
                    self._by_gate[gate.name].append(begun)
                    waiting = [
                        each for each in self._by_gate[gate.name] if not (each.admitted or each.is_over)
                    ]
                    self.most_waiting = max(self.most_waiting, len(waiting))
            case f.RunAdmitted() if run in self.runs:
                self._let_in(self.runs[run], fact)
            case f.RunRefused() if run in self.runs:
                self.runs[run].code = fact.code
            case f.RunPaused() | f.RunResumed() if run in self.runs:
                self.runs[run].is_paused = type(fact) is f.RunPaused
                self.runs[run].has_begun |= bool(self.runs[run].admitted) and type(fact) is f.RunResumed
            case f.RunFinished() if run in self.runs:
                self.runs[run].is_over = True

    def waits(self, run: str) -> bool:
        """Return whether a run stands before its gates."""
        found = self.runs.get(run)
        return found is not None and not (found.admitted or found.is_over)

    def _let_in(self, begun: Begun, fact: f.RunAdmitted) -> None:
        demand(not begun.admitted, f"{begun.run} was let in twice")
        demand(
            not begun.led_by, f"{begun.run} was let in, and its input went into the batch of {begun.led_by}"
        )
        demand(not begun.code, f"{begun.run} was let in after it was refused as {begun.code}")
        begun.admitted = fact.at
        begun.has_begun = not begun.is_paused
        for gate in begun.gates:
            check = getattr(self, f"_check_{gate.setting}")
            check(begun, gate, fact)

    def _check_concurrency(self, begun: Begun, gate: Gate, _: f.RunAdmitted) -> None:
        live = [each.run for each in self._by_gate[gate.name] if each.admitted and not each.is_over]
        demand(
            len(live) <= gate.limit,
            f"{begun.run} was let in, and {gate.setting} allows {gate.limit}: {live} go on",
        )

    _check_singleton = _check_concurrency

    def _check_throttle(self, begun: Begun, gate: Gate, fact: f.RunAdmitted) -> None:
        others = [
            each.run
            for each in self._by_gate[gate.name]
            if each.counts and fact.at - gate.per < each.admitted <= fact.at
        ]
        demand(
            len(others) <= gate.limit,
            f"{begun.run} was let in at {fact.at}, and {gate.setting} allows {gate.limit} in {gate.per}: {others}",
        )

    def _check_rate(self, begun: Begun, gate: Gate, _: f.RunAdmitted) -> None:
        taken = [each for each in self._by_gate[gate.name] if each.counts]
        for one in taken:
            others = [each.run for each in taken if one.born - gate.per < each.born <= one.born]
            demand(
                len(others) <= gate.limit,
                f"{begun.run} was let in, and {gate.setting} takes {gate.limit} in {gate.per}: {others}",
            )

    def _check_debounce(self, begun: Begun, gate: Gate, fact: f.RunAdmitted) -> None:
        demand(fact.at >= begun.born + gate.per, f"{begun.run} did not wait for later starts")
        for other in self._by_gate[gate.name]:
            taken = other.code not in ("skipped", "limit-reached") and not (other.admitted or other.is_over)
            came = taken and begun.durable < other.durable and begun.born < other.born < begun.born + gate.per
            demand(
                not came or other.durable + SLACK > fact.at,
                f"{begun.run} was let in at {fact.at}, and {other.run} had come {other.born - begun.born} after it",
            )

    def _check_batch(self, begun: Begun, gate: Gate, fact: f.RunAdmitted) -> None:
        demand(fact.gathered[:1] == (begun.run,), f"{begun.run} leads the batch {fact.gathered}")
        demand(len(fact.gathered) <= gate.limit, f"the batch of {begun.run} is too large: {fact.gathered}")
        for member in fact.gathered:
            found = self.runs[member]
            demand(not found.led_by, f"{member} went into the batches of {found.led_by} and of {begun.run}")
            demand(member == begun.run or not found.admitted, f"{member} began, and went into {begun.run}")
            found.led_by = begun.run
        inputs = [self.runs[member].input for member in fact.gathered]
        demand(fact.input == inputs, f"the batch of {begun.run} got {fact.input} and not {inputs}")

    def check_end(self) -> None:
        """Hold all of them against the rules once every run is over."""
        for begun in self.runs.values():
            if begun.code == "gathered":
                demand(begun.led_by, f"{begun.run} was gathered, and its input is in no batch")
            if begun.led_by and begun.led_by != begun.run:
                demand(not begun.admitted, f"{begun.run} began beside its batch")
