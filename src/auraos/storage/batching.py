"""What both stores do with the writes that wait: cut off as many as one transaction shall hold, and tell of one alone."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from auraos.engine.ports import Told, Write

BATCH_BYTES = 1024 * 1024
BATCH_FACTS = 2000


class Waiting(NamedTuple):
    """Writes that came together, and who hears of them together."""

    writes: Sequence[Write]
    told: Told


def cut(waiting: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Split off as many writes as one transaction shall hold; where not all fit, the workspaces take turns."""
    size = facts = 0
    for _, write in _all(waiting):
        size += len(write.facts) + write.size
        facts += write.count
    if size <= BATCH_BYTES and facts <= BATCH_FACTS:
        return waiting, []
    return _share_out(waiting)


def part_runs(waiting: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Split off what holds each run once; the further writes of a run keep their order in the rest."""
    writes = _all(waiting)
    if len({write.run for _, write in writes}) == len(writes):
        return waiting, []
    seen: set[str] = set()
    first: list[Waiting] = []
    rest: list[Waiting] = []
    for told, write in _one_by_one(waiting):
        (rest if write.run in seen else first).append(Waiting((write,), told))
        seen.add(write.run)
    return first, rest


def tell(batch: list[Waiting], outcomes: Sequence[BaseException | None] | None) -> None:
    """Tell each of a batch what became of its writes."""
    place = 0
    for writes, told in batch:
        told(None if outcomes is None else outcomes[place : place + len(writes)])
        place += len(writes)


def _all(waiting: list[Waiting]) -> list[tuple[Told, Write]]:
    return [(each.told, write) for each in waiting for write in each.writes]


def _share_out(waiting: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Take one write of each workspace in turn until the batch is full; those of one workspace keep their order."""
    lines: dict[str, deque[Waiting]] = {}
    for told, write in _one_by_one(waiting):
        lines.setdefault(write.workspace, deque()).append(Waiting((write,), told))
    batch: list[Waiting] = []
    size = facts = 0
    while lines and size < BATCH_BYTES and facts < BATCH_FACTS:
        for workspace in list(lines):
            taken = lines[workspace].popleft()
            if not lines[workspace]:
                del lines[workspace]
            batch.append(taken)
            size += len(taken.writes[0].facts) + taken.writes[0].size
            facts += taken.writes[0].count
    return batch, [each for line in lines.values() for each in line]


def _one_by_one(waiting: list[Waiting]) -> list[tuple[Told, Write]]:
    """Return each write with somebody who hears of it alone, and tells who is to hear of all when all are known."""
    found: list[tuple[Told, Write]] = []
    for each in waiting:
        if len(each.writes) == 1:
            found.append((each.told, each.writes[0]))
            continue
        gathering = _Gathering(each)
        found.extend((gathering.told_of(place), write) for place, write in enumerate(each.writes))
    return found


class _Gathering:
    """Waits for the fate of writes that came together and were parted."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._outcomes: list[BaseException | None] = [None] * len(waiting.writes)
        self._left = len(waiting.writes)

    def told_of(self, place: int) -> Told:
        def told(outcomes: Sequence[BaseException | None] | None) -> None:
            if outcomes is not None:
                self._outcomes[place] = outcomes[0]
            self._left -= 1
            if not self._left:
                self._waiting.told(self._outcomes if any(self._outcomes) else None)

        return told


def commit_one(submit: Callable[[Sequence[Write], Told], None], write: Write) -> asyncio.Future[None]:
    """Submit one write; the future is done when it is durable, or fails when it is not."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(outcomes: Sequence[BaseException | None] | None) -> None:
        if done.cancelled():
            return
        if outcomes is None or outcomes[0] is None:
            done.set_result(None)
        else:
            done.set_exception(outcomes[0])

    submit([write], told)
    return done
