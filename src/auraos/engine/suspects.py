"""Which run the engine works on at this moment, noted where it outlives the process.

A run that kills the whole process (a crash below Python, memory that the system takes back) writes no fact of it, and would
kill the next process, too. So the name of the run stands in a small file that is mapped into memory while the engine works on
it: to write it costs no call of the system, and what stands there is still there when the process is gone. The next process
counts it. A run in whose work three processes died is quarantined in place of being led on.

Processes that share a folder have a file each: what another one works on is no reason to suspect it.
"""

import fcntl
import itertools
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from auraos.core.errors import UserError

T = TypeVar("T")

DEADLY = 3
"""When so many processes died while they worked on a run, it is set apart."""
UNREADABLE = DEADLY + 1
"""When one more died while it was set apart, it is not even read."""
LOOP, READER, *THREADS = range(4)
"""Who works: the loop, the reader of journals, and the threads that compute."""
_WORKERS = 4
_SLOT = 256
"""Longer than any id of a run."""
_COUNTS_FROM = _WORKERS * _SLOT
_SIZE = 64 * 1024


class DeadlyRunError(UserError):
    """Process after process died while it worked on this run."""

    code = "deadly-run"


class Suspects:
    """What this process works on, and in whose work earlier ones died. Without a file nothing outlives the process."""

    def __init__(self, file: Path | None = None) -> None:
        self._threads = list(THREADS)
        self._note: bytearray | mmap.mmap = bytearray(_SIZE) if file is None else _mapped(file)
        self.deaths: dict[str, int] = self._read_counts()
        """run → how many processes died while they worked on it, one after the other."""
        for slot in range(0, _COUNTS_FROM, _SLOT):
            if self._note[slot]:
                run = bytes(self._note[slot : slot + _SLOT]).partition(b"\n")[0].decode(errors="replace")
                self.deaths[run] = self.deaths.get(run, 0) + 1
                self._note[slot] = 0
        self._write_counts()

    def work_on(self, run: str, worker: int = LOOP) -> None:
        """Note that this run is worked on from now."""
        line, slot = run.encode() + b"\n", worker * _SLOT
        self._note[slot : slot + len(line)] = line

    def rest(self, worker: int = LOOP) -> None:
        """Note that the work is done, and the process still there."""
        self._note[worker * _SLOT] = 0

    def beside(self, run: str, work: Callable[[], T]) -> T:
        """Do something for a run in a thread, and return what came of it."""
        try:
            worker = self._threads.pop()
        except IndexError:
            return work()
        self.work_on(run, worker)
        try:
            return work()
        finally:
            self.rest(worker)
            self._threads.append(worker)

    @contextmanager
    def reading(self, run: str) -> Iterator[None]:
        """Note that the journal of this run is read; refuse one that kills whoever reads it."""
        if self.deaths.get(run, 0) >= UNREADABLE:
            raise DeadlyRunError(f"{self.deaths[run]} processes died while they worked on it or read it.")
        self.work_on(run, READER)
        try:
            yield
        finally:
            self.rest(READER)

    def words(self, run: str) -> str:
        """Return why a run is to be quarantined; nothing when it may go on."""
        deaths = self.deaths.get(run, 0)
        return f"{deaths} processes died while they worked on it." if deaths >= DEADLY else ""

    def refuse_deadly(self, run: str) -> None:
        """Refuse to begin a run whose beginning killed process after process."""
        if self.deaths.get(run, 0) >= DEADLY:
            raise DeadlyRunError(
                f"{self.deaths[run]} processes died while they began run {run}: it is not begun again.",
                hint="Find out what kills them, in the log of the system; then start it under another id.",
            )

    def absolve(self, run: str) -> None:
        """Forget what is held against a run: it ended, or a person lets it go on."""
        if self.deaths.pop(run, None) is not None:
            self._write_counts()

    def _read_counts(self) -> dict[str, int]:
        text = bytes(self._note[_COUNTS_FROM:]).partition(b"\0")[0]
        try:
            return msgspec.json.decode(text, type=dict[str, int]) if text else {}
        except msgspec.MsgspecError:
            return {}

    def _write_counts(self) -> None:
        """Write the counts; beyond what the file holds, the oldest are forgotten."""
        while len(text := msgspec.json.encode(self.deaths)) >= _SIZE - _COUNTS_FROM:
            del self.deaths[next(iter(self.deaths))]
        self._note[_COUNTS_FROM : _COUNTS_FROM + len(text) + 1] = text + b"\0"


def _mapped(file: Path) -> mmap.mmap:
    """Map the first file of this name, or with a number behind it, that no living process has; it is ours until we end."""
    for number in itertools.count(1):
        own = file if number == 1 else file.with_stem(f"{file.stem}-{number}")
        with own.open("a+b") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            opened.truncate(_SIZE)
            return mmap.mmap(opened.fileno(), _SIZE)  # holds the file open, and so the lock
    raise AssertionError  # numbers have no end
