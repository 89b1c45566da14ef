"""`Witness`: tells the audit trail, once and truly, what came of something that another part of the house decides about.

What is about to be done is written down first, and when it is known what came of it, the entry takes its place: done, refused
with the reason, or failed. Whoever ends in between leaves what was written down, and the next look makes an entry of it that
says that nobody knows. Those who ask at the same moment share a write.
"""

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry, Outcome
from auraos.core.errors import OperationalError, UserError
from auraos.engine.notes import Note, Noting
from auraos.engine.ports import StoreUnavailableError
from auraos.security.audit.parts import Parts, parts_of
from auraos.storage.tables.audit_pending import Pending, PendingEntries
from auraos.storage.tables.statement import NotAsExpectedError, Tables

log = logging.getLogger("auraos.audit")
MOST: Final = 100
"""So many are written at once."""
PATIENCE: Final = 300 * 1_000_000
"""After so many microseconds without an outcome, whoever was at it is taken for gone."""
SOON: Final = 10 * 1_000_000
"""After so many microseconds a note that nobody took over is taken over by whoever looks."""
PAUSE: Final = 0.05
"""For so many seconds notes gather before the trail takes them over: they are durable already."""
LOOK: Final = 60.0
UNKNOWN: Final = "The process ended before it was known what came of it."


class Witnessed(msgspec.Struct):
    """What is told of something while it is done."""

    entry: Entry

    def tell(self, **more: Any) -> None:
        """Tell more of it, as `after=…`."""
        self.entry = msgspec.structs.replace(self.entry, **more)


class _Wish(msgspec.Struct):
    """A line that is to be written, or to give way to an entry."""

    pending: Pending
    is_over: bool
    written: "asyncio.Future[None]"


