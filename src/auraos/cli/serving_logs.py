"""What a serving process says while it works: lines for people, or one JSON object a line for a collector.

Lines are written by a thread, so that a terminal that was stopped, or a pipe that nobody reads, never stops the engine; what
is too much for the pipe is counted and left out.
"""

import logging
import queue
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.cli.screen import Screen, Tint, clean, to_side
from auraos.observability.about import told_now

LogFormat: TypeAlias = Literal["text", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
MOST_WAITING = 10_000
LONGEST = 8_192
"""So many characters of one thing are written down."""
_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_TINTS: dict[str, Tint] = {"warning": "yellow", "error": "red", "critical": "red", "info": "green"}


class Logs:
    """The log of this process; `close` writes what waits."""

    def __init__(self, form: LogFormat, redact: Callable[[Any], Any], *, level: LogLevel = "info") -> None:
        self._level = level
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_TextForm(redact) if form == "text" else _JsonForm(redact))
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._door = _LossyDoor(waiting)
        self._listener = QueueListener(waiting, handler)

    def open(self) -> None:
        """Take over all that is logged in this process."""
        root = logging.getLogger()
        root.addHandler(self._door)
        root.setLevel(logging.INFO)
        logging.getLogger("auraos").setLevel(self._level.upper())
        logging.getLogger("asyncio").setLevel(logging.ERROR)
        self._listener.start()

    def close(self) -> None:
        """Write what waits."""
        logging.getLogger().removeHandler(self._door)
        self._listener.stop()


class _LossyDoor(QueueHandler):
    """Hands records to the thread, or counts them where too many wait.

    The queue holds no lock of Python's: a signal, or an object that is thrown away, may have something to say while the
    same thread is just handing over a line, and would wait for itself for ever.
    """

    def __init__(self, waiting: "queue.SimpleQueue[Any]") -> None:
        super().__init__(waiting)
        self._waiting = waiting
        self._lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Hand the record over with what it is about; the thread writes it down."""
        for name, value in told_now().items():
            record.__dict__.setdefault(name, value)
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Hand a record over, with the number of those that were lost before it."""
        if self._waiting.qsize() >= MOST_WAITING:
            self._lost += 1
            return
        if self._lost:
            record.lost_before = self._lost
        self._lost = 0
        self._waiting.put(record)


class _Form(logging.Formatter):
    def __init__(self, redact: Callable[[Any], Any]) -> None:
        super().__init__()
        self._redact = redact

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what was said beside the event, secrets masked."""
        found = {name: value for name, value in record.__dict__.items() if name not in _USUAL}
        told = {
            name: value if isinstance(value, int | float) else str(value) for name, value in found.items()
        }
        masked: dict[str, Any] = self._redact(told)
        return {name: value[:LONGEST] if isinstance(value, str) else value for name, value in masked.items()}

    def event(self, record: logging.LogRecord) -> str:
        return str(self._redact(record.getMessage()))[:LONGEST]

    def trace(self, record: logging.LogRecord) -> str:
        if not record.exc_info or record.exc_info[1] is None:
            return ""
        return str(self._redact("".join(traceback.format_exception(record.exc_info[1]))))


class _TextForm(_Form):
    def __init__(self, redact: Callable[[Any], Any]) -> None:
        super().__init__(redact)
        self._screen: Screen = to_side()

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line for people, the traceback of a mistake below it."""
        screen, level = self._screen, record.levelname.lower()
        fields = "  ".join(
            f"{screen.tint(f'{name}=', 'dim')}{_on_one_line(str(value))}"
            for name, value in self.fields(record).items()
        )
        moment = datetime.fromtimestamp(record.created, tz=UTC).astimezone()
        line = f"{screen.tint(f'{moment:%H:%M:%S}', 'dim')} {screen.tint(f'{level:7}', _TINTS.get(level, 'dim'))}"
        told = f"{line} {_on_one_line(self.event(record))}  {fields}".rstrip()
        return "\n".join([told, *(f"    {clean(part)}" for part in self.trace(record).splitlines())])


def _on_one_line(text: str) -> str:
    """Return a text with nothing in it that could end the line, or look like another one."""
    return clean(text).replace("\n", r"\n").replace("\u2028", r"\u2028")


class _JsonForm(_Form):
    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one JSON object on one line."""
        moment = datetime.fromtimestamp(record.created, tz=UTC)
        told = {
            "at": f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self.event(record),
            **self.fields(record),
        }
        trace = self.trace(record)
        if trace:
            told["traceback"] = trace
        return msgspec.json.encode(told, enc_hook=str).decode()
