"""The one writer: all writes that wait go into one transaction, and each is told when it is durable.

A commit costs one sync of the disk, however many writes share it. So the loop gathers writes for as long as
the sync before takes. A write that the database refuses for what it says is taken out and the others are
written without it; when the disk fails, nothing is known of the whole transaction, and every write in it is
told so.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from auraos.engine.ports import FencedError, StoreUnavailableError, Told, Write, WriteRefusedError
from auraos.security.audit.parts import AnyEntry
from auraos.storage.batching import Waiting, cut, tell
from auraos.storage.sqlite import schema
from auraos.storage.sqlite.changes import Change, make_change, tell_changed
from auraos.storage.sqlite.copying import Copy, CopyFailedError, Scrub, copy_pages, empty_log, tell_copied
from auraos.storage.sqlite.handover import FENCED, hand_over, prepare
from auraos.storage.sqlite.opening import connect_writer
from auraos.storage.sqlite.rows import write_rows
from auraos.storage.tables.statement import Statement

REFUSALS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    ValueError,
)
"""What the database says of one write and not of the disk."""

FREE_AFTER = 0.02
LONGEST_SLICE = 0.02
LONGEST_PARTING = 2.0
PAGES = 250
"""For so many seconds nobody wants to write before pages are freed, for so many seconds at a time, and for so many seconds
when the store is closed; so many pages a step.
"""

Handed: TypeAlias = Waiting | Change | Copy | Scrub | None
Outcomes: TypeAlias = Sequence[BaseException | None] | None


class Writer:
    """A thread with the writing connection. `commit` is called on the event loop only."""

    def __init__(self, file: Path, connection: sqlite3.Connection, token: str) -> None:
        self.commits = 0
        self.writes = 0
        self.pace = 0.005
        """So many seconds a commit takes at present."""
        prepare(connection)
        self._file = file
        self._connection: sqlite3.Connection | None = connection
        self.token = token
        self._owns = False
        self._fenced = False
        self._frees = False
        """Whether pages may be free."""
        self._line = time.time_ns() // 1000
        self._handed: queue.SimpleQueue[Handed] = queue.SimpleQueue()
        self._copies: list[Copy] = []
        self._changes: list[Change] = []
        self._scrubs: list[Scrub] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        """Hand writes to the thread; `told` hears on the loop what became of them."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if self._closed:
            self._loop.call_soon(told, [StoreUnavailableError("The store is closed.")] * len(writes))
        else:
            self._handed.put(Waiting(writes, told))

    async def change(self, statements: Sequence[Statement], entries: Sequence[AnyEntry]) -> None:
        """Make a change of what people keep durable."""
        if self._closed:
            raise StoreUnavailableError("The store is closed.")
        self._loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = self._loop.create_future()
        self._handed.put(Change(statements, entries, done))
        await done

    async def copy(self, file: Path) -> None:
        """Write a whole copy of the database into a new file, while writing goes on."""
        if self._closed:
            raise StoreUnavailableError("The store is closed.")
        self._loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = self._loop.create_future()
        self._handed.put(Copy(file, done))
        await done

    async def scrub(self) -> None:
        """Bring the file up to the log, and empty the log."""
        if self._closed:
            raise StoreUnavailableError("The store is closed.")
        self._loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = self._loop.create_future()
        self._handed.put(Scrub(done))
        await done

    async def close(self) -> None:
        """Write what waits, fold the log into the file, and end the thread."""
        if self._closed:
            return
        self._closed = True
        self._handed.put(None)
        while self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 1.0)

    # --- on the writer's thread ---

    def _work(self) -> None:
        rest: list[Waiting] = []
        ending = False
        while not ending or rest:
            if not rest:
                ending = self._take(self._next(), rest)
            ending = self._take_all(rest) or ending
            rest = self._write_some(rest)
            self._change_all()
            self._scrub_all()
            while self._copies:
                ending = self._copy(self._copies.pop(0), rest, ending=ending)
        self._let_go()

    def _next(self) -> Handed:
        """Return what is handed over next; while nothing is, pages that deletions left are given back to the disk."""
        while self._frees:
            try:
                return self._handed.get(timeout=FREE_AFTER)
            except queue.Empty:
                self._frees = self._free_pages()
        return self._handed.get()

    def _free_pages(self) -> bool:
        """Give back some free pages, for 20 ms at most; return whether there are more."""
        connection = self._connection
        if connection is None:
            return False
        until = time.monotonic() + LONGEST_SLICE
        try:
            while time.monotonic() < until:
                if not connection.execute("pragma freelist_count").fetchone()[0]:
                    connection.execute("pragma wal_checkpoint(passive)").fetchone()
                    return False
                # `execute` would take one step of it only.
                connection.executescript(f"pragma incremental_vacuum({PAGES})")
        except sqlite3.Error:  # the next write finds out what it is
            return False
        return True

    def _write_some(self, waiting: list[Waiting]) -> list[Waiting]:
        """Write as much as one transaction shall hold; return what is left."""
        if not waiting:
            return []
        batch, rest = cut(waiting)
        self._answer(batch, self._write([write for each in batch for write in each.writes]))
        return rest

    def _change_all(self) -> None:
        """Make all changes that wait, in one transaction."""
        changes, self._changes = self._changes, []
        if not changes:
            return
        outcomes: list[tuple[Change, Exception | None]]
        try:
            connection = self._begin()
            outcomes = [(change, make_change(connection, change)) for change in changes]
            connection.execute("commit")
            self._owns = True
            self.commits += 1
        except Exception as error:  # noqa: BLE001 (the thread must live, and whoever waits must hear)
            failure = self._failure(error)
            outcomes = [(change, failure) for change in changes]
        self._call(tell_changed, outcomes)

    def _scrub_all(self) -> None:
        """Write the log into the file and empty it, as soon as no reader needs it any more."""
        scrubs, self._scrubs = self._scrubs, []
        if not scrubs:
            return
        error: Exception | None = None
        try:
            empty_log(self._connection or self._reopen())
        except Exception as failed:  # noqa: BLE001 (the thread must live, and whoever waits must hear)
            error = failed
        for scrub in scrubs:
            self._call(tell_copied, scrub.done, error)

    def _copy(self, copy: Copy, rest: list[Waiting], *, ending: bool) -> bool:
        """Make a copy, and write between its slices what waits; return whether the thread is to end."""
        error: Exception | None = None

        def between() -> None:
            nonlocal ending
            ending = self._take_all(rest) or ending
            rest[:] = self._write_some(rest)
            self._change_all()
            if ending or self._connection is not connection:
                raise CopyFailedError("The copy was cut off: the store was closed, or its disk failed.")

        try:
            connection = self._connection or self._reopen()
            between()
            copy_pages(connection, copy.file, between)
        except Exception as failed:  # noqa: BLE001 (the thread must live, and whoever waits must hear)
            error = failed
        self._call(tell_copied, copy.done, error)
        return ending

    def _take_all(self, waiting: list[Waiting]) -> bool:
        while True:
            try:
                handed = self._handed.get_nowait()
            except queue.Empty:
                return False
            if self._take(handed, waiting):
                return True

    def _take(self, handed: Handed, waiting: list[Waiting]) -> bool:
        """Put what was handed over where it waits; return whether the thread is to end."""
        if isinstance(handed, Copy):
            self._copies.append(handed)
        elif isinstance(handed, Scrub):
            self._scrubs.append(handed)
        elif isinstance(handed, Change):
            self._changes.append(handed)
        elif handed is not None:
            waiting.append(handed)
        return handed is None

    def _write(self, writes: list[Write]) -> Outcomes:
        begun = time.monotonic()
        try:
            if not (self._owns and all(write.is_plain for write in writes) and self._hand_over(writes)):
                connection = self._begin()
                write_rows(connection, writes, self._next_line)
                connection.execute("commit")
                self._owns = True
        except REFUSALS as error:
            return self._told_apart(writes, error)
        except Exception as error:  # noqa: BLE001 (the thread must live, and whoever waits must hear)
            return [self._failure(error)] * len(writes)
        self.commits += 1
        self.writes += len(writes)
        self.pace += (time.monotonic() - begun - self.pace) / 8
        self._frees = self._frees or any(write.pruned for write in writes)
        return None

    def _hand_over(self, writes: list[Write]) -> bool:
        """Write and commit in one call; return whether there was anything to write."""
        try:
            return hand_over(self._connection or self._reopen(), writes, self.token)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname == FENCED:
                self._fence()
            raise

    def _told_apart(self, writes: list[Write], error: Exception) -> Outcomes:
        """Write one by one what was refused together."""
        if self._connection is None:
            return [self._failure(error)] * len(writes)
        try:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            return self._write_apart(writes)
        except Exception as failed:  # noqa: BLE001 (the thread must live, and whoever waits must hear)
            return [self._failure(failed)] * len(writes)

    def _write_apart(self, writes: list[Write]) -> Outcomes:
        """Write the writes one by one, each behind a savepoint, so that the refused ones harm nobody else."""
        outcomes: list[BaseException | None] = []
        connection = self._begin()
        for write in writes:
            connection.execute("savepoint one")
            try:
                write_rows(connection, [write], self._next_line)
            except REFUSALS as error:
                connection.execute("rollback to one")
                refusal = f"The store refused a write of run {write.run}: {error}."
                outcomes.append(WriteRefusedError(refusal, run=write.run))
            else:
                outcomes.append(None)
            connection.execute("release one")
        connection.execute("commit")
        self._owns = True
        self.commits += 1
        self.writes += outcomes.count(None)
        return outcomes

    def _begin(self) -> sqlite3.Connection:
        connection = self._reopen() if self._connection is None else self._connection
        connection.execute("begin immediate")
        if not self._owns:
            connection.execute(schema.SET_OWNER, (self.token,))
            return connection
        owner = connection.execute(schema.READ_OWNER).fetchone()
        if owner is None or owner[0] != self.token:
            self._fence()
        return connection

    def _fence(self) -> NoReturn:
        self._fenced = True
        raise FencedError("Another process has taken the store over; this one writes nothing any more.")

    def _reopen(self) -> sqlite3.Connection:
        """Open the file again after the disk failed. The log is folded in first, so that what is read again
        is on the disk.
        """
        if self._fenced:
            self._fence()
        connection = connect_writer(self._file)
        try:
            connection.execute("pragma wal_checkpoint(truncate)").fetchone()
            prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _failure(self, error: Exception) -> Exception:
        """Let go of the connection, whose view of the disk nobody can trust; return what is told of the whole batch."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _close_quietly(connection)
        if isinstance(error, FencedError):
            return error
        failure = StoreUnavailableError(
            f"{self._file} could not be written: {error}.",
            hint="Make room or mend the disk; a server that was ready then goes on by itself.",
        )
        failure.__cause__ = error
        return failure

    def _next_line(self) -> int:
        self._line += 1
        return self._line

    def _answer(self, batch: list[Waiting], outcomes: Outcomes) -> None:
        self._call(tell, batch, outcomes)

    def _call(self, hear: Callable[..., None], *told: Any) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(hear, *told)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _let_go(self) -> None:
        until = time.monotonic() + LONGEST_PARTING
        while self._frees and time.monotonic() < until:
            self._frees = self._free_pages()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.Error:
            _close_quietly(connection)
            return
        connection.close()


def _close_quietly(connection: sqlite3.Connection) -> None:
    try:
        connection.close()
    except sqlite3.Error:
        return