class Witness:
    """The witness of one process."""

    def __init__(self, tables: Tables, *, now: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._kept = PendingEntries(tables)
        self._now = now
        self._new_id = new_id
        self._waiting: list[_Wish] = []
        self._noted: list[_Wish] = []
        self._later: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def now(self) -> int:
        """Return the time."""
        return self._now()

    @asynccontextmanager
    async def of(self, entry: Entry) -> AsyncIterator[Witnessed]:
        """Write down what is about to be done, and tell what came of it."""
        number, told = self._new_id(), Witnessed(entry)
        await self._write(Pending(number, parts_of(entry)), is_over=False)
        try:
            yield told
        except BaseException as error:
            await self._over(number, _became(told.entry, error))
            raise
        await self._over(number, told.entry)

    @asynccontextmanager
    async def noting(self, entry: Entry) -> AsyncIterator[Noting]:
        """Tell of the start of a run by a note that is durable with it; of one that is refused, by an entry of its own."""
        noting = Noting(lambda run: self.note(msgspec.structs.replace(entry, after={"run": run})))
        try:
            yield noting
        except UserError as error:
            await self.tell(_became(entry, error))
            raise
        except Exception as error:  # the store may be what failed, so nobody waits until it has this, too
            self._write(Pending("", parts_of(_became(entry, error))), is_over=True).add_done_callback(
                _log_failure
            )
            raise
        if noting.noted is not None:
            self.settle(noting.noted)

    def note(self, entry: Entry) -> Note:
        """Return what is durable together with something, and is told of by `settle` once it is."""
        pending = Pending(self._new_id(), parts_of(entry), is_known=True)
        return Note(pending.id, entry.at, entry.workspace, pending.body)

    def settle(self, note: Note) -> None:
        """Let the trail take over a note that became durable, soon: whoever ends before leaves that to the next look."""
        parts = msgspec.json.decode(note.body, type=Parts)
        self._noted.append(_Wish(Pending(note.id, parts), True, asyncio.get_running_loop().create_future()))
        self._noted[-1].written.add_done_callback(_log_failure)
        if len(self._noted) >= MOST:
            self._take_over()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(PAUSE, self._take_over)

    async def settled(self) -> None:
        """Return when the trail has taken over all that was noted here until now."""
        self._take_over()
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def tell(self, entry: Entry) -> None:
        """Tell of something that is as good as done."""
        await self._write(Pending("", parts_of(entry)), is_over=True)

    async def start(self, *, alone: bool) -> None:
        """Tell of what others left, now and again and again. Alone on its store, whoever left something is gone."""
        await self.look(0 if alone else PATIENCE)
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """Write what is to be written, and look no more."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        self._take_over()
        while self._writing is not None:
            await asyncio.wait([self._writing])

    async def look(self, patience: int = PATIENCE) -> int:
        """Make an entry of each line that nobody brought to its end; return of how many."""
        count = 0
        now = self._now()
        while left := await self._kept.left(now - patience, now - min(patience, SOON), MOST):
            for each in left:
                found = each if each.is_known else Pending(each.id, parts_of(_without_outcome(each.entry)))
                with contextlib.suppress(NotAsExpectedError):  # another process was at it
                    await self._kept.write([], [found])
                    count += 1
        return count

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except OperationalError as error:
                log.warning("audit.not_looked", extra={"why": error.message})

    async def _over(self, number: str, entry: Entry) -> None:
        """Tell what came of it; where that cannot be written now, the line that stands is told of later."""
        try:
            await asyncio.shield(self._write(Pending(number, parts_of(entry)), is_over=True))
        except (OperationalError, NotAsExpectedError) as error:
            log.warning("audit.not_told", extra={"action": entry.action, "why": error.message})

    def _write(self, pending: Pending, *, is_over: bool) -> "asyncio.Future[None]":
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._take_over()  # what was noted came first
        self._waiting.append(_Wish(pending, is_over, written))
        self._begin_to_write()
        return written

    def _take_over(self) -> None:
        """Let the trail take over what was noted."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._noted:
            self._waiting += self._noted
            self._noted = []
            self._begin_to_write()

    def _begin_to_write(self) -> None:
        if self._writing is None:  # on behalf of all who ask, so within the workspace of none of them
            self._writing = asyncio.get_running_loop().create_task(
                self._write_all(), context=contextvars.Context()
            )

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._write_some(some)
        finally:
            self._writing = None

    async def _write_some(self, some: Sequence[_Wish]) -> None:
        """Write a few together; where one of them cannot be, each by itself."""
        try:
            await self._kept.write(
                [each.pending for each in some if not each.is_over],
                [each.pending for each in some if each.is_over],
            )
        except NotAsExpectedError as error:
            if len(some) == 1:
                _tell(some, error)
                return
            for wish in some:
                await self._write_some([wish])
        except Exception as error:  # noqa: BLE001 (whoever waits for it is told)
            _tell(some, error)
        else:
            _tell(some, None)


def _tell(some: Sequence[_Wish], error: Exception | None) -> None:
    for wish in some:
        if wish.written.done():
            continue
        if error is None:
            wish.written.set_result(None)
        else:
            wish.written.set_exception(error)


def _log_failure(written: "asyncio.Future[None]") -> None:
    error = None if written.cancelled() else written.exception()
    if error is not None:
        log.warning("audit.not_told", extra={"why": str(error)})


def _became(entry: Entry, error: BaseException) -> Entry:
    """Return the entry of what was not done. The code tells why: the words of an error may hold what somebody sent."""
    outcome: Outcome = "unknown"
    if isinstance(error, UserError):
        outcome = "refused"
    elif isinstance(error, OperationalError) and not isinstance(error, StoreUnavailableError):
        outcome = "failed"
    code = getattr(error, "code", "") or type(error).__name__
    why = f"{entry.why} ({code})" if entry.why else code
    return msgspec.structs.replace(entry, outcome=outcome, why=why)


def _without_outcome(entry: Entry) -> Entry:
    why = f"{entry.why} {UNKNOWN}".strip()
    return msgspec.structs.replace(entry, outcome="unknown", why=why)
