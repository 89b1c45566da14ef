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
from pathlib import Path
from typing import TypeAlias

from auraos.core.errors import OperationalError
from auraos.engine.ports import StoreUnavailableError, Write, WriteRefusedError
from auraos.storage.sqlite import schema
from auraos.storage.sqlite.opening import connect_writer
from auraos.storage.sqlite.rows import write_rows

BATCH_BYTES = 1024 * 1024
BATCH_FACTS = 2000
REFUSALS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    ValueError,
)
"""What the database says of one write and not of the disk."""

Waiting: TypeAlias = tuple[Write, asyncio.Future[None]]
Outcome: TypeAlias = tuple[asyncio.Future[None], BaseException | None]


class FencedError(OperationalError):
    """Another process has taken the store over; this one writes nothing any more."""

    code = "fenced"


class Writer:
    """A thread with the writing connection. `commit` is called on the event loop only."""

    def __init__(self, file: Path, connection: sqlite3.Connection, token: str) -> None:
        self.commits = 0
        self.writes = 0
        self._file = file
        self._connection: sqlite3.Connection | None = connection
        self._token = token
        self._owns = False
        self._fenced = False
        self._line = time.time_ns() // 1000
        self._gathered: list[Waiting] = []
        self._handed: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def commit(self, write: Write) -> asyncio.Future[None]:
        """Return a future that is done when the write is durable, or fails when it is not."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = self._loop.create_future()
        if self._closed:
            done.set_exception(StoreUnavailableError("The store is closed."))
            return done
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append((write, done))
        return done

    async def close(self) -> None:
        """Write what waits, fold the log into the file, and end the thread."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        self._handed.put(None)
        while self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 1.0)

    def _hand_over(self) -> None:
        if self._gathered:
            self._handed.put(self._gathered)
            self._gathered = []

    # --- on the writer's thread ---

    def _work(self) -> None:
        rest: list[Waiting] = []
        ending = False
        while not ending or rest:
            if not rest:
                handed = self._handed.get()
                if handed is None:
                    break
                rest = handed
            ending = self._take_all(rest) or ending
            batch, rest = _cut(rest)
            self._answer(self._write(batch))
        self._let_go()

    def _take_all(self, waiting: list[Waiting]) -> bool:
        while True:
            try:
                handed = self._handed.get_nowait()
            except queue.Empty:
                return False
            if handed is None:
                return True
            waiting.extend(handed)

    def _write(self, batch: list[Waiting]) -> list[Outcome]:
        try:
            connection = self._begin()
            try:
                write_rows(connection, [write for write, _ in batch], self._next_line)
            except REFUSALS:
                connection.execute("rollback")
                return self._write_apart(batch)
            connection.execute("commit")
            self._owns = True
        except Exception as error:  # noqa: BLE001 (the thread must live, and whoever waits must hear)
            return self._fail(batch, error)
        self.commits += 1
        self.writes += len(batch)
        return [(done, None) for _, done in batch]

    def _write_apart(self, batch: list[Waiting]) -> list[Outcome]:
        """Write the writes one by one, each behind a savepoint, so that the refused ones harm nobody
        else.
        """
        outcomes: list[Outcome] = []
        connection = self._begin()
        for write, done in batch:
            connection.execute("savepoint one")
            try:
                write_rows(connection, [write], self._next_line)
            except REFUSALS as error:
                connection.execute("rollback to one")
                refusal = WriteRefusedError(
                    f"The store refused a write of run {write.run}: {error}.", run=write.run
                )
                outcomes.append((done, refusal))
            else:
                outcomes.append((done, None))
            connection.execute("release one")
        connection.execute("commit")
        self._owns = True
        self.commits += 1
        self.writes += sum(error is None for _, error in outcomes)
        return outcomes

    def _begin(self) -> sqlite3.Connection:
        connection = self._reopen() if self._connection is None else self._connection
        connection.execute("begin immediate")
        if not self._owns:
            connection.execute(schema.SET_OWNER, (self._token,))
            return connection
        owner = connection.execute(schema.READ_OWNER).fetchone()
        if owner is None or owner[0] != self._token:
            self._fenced = True
            raise FencedError("Another process has taken the store over; this one writes nothing any more.")
        return connection

    def _reopen(self) -> sqlite3.Connection:
        """Open the file again after the disk failed. The log is folded in first, so that what is read again
        is on the disk.
        """
        if self._fenced:
            raise FencedError("Another process has taken the store over; this one writes nothing any more.")
        connection = connect_writer(self._file)
        try:
            connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _fail(self, batch: list[Waiting], error: Exception) -> list[Outcome]:
        """Let go of the connection, whose view of the disk nobody can trust, and tell every write that its
        fate is unknown.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            _close_quietly(connection)
        failure = StoreUnavailableError(
            f"{self._file} could not be written: {error}.",
            hint="Make room or mend the disk; it goes on by itself.",
        )
        failure.__cause__ = error
        return [(done, failure) for _, done in batch]

    def _next_line(self) -> int:
        self._line += 1
        return self._line

    def _answer(self, outcomes: list[Outcome]) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(_settle, outcomes)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.execute("pragma optimize")
            connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.Error:
            _close_quietly(connection)
            return
        connection.close()


def _settle(outcomes: list[Outcome]) -> None:
    for done, error in outcomes:
        if done.cancelled():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _cut(waiting: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Split off as many writes as one transaction shall hold."""
    size = facts = 0
    for index, (write, _) in enumerate(waiting):
        size += len(write.facts) + write.size
        facts += write.count
        if size >= BATCH_BYTES or facts >= BATCH_FACTS:
            return waiting[: index + 1], waiting[index + 1 :]
    return waiting, []


def _close_quietly(connection: sqlite3.Connection) -> None:
    try:
        connection.close()
    except sqlite3.Error:
        return
