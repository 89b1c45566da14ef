"""A turn: one call of the machine. It gathers what was decided, what is wished, and which steps came to their end."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import msgspec

from auraos.core.expressions import Meter
from auraos.core.run.commands import Command
from auraos.core.run.facts import AnyFact, Computed, Result, StepError
from auraos.core.run.state import Activation, Frame, RunState
from auraos.core.values import Value

INLINE_OPERATIONS = 20_000
"""What one evaluation may cost inside the machine, about 5 ms; beyond it is done off the loop."""
TURN_OPERATIONS = 40_000
TURN_ACTIVATIONS = 1_000
LARGEST_RESULT = 4_000_000


Outcome: TypeAlias = tuple[str, str, Value, tuple[str, ...], StepError | None]
"""How one step came to its end: path, how, output, live ports, and the error it ended with or whose port caught it."""


class StepMade(msgspec.Struct, frozen=True):
    """What a turn gave: facts for one commit, wishes to release after it, and the steps that settled, in order.

    How a step settled is one of succeeded, failed, caught, skipped, cancelled, undone, undo-failed, inherited.
    """

    facts: list[AnyFact]
    commands: list[Command]
    outcomes: list[Outcome]

    @property
    def settled(self) -> list[tuple[str, str]]:
        """Return which steps came to their end, in order, and how."""
        return [(path, how) for path, how, *_ in self.outcomes]


class Turn:
    """The machine's workbench for one call."""

    __slots__ = (
        "at", "commands", "evolve", "facts", "meter", "now", "outcomes", "ready", "results", "slots", "state", "todo",
    )  # fmt: skip

    def __init__(
        self, state: RunState, at: int, evolve: "Callable[[Turn, AnyFact], None]", slots: int = 0
    ) -> None:
        self.state = state
        self.at = at
        self.evolve = evolve
        self.slots = slots
        """How many steps that queue now may be granted in this turn."""
        self.ready: list[Activation] | None = None
        """Those of them that did."""
        self.facts: list[AnyFact] = []
        self.commands: list[Command] = []
        self.outcomes: list[Outcome] = []
        self.meter: Meter | None = None
        self.now: Callable[[], datetime] | None = None
        self.results: list[Result] | None = None
        """Of the latest fact, where that is what was evaluated here: neighbours share one fact."""
        self.todo: deque[tuple[str, Any, Any]] = deque()
        """What follows from the present fact by structure alone (open, close, fail, wind); done before the next fact."""

    def decide(self, fact: AnyFact) -> None:
        """Record a decision and let it take its effect on the state."""
        self.results = None
        self.facts.append(fact)
        self.evolve(self, fact)

    def record(self, result: Result) -> None:
        """Record what evaluating a pure step gave; neighbours in time share one fact."""
        if self.results is not None:
            self.results.append(result)
        else:
            self.results = [result]
            self.facts.append(Computed(at=self.at, results=self.results))

    def names(self, frame: Frame, path: str) -> dict[str, Any]:
        """Return the names of a frame, with the time, the seed of derived ids and the budget of this evaluation; and what
        arrived, where it is a step that collects whose path this is.
        """
        values = frame.values
        if self.meter is None:
            self.meter = Meter(INLINE_OPERATIONS, LARGEST_RESULT)
            self.now = partial(self.state.program.moment, self.at)  # most evaluations do not ask for the time
        values["$now"] = self.now
        values["$seed"] = f"{self.state.run}/{path}"
        values["$meter"] = self.meter
        if frame.scope.collects:
            step = frame.scope.collects.get(path[len(frame.prefix) :].partition("!")[0])
            if step is not None:
                return {**values, "arrived": frame.arrived(step)}
        return values
