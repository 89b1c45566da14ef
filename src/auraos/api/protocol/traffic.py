"""What goes through the door: how much of it there is, how long it takes, and who is at work on it for the log."""

import time
from collections.abc import Iterator, Mapping

from auraos.observability.figures import Figure, Tally, Timing, gauge
from auraos.observability.traces import HERE, NO_SPAN, Span, Trace, Tracer

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NOWHERE = "(no route)"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Passing:
    """One request on its way through the door, from its first byte until it is answered."""

    __slots__ = ("at", "began", "method", "parent", "place", "request", "route", "status", "workspace")

    def __init__(self, request: str, method: str) -> None:
        self.request = request
        self.method = method if method in METHODS else "(other)"
        self.route = NOWHERE
        """The path as the route declares it, so no name that somebody chose is part of a figure."""
        self.workspace = ""
        self.status = 0
        self.began = time.perf_counter()
        self.at = 0
        self.place: Trace | None = None
        """Where it is in a trace, where somebody traces."""
        self.parent = NO_SPAN

    @property
    def seconds(self) -> float:
        """Return for how long it is under way."""
        return time.perf_counter() - self.began

    def told(self) -> Mapping[str, str]:
        """Return what a line of the log says of it while it is under way."""
        if self.status:
            return {}
        told = {"request": self.request}
        if self.place is not None:
            told["trace"] = self.place.trace
        return {**told, "workspace": self.workspace} if self.workspace else told

    def trace_by(self, tracer: Tracer, told: str) -> None:
        """Be a span, in the trace that whoever asks tells, or in one of its own."""
        self.at = time.time_ns() // 1000
        self.place, self.parent = tracer.begin(self.request, told)
        HERE.set(self.place.header)

    def span(self, status: int) -> Span | None:
        """Return it as a span, now that it is answered."""
        if self.place is None:
            return None
        attributes: dict[str, str | int | float | bool] = {
            "http.request.method": self.method,
            "http.route": self.route,
            "http.response.status_code": status,
            "auraos.request.id": self.request,
            "auraos.workspace": self.workspace,
        }
        return Span(
            name=f"{self.method} {self.route}", place=self.place, parent=self.parent, kind="server", began=self.at,
            ended=time.time_ns() // 1000, error=str(status) if status >= 500 else "", attributes=attributes,
        )  # fmt: skip


class Traffic:
    """What goes through one door."""

    def __init__(self) -> None:
        self.streams = 0
        """How many answers go on now for as long as whoever asked is there."""
        self._requests = Tally(
            "auraos_http_requests_total",
            "Requests by route and how they were answered.",
            "method",
            "route",
            "status",
        )
        self._times = Timing(
            "auraos_http_request_seconds",
            "How long requests took, from their head until their answer was sent; streams are left out.",
            "method",
            "route",
            bounds=BOUNDS,
            most=400,
        )

    def answered(self, passing: Passing, status: int, *, went_on: bool) -> None:
        """Count a request that is over."""
        self._requests.add(passing.method, passing.route, str(status))
        if not went_on:
            self._times.note(passing.seconds, passing.method, passing.route)
        passing.status = status

    def figures(self) -> Iterator[Figure]:
        """Yield how it stands."""
        yield from self._requests.figures()
        yield from self._times.figures()
        yield gauge("auraos_http_streams", "Readers of streams that are connected.", self.streams)
