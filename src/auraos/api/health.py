"""Whether the process lives, is ready, and how its parts stand. Anybody may ask the first two, as balancers do."""

import msgspec

from auraos.api.answers import Answer
from auraos.api.routes import ALWAYS, Routes
from auraos.app.health import Health, Phase, Reason


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The process lives."""

    live: bool = True
    phase: Phase


class ReadyToWork(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the process is ready, and if not, why."""

    ready: bool
    phase: Phase
    reasons: tuple[Reason, ...] = ()


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

    return routes
