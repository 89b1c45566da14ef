"""Following a run until it is final or waits for somebody, in this process or in another one."""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from auraos.app.house import House
from auraos.core.run import FINAL, Reading, Why, fill_fact
from auraos.core.run.facts import StepError
from auraos.core.values import Value
from auraos.engine.stream import Change, veil

Patience: TypeAlias = Literal["never", "for-time", "always"]
"""How long to stay with a run that waits: not at all, while only time must pass, or until it is final."""

_PAUSE, _LONGEST_LAG = 0.2, 2.0
_TIMED = ("timer",)
FULL_UNTIL_AN_END = frozenset(("concurrency", "singleton"))
"""Gates at which a run waits for the end of others, which may take somebody."""
_WORKING = ("queued", "granted", "deciding", "computing", "doubt", "undoing", "open")


class Waiting(msgspec.Struct, frozen=True):
    """One thing that a run waits for, perhaps inside a run that it called."""

    run: str
    number: int
    why: Why

    @property
    def needs_somebody(self) -> bool:
        """Return whether more than time must pass."""
        kind = self.why.data.get("kind", "")
        if not self.why.path:
            return bool(FULL_UNTIL_AN_END.intersection(self.why.data.get("gates", ())))
        if self.why.state == "waiting":
            return kind not in _TIMED
        return self.why.state == "asked"


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """Where following a run ended: at its end, or at what it waits for. `detached`: the person left."""

    run: str
    number: int
    state: str
    output: Value = None
    error: StepError | None = None
    waits: tuple[Waiting, ...] = ()
    detached: bool = False

    @property
    def is_final(self) -> bool:
        """Return whether the run has ended."""
        return self.state in FINAL


async def follow(
    house: House,
    run: str,
    *,
    patience: Patience,
    show: Callable[[Change], None] | None = None,
    after: int = 0,
    detach: asyncio.Event | None = None,
) -> Followed:
    """Stay with a run, showing what becomes durable, as long as the patience says."""
    seen = _Seen(after)
    watching = asyncio.create_task(_watch(house, run, after, show, seen))
    leaving = asyncio.create_task(detach.wait() if detach is not None else asyncio.Event().wait())
    try:
        while True:
            seen.new.clear()
            if leaving.done():
                return await _told(house, run, detached=True)
            if watching.done():
                watching.result()
                return await _told(house, run)
            await _until_quiet(house, watching, leaving)
            told = await _told(house, run)
            if told.is_final and watching.done():
                continue
            if _is_enough(told, patience):
                await _catch_up(watching, seen, len(await house.facts(run)))
                return await _told(house, run)
            waker = asyncio.create_task(seen.new.wait())
            await asyncio.wait({waker, watching, leaving}, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
            waker.cancel()
    finally:
        for task in (watching, leaving):
            task.cancel()
        await asyncio.gather(watching, leaving, return_exceptions=True)


async def find_waits(house: House, run: str, depth: int = 0) -> list[Waiting]:
    """Return all that a run waits for, and the runs that it called."""
    row = await house.find(run)
    seen = await house.view(row)
    places = await house.engine.places(row.run) if house.is_driven else {}
    waits: list[Waiting] = []
    for why in seen.why:
        child = why.data.get("run", "")
        if why.state == "calling" and child and depth < 16 and await house.store.find(child) is not None:
            waits += await find_waits(house, child, depth + 1)
        elif why.path or why.state == "queued":
            place = places.get(why.path, "")
            told = msgspec.structs.replace(why, words=f"{why.words} ({place})") if place else why
            waits.append(Waiting(row.run, row.number, told))
    return waits


async def _watch(
    house: House, run: str, after: int, show: Callable[[Change], None] | None, seen: "_Seen"
) -> None:
    """Show what becomes durable, whole: a stream only names large values, and a loop is told by its items."""
    fetch = await house.fetching(run)
    is_private = await house.store.is_private(run)
    async for told in house.engine.subscribe(run, after):
        change = veil(told) if is_private else told
        if show is not None and change.fact is not None:
            reading = Reading(lambda reference: fetch(reference.hash))
            show(msgspec.structs.replace(change, fact=fill_fact(change.fact, reading)))
        elif show is not None:
            show(change)
        seen.facts = max(seen.facts, change.seq)
        seen.new.set()


async def _until_quiet(house: House, *others: "asyncio.Task[object]") -> None:
    """Return when nothing is under way, or one of the others is done."""
    own = house.own_engine
    quiet = asyncio.create_task(own.drive_until_idle() if own is not None else asyncio.sleep(_PAUSE))
    await asyncio.wait({quiet, *others}, return_when=asyncio.FIRST_COMPLETED)
    quiet.cancel()
    await asyncio.gather(quiet, return_exceptions=True)


class _Seen:
    """What was shown of a run so far: that there is something new, and the number of the last fact."""

    def __init__(self, facts: int) -> None:
        self.new = asyncio.Event()
        self.facts = facts


async def _catch_up(watching: "asyncio.Task[None]", seen: _Seen, last: int) -> None:
    """Let what is durable already be shown, up to this fact, before the last word on it is said."""
    while seen.facts < last and not watching.done():
        seen.new.clear()
        waker = asyncio.create_task(seen.new.wait())
        done, _ = await asyncio.wait(
            {waker, watching}, timeout=_LONGEST_LAG, return_when=asyncio.FIRST_COMPLETED
        )
        waker.cancel()
        if not done:
            return


def _is_enough(told: Followed, patience: Patience) -> bool:
    if told.is_final:
        return False
    if told.state in ("paused", "quarantined"):
        return patience != "always"
    working = [one for one in told.waits if one.why.path and one.why.state in _WORKING]
    if working or not told.waits:
        return False
    match patience:
        case "never":
            return True
        case "for-time":
            return any(one.needs_somebody for one in told.waits)
        case _:
            return False


async def _told(house: House, run: str, *, detached: bool = False) -> Followed:
    row = await house.find(run)
    if row.state in FINAL:
        seen = await house.view(row)
        return Followed(run=row.run, number=row.number, state=row.state, output=seen.output, error=seen.error)
    waits = () if detached else tuple(await find_waits(house, run))
    return Followed(run=row.run, number=row.number, state=row.state, waits=waits, detached=detached)
