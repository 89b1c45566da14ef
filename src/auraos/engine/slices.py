"""Long work on the loop, done in slices: what others wait for comes in between."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

SLICE = 64
"""So many are made in one turn of the loop: a tenth of a millisecond, or two."""

Made = TypeVar("Made")


async def in_slices(make: Callable[[Any], Made], found: Sequence[Any]) -> list[Made]:
    """Make something of each that was found, and let others have the loop after some of them."""
    made = [make(each) for each in found[:SLICE]]
    for begin in range(SLICE, len(found), SLICE):
        await asyncio.sleep(0)
        made += [make(each) for each in found[begin : begin + SLICE]]
    return made
