"""Retention: runs that are over for long enough go, with their journals, logs and blobs, a few at a time.

A run that is not over is never touched, nor one that such a run belongs to. The rows of a run go in one transaction, its
blobs after it; what a crash leaves in between is an orphan, and is swept a day later.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

import msgspec

from auraos.core.errors import AuraError
from auraos.engine.definitions import Programs
from auraos.engine.ports import Blobs, Clock, RunRow, Store, Write

log = logging.getLogger("auraos.engine")
SLICE = 500
AT_ONCE = 20
"""So many runs go in one transaction."""
REST = 0.02
EVERY = 3600.0
REFUSALS_KEPT = 60_000
"""For so many milliseconds whoever asked can read why it was refused."""


class HeldRuns(Protocol):
    """Which runs are kept whatever their time is, because the law wants it; false where there is none."""

    def of(self, workspace: str, run: str, workflow: str) -> object | None:
        """Return what holds a run; None where nothing does."""
        ...


class Defaults(Protocol):
    """For how long runs are kept whose workflow says nothing, where that differs between workspaces; None: for ever."""

    def of(self, workspace: str) -> timedelta | None: ...

    def shortest(self) -> timedelta | None:
        """Return the shortest of all."""
        ...


class Pruned(msgspec.Struct, kw_only=True):
    """What a pass over the runs took away, or would."""

    runs: int = 0
    held: int = 0
    """So many were kept only because they are held."""
    orphans: int = 0
    refusals: int = 0
    has_expired: bool = False
    """Whether cached outputs went whose time was over."""
    oldest: int | None = None
    newest: int | None = None
    """When the first and the last of them ended, in microseconds since 1970."""


class Retention:
    """Takes away what is kept no longer. `default` is for how long a run is kept whose workflow says nothing; None: for
    ever. `may_sweep` says whether blobs may be deleted now: not while a backup reads them.
    """

    def __init__(
        self,
        store: Store,
        programs: Programs,
        clock: Clock,
        blobs: Blobs,
        *,
        default: timedelta | None = None,
        may_sweep: Callable[[], bool] = lambda: True,
    ) -> None:
        self.default = default
        self.may_sweep = may_sweep
        self.defaults: Defaults | None = None
        """Goes before `default`, where workspaces may say it themselves."""
        self.held: Callable[[], Awaitable[HeldRuns]] | None = None
        """Looks up which runs are held, where some may be."""
        self._store = store
        self._programs = programs
        self._clock = clock
        self._blobs = blobs
        self._working: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        """Look every hour for what may go."""
        self._working = asyncio.create_task(self._keep_pruning())

    def stop(self) -> None:
        """Take nothing more away."""
        if self._working is not None:
            self._working.cancel()

    async def prune(self, older_than: timedelta | None = None, *, is_dry: bool = False) -> Pruned:
        """Take away every run that is kept no longer, or every run that ended longer ago than this."""
        pruned = Pruned()
        async with self._one_at_a_time:
            if not self.may_sweep():
                return pruned
            held = None if self.held is None else await self.held()
            for version in await self._store.versions():
                kept, defaults = older_than, None
                if older_than is None:
                    kept, defaults = await self._kept_for(version)
                if kept is not None:
                    await self._prune_version(version, kept, defaults, pruned, held or None, is_dry=is_dry)
            if not is_dry:
                await self._forget_refusals(pruned)
                await self._forget_outputs(pruned)
                await self._store.tidy(self._clock.now())
                pruned.orphans = await self._sweep()
        return pruned

    async def _prune_version(
        self, version: str, kept: timedelta, defaults: Defaults | None, pruned: Pruned, held: HeldRuns | None, *,
        is_dry: bool,
    ) -> None:  # fmt: skip
        """Take away what is over for long enough, and look at nothing else."""
        now = self._clock.now()
        after, until = (0, ""), now - kept // timedelta(microseconds=1)
        while rows := await self._store.ended(version, after, until, limit=SLICE):
            after = (rows[-1].finished_at or 0, rows[-1].run)
            if defaults is not None:
                rows = [row for row in rows if _is_over(row, defaults.of(row.workspace), now)]
            if held is not None:
                free = [row for row in rows if not await self._is_held(row, held)]
                pruned.held += len(rows) - len(free)
                rows = free
            for start in range(0, len(rows), AT_ONCE):
                await self._remove(rows[start : start + AT_ONCE], pruned, is_dry=is_dry)

    async def _kept_for(self, version: str) -> tuple[timedelta | None, Defaults | None]:
        """Return for how long runs of a version are kept, at least, and what each workspace says; for ever, where its text cannot
        be read.
        """
        try:
            program = await self._programs.program(version)
        except AuraError:
            return None, None
        own = program.workflow.settings.retention
        if own is not None or self.defaults is None:
            return self.default if own is None else own, None
        return self.defaults.shortest(), self.defaults

    async def _is_held(self, row: RunRow, held: HeldRuns) -> bool:
        """Return whether a run is held, or one that it belongs to."""
        above: RunRow | None = row
        while above is not None:
            if held.of(above.workspace, above.run, above.workflow) is not None:
                return True
            above = await self._store.find(above.parent) if above.parent else None
        return False

    async def _remove(self, rows: list[RunRow], pruned: Pruned, *, is_dry: bool) -> None:
        if not is_dry:
            await self._store.commit(Write(workspace="", run="", seq=0, pruned=[row.run for row in rows]))
            for row in rows:
                await asyncio.to_thread(self._blobs.remove, row.workspace, row.run)
            await asyncio.sleep(REST)
        pruned.runs += len(rows)
        ends = [row.finished_at for row in rows if row.finished_at is not None]
        pruned.oldest = min(ends if pruned.oldest is None else [pruned.oldest, *ends])
        pruned.newest = max(ends if pruned.newest is None else [pruned.newest, *ends])

    async def _forget_refusals(self, pruned: Pruned) -> None:
        moment = self._clock.now() // 1000 - REFUSALS_KEPT
        before = f"{moment >> 16:08x}-{moment & 0xFFFF:04x}"  # ids of requests begin with their time
        while ids := await self._store.refused(before):
            await self._store.commit(Write(workspace="", run="", seq=0, answered=ids))
            pruned.refusals += len(ids)

    async def _forget_outputs(self, pruned: Pruned) -> None:
        now = self._clock.now()
        while await self._store.has_expired(now):
            await self._store.commit(Write(workspace="", run="", seq=0, expired=now))
            pruned.has_expired = True
            await asyncio.sleep(REST)

    async def _sweep(self) -> int:
        """Delete the blobs of runs that there are not, once they are a day old."""
        swept = 0
        for workspace, run in await asyncio.to_thread(self._blobs.old):
            if await self._store.find(run) is None and self.may_sweep():
                await asyncio.to_thread(self._blobs.remove, workspace, run)
                swept += 1
        return swept

    async def _keep_pruning(self) -> None:
        while True:
            try:
                pruned = await self.prune()
                if pruned.runs or pruned.orphans:
                    log.info("retention.pruned", extra={"runs": pruned.runs, "orphans": pruned.orphans})
            except (AuraError, OSError) as error:
                log.warning("retention.postponed", extra={"reason": str(error)})
            await asyncio.sleep(EVERY)


def _is_over(row: RunRow, kept: timedelta | None, now: int) -> bool:
    """Return whether a run ended longer ago than it is kept."""
    return kept is not None and (row.finished_at or now) <= now - kept // timedelta(microseconds=1)
