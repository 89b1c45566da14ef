"""Which runs are in memory, and how one gets there from its journal.

A run comes into memory when something happens to it. It leaves when it ends, and when it sleeps while many
others are there.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from typing import TypeAlias

from auraos.engine.active import ActiveRun
from auraos.engine.definitions import Programs
from auraos.engine.folding import fold_into, lighten, take_apart
from auraos.engine.mending import Mending
from auraos.engine.ports import Blobs, Clock, RunRow, Store, StoredRun
from auraos.engine.runner import Runner
from auraos.engine.shards import ElsewhereError, Shards
from auraos.engine.sleepers import Sleepers

READ_AT_ONCE = 64
LINGER = 0.5
"""For so many seconds a run stays that was brought into memory, so that whoever wanted it finds it there."""

Reached: TypeAlias = "ActiveRun | Exception | None"
"""A run that was looked for: it is in memory now, cannot be read, or is over."""


class Memory:
    """The runs in memory, by id."""

    def __init__(
        self,
        store: Store,
        programs: Programs,
        clock: Clock,
        shards: Shards,
        blobs: Blobs,
        mending: Mending,
    ) -> None:
        self.mending = mending
        self._blobs = blobs
        self._store = store
        self._programs = programs
        self._clock = clock
        self._shards = shards
        self._wanted: dict[str, asyncio.Future[ActiveRun | None]] = {}
        self._line: deque[str] = deque()
        self._loader: asyncio.Task[None] | None = None
        self._sleepers = Sleepers(self._drop)
        self.runner: Runner

    @property
    def is_busy(self) -> bool:
        return bool(self._wanted) or self.mending.is_busy

    async def reach(self, run: str) -> ActiveRun | None:
        """Return a run that is not final, from memory or from its journal; None when there is none."""
        while (found := self.runner.runs.get(run)) is None:
            brought = await asyncio.shield(self._want(run))
            if brought is None or (brought.state is not None and brought.state.is_final):
                return brought
        return found  # the one that is there now: it may have left again since it was brought

    async def reach_all(self, runs: Collection[str]) -> dict[str, Reached]:
        """Return each of these runs, or what stands against it."""
        found: dict[str, Reached] = {run: self.runner.runs.get(run) for run in runs}
        wanted = {run: self._want(run) for run, active in found.items() if active is None}
        if wanted:
            await asyncio.wait(wanted.values())
        for run, future in wanted.items():
            error = future.exception()
            found[run] = error if isinstance(error, Exception) else future.result()
        return found

    async def awake(self, shards: Collection[int], size: int) -> AsyncIterator[list[RunRow]]:
        """Yield the runs that the process before this one had under way, page by page."""
        begun, after = self._clock.now(), ""
        while rows := await self._store.awake(shards, after=after, limit=size):
            yield rows
            after = rows[-1].run
            if all(row.started_at > begun for row in rows):
                return

    def let_sleep(self, run: ActiveRun) -> None:
        """Keep a run that sleeps only while not many others do."""
        if run.id in self.runner.runs and run.is_quiet:
            lighten(run)
            self._sleepers.put(run.id, run.seq, run.large.bytes if run.large is not None else 0)

    def forget(self, run: ActiveRun) -> None:
        """Count a run no more among those that sleep: it is over."""
        self._sleepers.forget(run.id)
        self.runner.suspects.absolve(run.id)
        lighten(run)

    def is_moving(self, run_id: str) -> bool:
        """Return whether a run is in memory and something of it is under way."""
        return (run := self.runner.runs.get(run_id)) is not None and not run.is_quiet

    def _drop(self, run_id: str) -> None:
        run = self.runner.runs.get(run_id)
        if run is not None and run.is_quiet:
            del self.runner.runs[run_id]
            take_apart(run)

    def stop(self) -> None:
        """Bring and mend nothing more."""
        self.mending.stop()
        if self._loader is not None:
            self._loader.cancel()

    def lose_all(self) -> None:
        """Mend and bring nothing of what belongs to another process, and tell so whoever waits for a run."""
        self.stop()
        self._loader = None
        self._line.clear()
        wanted, self._wanted = self._wanted, {}
        for run, future in wanted.items():
            _refuse(future, ElsewhereError(f"Another process leads run {run}."))

    def _want(self, run: str) -> "asyncio.Future[ActiveRun | None]":
        """Let a run be brought into memory, together with all that are wanted meanwhile."""
        wanted = self._wanted.get(run)
        if wanted is None:
            wanted = self._wanted[run] = asyncio.get_running_loop().create_future()
            self._line.append(run)
            if self._loader is None:
                self._loader = asyncio.create_task(self._load_wanted())
        return wanted

    async def _load_wanted(self) -> None:
        mine = self._loader
        try:
            while self._line:
                runs = [self._line.popleft() for _ in range(min(READ_AT_ONCE, len(self._line)))]
                try:
                    stored = {each.row.run: each for each in await self._store.read(runs)}
                except Exception:  # noqa: BLE001 (one that cannot be read must not keep the others from going on)
                    stored = None
                for run in runs:
                    await self._load(run, stored)
                asyncio.get_running_loop().call_later(LINGER, self._let_all_sleep, runs)
                await asyncio.sleep(0)
        finally:
            if self._loader is mine:  # else another one has begun after all was lost
                self._loader = None

    async def _load(self, run_id: str, found: dict[str, StoredRun] | None) -> None:
        """Bring a run into memory that was read, or is to be read alone."""
        try:
            if found is None:
                found = {each.row.run: each for each in await self._store.read([run_id])}
            stored, run = found.get(run_id), self.runner.runs.get(run_id)
            if run is None and stored is not None and stored.row.finished_at is None:
                run = await self._bring(stored)
        except Exception as error:  # noqa: BLE001 (the border: one journal must not keep the others from going on)
            _refuse(self._wanted.pop(run_id), error)
        else:
            wanted = self._wanted.pop(run_id)
            if not wanted.done():
                wanted.set_result(run)

    async def _bring(self, stored: StoredRun) -> ActiveRun:
        row = stored.row
        self._shards.require(row.shard, row.run)
        run = ActiveRun(row.run, row.workspace, await self._programs.program(row.version), row.shard)
        run.row, run.awaited, run.is_private = row, row.awaited, stored.is_private
        with self.runner.suspects.reading(row.run):
            if not await fold_into(run, self._blobs, stored.journal, stored.snapshot):
                await fold_into(run, self._blobs, await self._store.journal(row.run))
        self._shards.require(row.shard, row.run)  # it may have gone to another process meanwhile
        self.runner.runs[row.run] = run
        deadly = self.runner.suspects.words(row.run)
        if deadly:
            self.mending.quarantine(run, deadly)
        else:
            self.mending.go_on(run, {})
        return run

    def _let_all_sleep(self, runs: Sequence[str]) -> None:
        for run_id in runs:
            run = self.runner.runs.get(run_id)
            if run is not None:
                self.let_sleep(run)


def _refuse(wanted: "asyncio.Future[ActiveRun | None]", error: Exception) -> None:
    if not wanted.done():
        wanted.set_exception(error)
        wanted.exception()  # nobody may be waiting any more
