"""What guards a release: the ended runs of a version that some are given are counted, and when more of them failed than may,
the flag is switched off.

What is counted are the last ended runs of that version, as many as the guard says, and beside them those of the version that
is given while the flag is off, which ended in the same time. What ended before the flag was published or switched on again
does not count. A run counts once it succeeded or failed, compensated ones among those that failed; cancelled ones tell nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from auraos.core.audit import Actor
from auraos.core.errors import AuraError
from auraos.settings.flags.model import Flag, Guard
from auraos.settings.flags.names import version_of, workflow_of

log = logging.getLogger("auraos.flags")
EVERY: Final = 3.0
"""So many seconds pass between two looks."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How runs of a version ended."""

    runs: int = 0
    failed: int = 0
    since: int = 0
    """When the first of them ended."""

    @property
    def share(self) -> float:
        """Return how many of a hundred failed."""
        return 100 * self.failed / self.runs if self.runs else 0.0


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a guard watches, beside the one that is given while the flag is off."""

    variant: str
    version: int
    runs: int
    failed: int
    others: int
    """So many runs of the other version ended in the same time."""
    others_failed: int
    is_worse: bool
    """Whether this is what the guard switches the flag off for."""


class RunCounts(Protocol):
    """Counts the runs of a version of a workflow that ended."""

    async def last(self, workspace: str, workflow: str, version: int, *, since: int, most: int) -> Tally:
        """Return how the last ones ended, so many at most, of those that ended after a time."""
        ...

    async def during(self, workspace: str, workflow: str, version: int, *, since: int) -> Tally:
        """Return how all ended that did so from a time on."""
        ...


class Guarded(Protocol):
    """The flags that have guards."""

    async def in_use(self) -> Sequence[tuple[str, Flag, int]]:
        """Return those that are not off and were asked for, each with its workspace and since when its runs count."""
        ...

    async def stop_by_guard(self, actor: Actor, workspace: str, name: str, why: str, *, since: int) -> bool:
        """Switch a flag off whose runs were counted since a time, unless it was switched or published anew meanwhile; return
        whether it was done.
        """
        ...


async def look_at(counts: RunCounts, workspace: str, flag: Flag, since: int) -> list[Watched]:
    """Return how the versions stand that a flag gives some."""
    workflow, guard = workflow_of(flag.name), flag.guard
    usual = version_of(flag.variants.get(flag.off))
    if guard is None or not workflow or usual is None:
        return []
    found = []
    for variant, value in flag.variants.items():
        version = version_of(value)
        if version is None or version == usual:
            continue
        own = await counts.last(workspace, workflow, version, since=since, most=guard.runs)
        others = Tally()
        if own.runs:
            others = await counts.during(workspace, workflow, usual, since=own.since)
        found.append(
            Watched(
                variant=variant, version=version, runs=own.runs, failed=own.failed, others=others.runs,
                others_failed=others.failed, is_worse=is_worse(guard, own, others),
            )
        )  # fmt: skip
    return found


def is_worse(guard: Guard, own: Tally, others: Tally) -> bool:
    """Return whether a version is what a guard is there for."""
    if own.runs < guard.runs or own.share <= guard.failures:
        return False
    return not others.runs or own.share - others.share > guard.margin


def words_of(flag: Flag, watched: Watched) -> str:
    """Return in words why a guard switches a flag off."""
    others = Tally(runs=watched.others, failed=watched.others_failed)
    own = Tally(runs=watched.runs, failed=watched.failed)
    beside = (
        f"{others.failed} of {others.runs} ({others.share:.1f} %) of the other in the same time"
        if others.runs
        else "none of the other ended in the same time"
    )
    assert flag.guard is not None
    return (
        f"{own.failed} of the last {own.runs} runs ({own.share:.1f} %) of {workflow_of(flag.name)} version"
        f" {watched.version} failed, {beside}; the guard allows {flag.guard.failures:g} %."
    )


class GuardWatch:
    """Looks every few seconds at the flags with guards that this process asked for. Several processes may watch one flag:
    one of them switches it off.
    """

    def __init__(self, flags: Guarded, counts: RunCounts) -> None:
        self._flags = flags
        self._counts = counts
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    async def look(self) -> int:
        """Switch off what is worse than it may be; return how many flags."""
        stopped = 0
        for workspace, flag, since in await self._flags.in_use():
            watched = await look_at(self._counts, workspace, flag, since)
            worse = next((each for each in watched if each.is_worse), None)
            if worse is None:
                continue
            why = words_of(flag, worse)
            actor = Actor(kind="house", id="flag-guard", name=f"the guard of {flag.name}")
            if await self._flags.stop_by_guard(actor, workspace, flag.name, why, since=since):
                stopped += 1
                log.warning(
                    "flags.stopped_by_guard", extra={"workspace": workspace, "flag": flag.name, "why": why}
                )
        return stopped

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except AuraError as error:
                log.warning("flags.not_guarded", extra={"why": error.message})
