"""Whether one start is another one once more: it may come through several doors, and a retry does the same work."""

import asyncio
from collections.abc import Container

from auraos.core.run.facts import RunStarted
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


def is_same_work(one: RunStarted, other: RunStarted) -> bool:
    """Return whether a run may begin with what the other did: it has the same version and was given the same.

    A page is a part of its parent under the parent's keys, so it always does: what it did is not repeated because
    variables were changed meanwhile.
    """
    if one.page is not None and other.page is not None:
        return one.version == other.version
    return (one.version, one.input, one.variables) == (other.version, other.input, other.variables)
