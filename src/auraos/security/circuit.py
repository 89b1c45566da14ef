"""The circuit breaker of each host: one that keeps failing is left alone for a while, and then tried by one request.

    closed ── 5 failures in a row ──▶ open (10 s, then 20, 40, … at most 2 min) ──▶ half-open: one probe
       ▲                                                                                │
       └───────────────────────────── an answer ◀───────────────────────────────────────┘  a failure: open again

A host that asks to be left alone (429 or 503 with Retry-After) rests for as long as it asks, without counting as failing.
Who comes while the probe is on its way waits for what it brings. What is heard just after this process stood still tells
of the process, and is not counted. Only hosts in trouble are remembered, and none whose rest was over long ago. Nothing here
sends anything.
"""

import asyncio
import math
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from auraos.core.values import format_duration
from auraos.sdk import StepFailed, StepUnknown

MOST_HOSTS = 1_000
LONGEST_ASKED_REST = timedelta(hours=1)
"""For how long one answer with Retry-After lets all requests to its host rest; the one who got it waits all of it."""

_SLACK = 0.05
"""Seconds. Timers and this clock are not the same, and who comes that little too early is not sent away."""


_LONGEST_PROBING = 10.0
"""Seconds that others wait at most while one request probes."""

_JUST_WOKEN = 1.0
"""Seconds after this process stood still in which what fails may have been broken by that."""


