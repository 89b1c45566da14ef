"""Whether a run is there already: the same start may come more than once, through several doors at the same time."""

import asyncio
from collections.abc import Container

from auraos.engine.ports import RunStore, WriteRefusedError

LOOK = 0.1


async def is_begun(run: str, store: RunStore, in_memory: Container[str]) -> bool:
    """Return whether a run is there, durably. While another start of it is on its way, what becomes of that is awaited."""
    while await store.find(run) is None:
        if run not in in_memory:
            return False
        await asyncio.sleep(LOOK)
    return True


def refuse_twice(run: str, in_memory: Container[str]) -> None:
    """Raise `WriteRefusedError` if another start of a run is on its way in this process."""
    if run in in_memory:
        raise WriteRefusedError(f"Another start of run {run} came first.", run=run)
