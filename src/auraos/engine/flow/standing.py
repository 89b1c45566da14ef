"""A run at the entrance, what lies behind a gate, and what may be decided of a run."""

from typing import Literal, TypeAlias

import msgspec

from auraos.core.gate import Gate
from auraos.engine.line import Line

PATIENCE = 60_000_000
"""One step of priority is worth so much waiting, in microseconds: a patient run overtakes a more important one in the end."""


class Admit(msgspec.Struct, frozen=True):
    """Let this run begin; `gathered` are the runs whose inputs it gets, itself among them."""

    run: str
    gathered: tuple[str, ...] = ()
    shard: int = 0


class Refuse(msgspec.Struct, frozen=True):
    """Let this run end before it begins."""

    run: str
    outcome: Literal["cancelled", "failed"]
    code: str
    message: str
    shard: int = 0


class Cancel(msgspec.Struct, frozen=True):
    """Cancel this run, which has begun, for another one to take its place."""

    run: str
    message: str


Decision: TypeAlias = Admit | Refuse | Cancel
Turn: TypeAlias = tuple[int, int, str]
"""The key in a line: rank, time of birth, run."""


class Standing:
    """One run at the entrance: before its gates, or let in."""

    __slots__ = (
        "admitted_at",
        "born",
        "gates",
        "gathered",
        "is_leaving",
        "leader",
        "room",
        "run",
        "shard",
        "stage",
        "turn",
    )

    def __init__(
        self,
        run: str,
        born: int,
        gates: tuple[Gate, ...],
        *,
        priority: int = 5,
        admitted_at: int = 0,
        shard: int = 0,
    ) -> None:
        self.run = run
        self.shard = shard
        self.born = born
        self.gates = gates
        self.turn: Turn = (born - priority * PATIENCE, born, run)
        self.admitted_at = admitted_at
        """When it was let in; 0 while it waits."""
        self.stage = 0
        """At which of its gates it stands."""
        self.room: Room | None = None
        """Where it stands in line."""
        self.gathered: list[Standing] = []
        """Of a batch that is complete: all runs in it, this one first."""
        self.leader: Standing | None = None
        """The run that carries this one's input along."""
        self.is_leaving = False
        """It was let in, and was told to end."""


class Room:
    """What lies behind one gate: who was let in, and who waits before it."""

    __slots__ = ("begun", "gate", "line", "live", "shard", "waiting")

    def __init__(self, gate: Gate, shard: int) -> None:
        self.shard = shard
        """Of all runs that share the gate."""
        self.gate = gate
        """As the newest run knows it: changed limits hold from then on."""
        self.live: dict[str, Standing] = {}
        """Who counts, in the order in which they were let in."""
        self.begun: Line[tuple[int, str]] = Line()
        """When runs were let in, for limits that speak of a time."""
        self.line: Line[Turn] = Line()
        self.waiting: list[Standing] = []
        """Who is held back for a time: the latest start, or those that are gathered."""

    @property
    def is_empty(self) -> bool:
        return not (self.live or self.begun or self.line or self.waiting)
