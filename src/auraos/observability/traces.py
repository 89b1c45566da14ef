"""Traces: one for all that follows from a request, through runs, their steps and the runs that they call, by W3C Trace Context.

The number of a span is made of what the span is of: of a run, of one attempt of a step. So nothing has to be remembered but the
trace that a run belongs to, which is a fact of the run: whoever leads it, after a crash or in another process, goes on in the
same trace, and what is told twice is the same span.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Literal, Protocol, TypeAlias

import msgspec

SpanKind: TypeAlias = Literal["internal", "server", "client"]
NO_SPAN = "0" * 16
_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PARTS = 2**56

HERE: ContextVar[str] = ContextVar("auraos.trace", default="")
"""The trace that this task works in, as `traceparent` says it; nothing where nobody traces."""


class Trace(msgspec.Struct, frozen=True):
    """A place in a trace: the trace, the span that what follows belongs to, and whether it is told."""

    trace: str
    span: str
    is_told: bool = True

    @property
    def header(self) -> str:
        """Return it as `traceparent`."""
        return f"00-{self.trace}-{self.span}-{'01' if self.is_told else '00'}"

    def at(self, span: str) -> "Trace":
        """Return another place in the same trace."""
        return Trace(self.trace, span, self.is_told)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Something that took its time, as it is told when it is over. Times are microseconds since 1970."""

    name: str
    place: Trace
    parent: str = NO_SPAN
    kind: SpanKind = "internal"
    began: int
    ended: int
    error: str = ""
    """The code of what went wrong; nothing where all went well."""
    attributes: Mapping[str, str | int | float | bool] = {}


class Sink(Protocol):
    """Where spans go. It takes them without waiting."""

    def take(self, span: Span) -> None: ...

    def close(self) -> None:
        """Send what waits. It may block for some seconds."""
        ...


class Tracer:
    """Tells what happens as spans. `share` says how many of a hundred traces are told that begin here."""

    def __init__(self, sink: Sink, share: Callable[[], float] = lambda: 100.0) -> None:
        self._sink = sink
        self._share = share

    def begin(self, id_: str, told: str = "") -> tuple[Trace, str]:
        """Return the place of something that begins, and its parent: in the trace that `traceparent` tells, or in its own."""
        parent = read(told)
        span = span_of(id_)
        if parent is not None:
            return parent.at(span), parent.span
        trace = trace_of(id_)
        is_told = int(trace[-14:], 16) < _PARTS * self._share() / 100
        return Trace(trace, span, is_told), NO_SPAN

    def of_run(self, run: str) -> str:
        """Return the trace that a run belongs to which nobody asked for within one."""
        place, _ = self.begin(run)
        return place.at(NO_SPAN).header

    def tell(self, span: Span) -> None:
        """Hand on a span, if its trace is told."""
        if span.place.is_told:
            self._sink.take(span)

    def close(self) -> None:
        """Send what waits. It may block for some seconds."""
        self._sink.close()


def read(header: str) -> Trace | None:
    """Return the place that a `traceparent` tells, None for one that tells none."""
    found = _HEADER.fullmatch(header.strip())
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]) or not int(found[2], 16):
        return None
    return Trace(found[2], found[3], bool(int(found[4], 16) & 1))


def trace_of(id_: str) -> str:
    """Return the number of the trace that begins with something of this id: the id itself, where it is a UUID."""
    return id_.replace("-", "") if _UUID.fullmatch(id_) else hashlib.sha256(id_.encode()).hexdigest()[:32]


def span_of(*parts: str | int) -> str:
    """Return the number of the span of something."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
