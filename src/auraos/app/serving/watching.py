"""How a serving process does and what it is told: its parts are looked at, its figures counted, its settings followed from the
moment that they are there.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from auraos.app.audit.trail import look_at_trail
from auraos.app.health import Health
from auraos.app.keeping import Keeping
from auraos.app.secrets.secrets import look_at_expiry
from auraos.app.serving.desks import Services
from auraos.app.serving.figures import count_for, flag_figures, memory_figures
from auraos.app.serving.parts import watch_parts
from auraos.app.settings.settings import follow, look_at
from auraos.engine.engine import Engine
from auraos.settings.flags.guard import GuardWatch
from auraos.storage.tables.flag_runs import VersionRuns


async def watch(
    health: Health, engine: Engine, keeping: Keeping, services: Services, data: Path, stack: AsyncExitStack
) -> None:
    """Tell of these parts and figures, and do as it is set, until the stack is closed."""
    count_for(health, engine, keeping, services.secrets.tokens)
    health.figures.add(lambda: flag_figures(services.flags), lambda: memory_figures(services))
    services.flags.start()
    guards = GuardWatch(services.flags, VersionRuns(keeping.tables))
    stack.push_async_callback(guards.stop)
    await services.flags.guard_all()
    guards.start()
    watch_parts(health, engine, keeping, services.secrets.keys, data)
    health.parts["audit"] = look_at_trail(services.audit, health.parts["audit"])
    settings = services.settings
    await settings.look()
    follow(settings, engine)
    tracer = services.tracer
    if tracer is not None:
        engine.trace_by(tracer)
        stack.push_async_callback(asyncio.to_thread, tracer.close)
    health.parts["settings"] = look_at(settings)
    health.parts["expiry"] = look_at_expiry(services.secrets.watch)
    settings.start()
    stack.push_async_callback(settings.stop)
