"""What goes through the door: how much of it there is, how long it takes, and who is at work on it for the log."""

import time
from collections.abc import Iterator, Mapping

from auraos.observability.figures import Figure, Tally, Timing, gauge

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NOWHERE = "(no route)"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Passing:
    """One request on its way through the door, from its first byte until it is answered."""

    __slots__ = ("began", "method", "request", "route", "status", "workspace")

    def __init__(self, request: str, method: str) -> None:
        self.request = request
        self.method = method if method in METHODS else "(other)"
        self.route = NOWHERE
        """The path as the route declares it, so no name that somebody chose is part of a figure."""
        self.workspace = ""
        self.status = 0
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return for how long it is under way."""
        return time.perf_counter() - self.began

    def told(self) -> Mapping[str, str]:
        """Return what a line of the log says of it while it is under way."""
        if self.status:
            return {}
        told = {"request": self.request}
        return {**told, "workspace": self.workspace} if self.workspace else told


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