class Place(NamedTuple):
    """What fails and rests as one: a scheme, a host and a port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class _Circuit:
    """What is remembered of one place in trouble."""

    __slots__ = ("failures", "last_error", "probe", "rest", "rests_since", "rests_until", "why")

    def __init__(self) -> None:
        self.failures = 0
        self.last_error = ""
        self.rest = 0.0
        """How long the last rest was that failures led to, in seconds."""
        self.rests_until: float | None = None
        """None while it is closed."""
        self.rests_since = datetime.fromtimestamp(0, UTC)
        self.why = ""
        self.probe: Visit | None = None


class Visit:
    """One request to a place, from before it is sent until it is known how the place did."""

    __slots__ = ("_circuits", "_told", "began", "over", "place")

    def __init__(self, circuits: "Circuits", place: Place, began: float) -> None:
        self.place = place
        self.began = began
        self.over: asyncio.Event | None = None
        """Of a probe: set when it is known what it brought, or that it brought nothing."""
        self._circuits = circuits
        self._told = False

    def answered(self, status: int, *, retry_after: timedelta | None = None) -> None:
        """Note the status of an answer: 5xx is a failure, anything else shows that the place works."""
        if status in (429, 503) and retry_after:
            self._tell(lambda: self._circuits.asked_to_rest(self, status, retry_after))
        elif status >= 500:
            self.failed(f"http-{status}")
        else:
            self._tell(lambda: self._circuits.succeeded(self))

    def failed(self, error: str) -> None:
        """Note that the place could not be reached or gave no whole answer."""
        self._tell(lambda: self._circuits.failed(self, error))

    def _tell(self, verdict: Callable[[], None]) -> None:
        if not self._told:
            self._told = True
            verdict()


class Circuits:
    """The circuits of all places that one process talks to."""

    def __init__(  # noqa: PLR0913 (bounds, clocks and chance)
        self,
        *,
        failures: int = 5,
        first_rest: timedelta = timedelta(seconds=10),
        longest_rest: timedelta = timedelta(minutes=2),
        most_hosts: int = MOST_HOSTS,
        now: Callable[[], float] = time.monotonic,
        woke: Callable[[], float] = lambda: -math.inf,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take how many failures in a row open a circuit, and for how long.

        `now` is a clock in seconds that never goes back; `woke` says when on it this process last went on after it stood
        still. `wall` is the time that people are told, `chance` gives [0, 1).
        """
        self._failures = failures
        self._first_rest = first_rest.total_seconds()
        self._longest_rest = longest_rest.total_seconds()
        self._most_hosts = most_hosts
        self._now, self._woke, self._wall, self._chance = now, woke, wall, chance
        self._circuits: OrderedDict[Place, _Circuit] = OrderedDict()

    def __len__(self) -> int:
        return len(self._circuits)

    def wall(self) -> datetime:
        """Return the time of day."""
        return self._wall()

    def stood_still(self, visit: Visit) -> bool:
        """Return whether this process has stood still since a visit began."""
        return self._woke() >= visit.began

    async def turn(self, place: Place, *, within: float) -> None:
        """Return when nobody probes a place, at once as a rule; or after so many seconds, or when that lasts too long.

        Go on to `visit` without a pause: of those who waited for a probe that came to nothing one is the next.
        """
        until = self._now() + within
        while (circuit := self._trouble(place)) is not None and (probe := circuit.probe) is not None:
            patience = min(until, probe.began + _LONGEST_PROBING) - self._now()
            if patience <= 0 or probe.over is None:
                return
            try:
                async with asyncio.timeout(patience):
                    await probe.over.wait()
            except TimeoutError:
                return

    @contextmanager
    def visit(self, place: Place) -> Iterator[Visit]:
        """Let one request go to a place; fail before anything is sent while the place rests.

        A step's failure that passes through is judged: transient and unknown ones are failures of the place.
        """
        visit = self._admit(place)
        try:
            yield visit
        except StepFailed as failure:
            if isinstance(failure, StepUnknown) or failure.error_class == "transient":
                visit.failed(failure.error_code)
            raise
        finally:
            self._leave(visit)

    def _admit(self, place: Place) -> Visit:
        visit = Visit(self, place, self._now())
        circuit = self._trouble(place)
        if circuit is None or circuit.rests_until is None:
            return visit
        self._circuits.move_to_end(place)
        left = circuit.rests_until - self._now()
        if left > _SLACK or circuit.probe is not None:
            raise self._resting(place, circuit, max(left, 0.0))
        circuit.probe, visit.over = visit, asyncio.Event()
        return visit

    def _leave(self, visit: Visit) -> None:
        """Let the next one probe where this one came to no verdict: it was cancelled, or not to be sent at all."""
        circuit = self._circuits.get(visit.place)
        if circuit is not None and circuit.probe is visit:
            circuit.probe = None
        if visit.over is not None:
            visit.over.set()

    def _trouble(self, place: Place) -> _Circuit | None:
        """Return what is remembered of a place. A rest that was over for as long as the longest lasts tells nothing any more."""
        circuit = self._circuits.get(place)
        if circuit is None or circuit.rests_until is None or circuit.probe is not None:
            return circuit
        if self._now() - circuit.rests_until < self._longest_rest:
            return circuit
        del self._circuits[place]
        return None

    def _resting(self, place: Place, circuit: _Circuit, left: float) -> StepFailed:
        """Return the failure of a request that is not sent. Next tries are spread, so that they do not come all at once."""
        rest = max(circuit.rest, self._first_rest)
        if circuit.probe is not None:
            left = max(left, min(rest / 2, _LONGEST_PROBING))
        left += self._chance() * rest / 4
        wait = timedelta(seconds=max(left, _SLACK))
        next_try = self._wall() + wait
        probing = " One request tries it just now." if circuit.probe is not None else ""
        return StepFailed(
            f"{place} rests since {circuit.rests_since:%H:%M:%S} UTC, for {circuit.why}.{probing} Nothing was sent; the"
            f" next try is allowed in {format_duration(_rounded(wait))}.",
            error_class="transient",
            code="host-resting",
            retry_after=wait,
            hint="A step with `retry` waits that long by itself. See how the host does; what failed for good is taken"
            " up again with `auraos runs retry --failed --code host-resting`.",
            data={
                "host": str(place),
                "since": circuit.rests_since,
                "last_error": circuit.last_error,
                "failures": circuit.failures,
                "next_try": next_try,
            },
        )

    # --- what became of a visit ---

    def succeeded(self, visit: Visit) -> None:
        """Forget the trouble of a place that answers; of an open one only the probe is believed."""
        circuit = self._circuits.get(visit.place)
        if circuit is not None and self._counts(circuit, visit):
            del self._circuits[visit.place]

    def failed(self, visit: Visit, error: str) -> None:
        """Count a failure, and open the circuit when it is one too many, or the probe's."""
        if self._woke() >= min(visit.began, self._now() - _JUST_WOKEN):
            return
        circuit = self._circuit(visit.place)
        if not self._counts(circuit, visit):
            return
        circuit.failures += 1
        circuit.last_error = error
        if circuit.rests_until is None and circuit.failures < self._failures:
            return
        circuit.rest = min(circuit.rest * 2 or self._first_rest, self._longest_rest)
        many = f"{circuit.failures} requests in a row" if circuit.failures > 1 else "a request"
        words = f"{many} failed, the last one with {error}"
        self._open(circuit, circuit.rest, words)

    def asked_to_rest(self, visit: Visit, status: int, span: timedelta) -> None:
        """Leave a place alone that said for how long; several that say so lengthen the rest."""
        circuit = self._circuit(visit.place)
        seconds = min(span, LONGEST_ASKED_REST).total_seconds()
        until = self._now() + seconds
        if circuit.rests_until is not None and circuit.rests_until >= until:
            return
        circuit.last_error = f"http-{status}"
        self._open(circuit, seconds, f"it answered {circuit.last_error} and asked to be left alone")

    def _counts(self, circuit: _Circuit, visit: Visit) -> bool:
        """Return whether a verdict says something: of an open place only that of the probe does."""
        if circuit.rests_until is None:
            return True
        return circuit.probe is visit

    def _circuit(self, place: Place) -> _Circuit:
        circuit = self._circuits.get(place)
        if circuit is None:
            circuit = self._circuits[place] = _Circuit()
        self._circuits.move_to_end(place)
        while len(self._circuits) > self._most_hosts:
            self._circuits.popitem(last=False)
        return circuit

    def _open(self, circuit: _Circuit, seconds: float, why: str) -> None:
        if circuit.rests_until is None:
            circuit.rests_since = self._wall()
        circuit.probe = None
        circuit.rests_until = self._now() + seconds
        circuit.why = why


def _rounded(span: timedelta) -> timedelta:
    """Return a span as people say it: whole seconds, tenths below ten."""
    seconds = span.total_seconds()
    return timedelta(seconds=round(seconds) if seconds >= 10 else round(seconds, 1) or 0.1)
