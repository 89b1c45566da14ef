"""Whether the process lives, is ready, and how its parts stand. Anybody may ask the first two, as balancers do; what is
told of the parts is for those who look after the installation.
"""

from typing import Final

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.routes import ALWAYS, Routes
from auraos.app.health import Health, Part, Phase, Reason, Standing

ORDER: Final[tuple[Standing, ...]] = ("good", "poor", "bad")


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The process lives."""

    live: bool = True
    phase: Phase


class ReadyToWork(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the process is ready, and if not, why."""

    ready: bool
    phase: Phase
    reasons: tuple[Reason, ...] = ()


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """How the parts of the process stand, and the process as the worst of them."""

    standing: Standing
    phase: Phase
    parts: tuple[Part, ...]


def health_routes(health: Health) -> Routes:
    """Return the routes that tell how this process stands."""
    routes = Routes()

    @routes.get("/health/live", may=ALWAYS)
    async def show_live() -> Live:
        """Say that the process lives."""
        return Live(phase=health.phase)

    @routes.get("/health/ready", may=ALWAYS)
    async def show_ready() -> ReadyToWork | Answer:
        """Say whether the process is ready to work, and if not, why."""
        reasons = tuple(await health.reasons())
        told = ReadyToWork(ready=not reasons, phase=health.phase, reasons=reasons)
        if reasons:
            return Answer.of(told, 503, retry_after="2")
        return told

    @routes.get("/health", may="installation.read", everywhere=True)
    async def show_health(ask: Ask) -> Parts | Answer:  # noqa: ARG001 (it is the same for all who may)
        """Tell how each part of the process stands."""
        parts = tuple(await health.look())
        standings: list[Standing] = [part.standing for part in parts]
        worst = max(standings, key=ORDER.index, default=ORDER[0])
        told = Parts(standing=worst, phase=health.phase, parts=parts)
        return Answer.of(told, 503) if worst == "bad" else told

    return routes
