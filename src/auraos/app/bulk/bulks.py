"""`Bulks`: one wish for many runs. What is meant is written down first, so that it is done to each run whatever becomes of the
process, and can be looked at, held and stopped while it goes on.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

import msgspec

from auraos.app.bulk.deeds import do
from auraos.app.bulk.selecting import Meant, Selecting, Selection, Which
from auraos.app.runs.failed import RunReader
from auraos.app.runs.runs import Asking, Runs
from auraos.core.audit import Entry, Object
from auraos.core.errors import OperationalError, UserError
from auraos.engine.ports import RunRow
from auraos.engine.stewardship import HeldError
from auraos.security.access.walls import within
from auraos.security.row_store import Clear, Remove, Replace
from auraos.storage.tables.bulk_rows import FOR_EVER, Became, Bulk, BulkRun, Deed
from auraos.storage.tables.bulks import BulkTables

log = logging.getLogger("auraos.bulk")
AT_ONCE = 20
"""To so many runs it is done at a time."""
LEASE = 30_000_000
"""For so many microseconds a process is at a wish before another may go on with it."""
LOOK = 5.0
"""After so many seconds it is looked for wishes that nobody is at."""
AGAIN = 1.0
KEPT = 30 * 86_400 * 1_000_000
"""For so many microseconds it is told what became of a wish."""


_ENDLESS = {"over_at": 0, "ends_at": FOR_EVER}


class NoBulkError(UserError):
    """There is no such wish for many runs in this workspace."""

    code = "no-bulk"


class BulkChangedError(UserError):
    """More runs are meant, or fewer, than whoever asks has seen."""

    code = "bulk-changed"


class BulkStateError(UserError):
    """A wish for many runs is in no state in which this can be asked of it."""

    code = "bulk-state"


class Bulks:
    """Does to many runs what is wished for them."""

    def __init__(
        self, rows: BulkTables, runs: Runs, store: RunReader, *, now: Callable[[], int], new_id: Callable[[], str]
    ) -> None:  # fmt: skip
        self._rows = rows
        self._runs = runs
        self._store = store
        self._now = now
        self._new_id = new_id
        self._own: dict[str, int] = {}
        """Until when this process is at which wish, as it wrote it."""
        self._work: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closing = False

    # --- asking ---

    async def select(
        self, workspace: str, deed: Deed, which: Which, limit: int,
        reaches: Callable[[RunRow], Awaitable[bool]] | None,
    ) -> Selection:  # fmt: skip
        """Return which runs would be meant, of those that whoever asks reaches."""
        selecting = Selecting(self._store, self._runs, workspace, reaches)
        return await selecting.select(deed.action, which, limit)

    async def begin(
        self, asking: Asking, workspace: str, deed: Deed, selection: Selection, *, first: int = 0, expect: int | None = None
    ) -> Bulk:  # fmt: skip
        """Write down what is wished, and begin; with `first`, wait after so many runs until somebody says to go on.

        With `expect` it is refused unless it means that many runs.
        """
        count = len(selection.meant)
        if expect is not None and expect != count:
            raise BulkChangedError(
                f"{count} runs are meant now, and {expect} were expected.", hint="Look at them again."
            )
        now, bulk_id = self._now(), self._new_id()
        runs = [_run_of(bulk_id, workspace, at, meant) for at, meant in enumerate(selection.meant)]
        bulk = Bulk(
            id=bulk_id, workspace=workspace, deed=deed, actor=asking.actor, state="running",
            first=first, total=count, refused=sum(run.became == "refused" for run in runs), created_at=now,
            held_until=now + LEASE,
        )  # fmt: skip
        self._own[bulk_id] = bulk.held_until
        told = {"runs": count, **msgspec.to_builtins(deed)}
        await self._rows.add(bulk, runs, self._entry(asking, bulk, f"runs.{deed.action}", told))
        self._take(bulk)
        return bulk

    async def find(self, workspace: str, name: str) -> Bulk:
        """Return a wish; raise `NoBulkError` if there is none."""
        bulk = await self._rows.one(Bulk, id=name)
        if bulk is None or bulk.workspace != workspace:
            raise NoBulkError(f"There is no bulk {name!r}.", hint="List the bulks.")
        return bulk

    async def newest(self, workspace: str, before: str, limit: int) -> Sequence[Bulk]:
        """Return the wishes of a workspace, the newest first."""
        return await self._rows.newest(workspace, before, limit)

    async def runs(self, bulk: Bulk, after: int, limit: int) -> Sequence[BulkRun]:
        """Return what became of the runs that are meant, in order."""
        return await self._rows.runs(bulk.id, after, limit)

    async def settled(self, bulk: Bulk, seconds: float) -> Bulk:
        """Return a wish once nothing more happens by itself, or as it is after so many seconds."""
        task = self._work.get(bulk.id)
        if task is not None:
            await asyncio.wait([task], timeout=seconds)
        return await self.find(bulk.workspace, bulk.id)

    async def stop(self, asking: Asking, bulk: Bulk) -> Bulk:
        """Do nothing more; what was done stays so."""
        return await self._change(asking, bulk, ("running", "waiting"), "stopped")

    async def go_on(self, asking: Asking, bulk: Bulk) -> Bulk:
        """Go on after the first runs, or after a stop."""
        changed = await self._change(asking, bulk, ("waiting", "stopped"), "running")
        self._take(changed)
        return changed

    # --- the life of a process ---

    def start(self) -> None:
        """Go on with what other processes left."""
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """End what is under way in good order, and leave the rest to the next process."""
        self._closing = True
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        if self._work:
            await asyncio.wait(self._work.values())

    async def _look(self) -> None:
        while True:
            try:
                for bulk in await self._rows.unfinished(self._now()):
                    self._take(bulk)
                for over in await self._rows.forgettable(self._now(), 10):
                    await self._rows.save([Clear(BulkRun, {"bulk": over.id}), Remove(over)])
            except OperationalError as error:
                log.warning("bulk.store", exc_info=error)
            await asyncio.sleep(LOOK)

    # --- the work ---

    def _take(self, bulk: Bulk) -> None:
        if bulk.id not in self._work and not self._closing:
            task = self._work[bulk.id] = asyncio.create_task(self._go(bulk.id))
            task.add_done_callback(lambda _: self._forget(bulk.id))

    def _forget(self, name: str) -> None:
        self._work.pop(name, None)
        self._own.pop(name, None)

    async def _go(self, name: str) -> None:
        """Do a piece at a time, until nothing is left, somebody stops it, or the process leaves."""
        held = await self._hold(name)
        while held is not None and held.state == "running" and not self._closing:
            try:
                held = await self._piece(held)
            except (OperationalError, HeldError) as error:
                log.warning("bulk.later", extra={"bulk": name}, exc_info=error)
                await asyncio.sleep(AGAIN)
                held = await self._hold(name)
        with suppress(OperationalError):  # then others wait until its time is up
            await self._let_go(name)

    async def _let_go(self, name: str) -> None:
        """Let another process be at a wish, where this one was."""
        found = await self._rows.one(Bulk, id=name)
        if found is not None and found.held_until and self._own.get(name) == found.held_until:
            await self._rows.save([Replace(found, msgspec.structs.replace(found, held_until=0))])

    async def _hold(self, name: str) -> Bulk | None:
        """Be the process that is at a wish; None where another one is, or this one leaves."""
        while not self._closing:
            try:
                found = await self._rows.one(Bulk, id=name)
                if found is None or found.state != "running":
                    return None
                if self._own.get(name) != found.held_until and found.held_until > self._now():
                    return None
                return await self._put(found, held_until=max(self._now() + LEASE, found.held_until + 1))
            except OperationalError:
                await asyncio.sleep(AGAIN)
        return None

    async def _piece(self, bulk: Bulk) -> Bulk | None:
        """Do it to the next runs; return the wish as it is then, None where another process is at it."""
        most = AT_ONCE if not bulk.first else min(AT_ONCE, bulk.first - bulk.handled)
        if most <= 0:
            return await self._put(bulk, state="waiting", first=0)
        runs = await self._rows.runs(bulk.id, -1, most, open_only=True)
        if not runs:
            now = self._now()
            return await self._put(bulk, state="over", over_at=now, ends_at=now + KEPT)
        begun = [msgspec.structs.replace(run, became="begun") for run in runs]
        marks = (Replace(a, b) for a, b in zip(runs, begun, strict=True) if a != b)
        until = max(self._now() + LEASE, bulk.held_until + 1)
        held = await self._put(bulk, *marks, held_until=until)
        if held is None:
            return None
        doing = (self._do(held, run, mark) for run, mark in zip(runs, begun, strict=True))
        ended = await asyncio.gather(*doing)
        count = Counter(run.became for run in ended)
        return await self._put(
            held, *(Replace(a, b) for a, b in zip(begun, ended, strict=True)), done=held.done + count["done"],
            refused=held.refused + count["refused"], unknown=held.unknown + count["unknown"], held_until=until + 1,
        )  # fmt: skip

    async def _do(self, bulk: Bulk, before: BulkRun, run: BulkRun) -> BulkRun:
        """Do it to one run; one that a process before this had begun with may have refused it for having it done already."""
        try:
            with within(bulk.workspace):
                made = await do(self._runs, Asking(actor=bulk.actor), bulk, run.run)
        except HeldError:
            raise
        except UserError as error:
            became: Became = "unknown" if before.became == "begun" else "refused"
            return msgspec.structs.replace(run, became=became, code=error.code, message=error.message)
        return msgspec.structs.replace(run, became="done", made=made)

    # --- the rows ---

    async def _put(self, bulk: Bulk, *writes: Replace, **changed: Any) -> Bulk | None:
        """Write what this process changes of a wish that it is at, and return it as it is then, with what people changed of it
        meanwhile; None where another process is at it.
        """
        after = msgspec.structs.replace(bulk, **changed)
        if after != bulk and await self._rows.save([Replace(bulk, after), *writes]) is not None:
            return None
        self._own[bulk.id] = after.held_until
        return await self._rows.one(Bulk, id=bulk.id)

    async def _change(
        self, asking: Asking, bulk: Bulk, states: tuple[str, ...], state: Literal["running", "stopped"]
    ) -> Bulk:
        """Change the state of a wish; the process that is at it sees that before its next piece."""
        while bulk.state in states:
            now = self._now()
            ends = {"over_at": now, "ends_at": now + KEPT} if state == "stopped" else _ENDLESS
            after = msgspec.structs.replace(bulk, state=state, first=0, **ends)
            told = {"bulk": "stop" if state == "stopped" else "go-on"}
            entry = self._entry(asking, bulk, f"runs.{bulk.deed.action}", told)
            if await self._rows.save([Replace(bulk, after)], [entry]) is None:
                return after
            bulk = await self.find(bulk.workspace, bulk.id)
        raise BulkStateError(f"The bulk is {bulk.state}.", hint="Look at what became of it.")

    def _entry(self, asking: Asking, bulk: Bulk, action: str, told: object) -> Entry:
        return Entry(
            at=self._now(), workspace=bulk.workspace, actor=asking.actor, action=action,
            object=Object(kind="bulk", name=bulk.id), why=bulk.deed.reason, after=told,
        )  # fmt: skip


def _run_of(bulk: str, workspace: str, position: int, meant: Meant) -> BulkRun:
    if meant.row is not None:
        run, number = meant.row.run, meant.row.number
        return BulkRun(bulk=bulk, workspace=workspace, position=position, run=run, number=number)
    error = meant.error
    code, message = (error.code, error.message) if error is not None else ("", "")
    return BulkRun(
        bulk=bulk, workspace=workspace, position=position, run=meant.name, became="refused", code=code, message=message
    )  # fmt: skip
