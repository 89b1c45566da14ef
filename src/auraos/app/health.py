"""Whether this process lives, and whether it is ready to work: told over HTTP, with the reasons.

The store is asked with a write of nothing, which a full or broken disk refuses as it would any other. It is asked only when
somebody wants to know, and never more than once a second.
"""

import asyncio
import errno
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import msgspec

from auraos.core.errors import AuraError, OperationalError
from auraos.observability.figures import Figures

log = logging.getLogger("auraos.health")
FRESH = 1.0
"""An answer of the store is good for so many seconds."""
LONGEST_ANSWER = 3.0
"""A store that has not answered for so many seconds does not take writes."""
LONGEST_REQUEST = 8192
LONGEST_WAIT = 10.0
MOST_CONNECTIONS = 256

Phase: TypeAlias = Literal["starting", "serving", "held", "draining"]

_PHRASES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}
_WORDS: dict[Phase, str] = {
    "starting": "The engine is taking up what the process before it left.",
    "held": "Nothing moves until somebody says `auraos engine release`: this was restored from a backup.",
    "draining": "The process is leaving: it takes nothing new and finishes what it began.",
}


class PortRefusedError(OperationalError):
    """The port cannot be listened at."""

    code = "port-refused"


Standing: TypeAlias = Literal["good", "poor", "bad"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """How a part of the process stands. What is poor is to be looked at soon; with what is bad the process does not work."""

    standing: Standing = "good"
    message: str
    hint: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the process, as it was found."""

    name: str
    standing: Standing
    message: str
    hint: str = ""
    seconds: float
    """For so long it was looked at."""


Look: TypeAlias = Callable[[], Awaitable[Finding]]
"""Sees how a part stands; what it raises is told as bad."""


class Reason(msgspec.Struct, frozen=True):
    """One reason why the process is not ready."""

    code: str
    message: str


class Health:
    """What is known of this process. `phase` is set by whoever runs it."""

    def __init__(self) -> None:
        self.phase: Phase = "starting"
        self.has_doors = False
        """Whether others can ask something of this process: only then is it ready."""
        self.ask_store: Callable[[], Awaitable[None]] | None = None
        """Returns when the store took a write, raises `OperationalError` when it did not."""
        self.disk: Callable[[], str] = str
        """Says that the disk is too full for anything new, or nothing."""
        self.figures = Figures()
        """What this process counts."""
        self.parts: dict[str, Look] = {}
        """What is looked at, by name, once it is there."""
        self._asking: asyncio.Task[Reason | None] | None = None
        self._asked_at = 0.0
        self._looking: asyncio.Task[list[Part]] | None = None
        self._looked_at = 0.0

    async def reasons(self) -> list[Reason]:
        """Return why the process is not ready; nothing when it is."""
        found = []
        phase = "starting" if self.phase == "serving" and not self.has_doors else self.phase
        if phase != "serving":
            found.append(Reason(phase, _WORDS[phase]))
        if words := self.disk():
            found.append(Reason("disk-nearly-full", words))
        if self.ask_store is not None:
            of_store = await self._of_store(self.ask_store)
            if of_store is not None:
                found.append(of_store)
        return found

    async def look(self) -> list[Part]:
        """Return how each part stands. However many ask, they are looked at once a second."""
        now = time.monotonic()
        if self._looking is None or (self._looking.done() and now - self._looked_at > FRESH):
            self._looking, self._looked_at = asyncio.create_task(self._look()), now
        return await asyncio.shield(self._looking)

    async def _look(self) -> list[Part]:
        return list(await asyncio.gather(*(_part(name, look) for name, look in self.parts.items())))

    async def _of_store(self, ask: Callable[[], Awaitable[None]]) -> Reason | None:
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked_at > FRESH):
            self._asking, self._asked_at = asyncio.create_task(_ask(ask)), now
        left = self._asked_at + LONGEST_ANSWER - now
        await asyncio.wait([self._asking], timeout=max(0.0, left))
        if self._asking.done():
            return self._asking.result()
        waited = time.monotonic() - self._asked_at
        return Reason("store-silent", f"The store has not answered a write for {waited:.0f} s.")


async def _part(name: str, look: Look) -> Part:
    began = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_ANSWER):
            found = await look()
    except TimeoutError:
        found = Finding(standing="bad", message=f"It has not answered for {LONGEST_ANSWER:g} s.")
    except AuraError as error:
        found = Finding(standing="bad", message=error.message, hint=error.hint)
    except Exception as error:  # one part that breaks must not hide the others
        log.exception("health.part_broke", extra={"part": name}, exc_info=error)
        found = Finding(standing="bad", message="It broke when it was looked at; the log tells more.")
    took = round(time.monotonic() - began, 4)
    return Part(name=name, standing=found.standing, message=found.message, hint=found.hint, seconds=took)


async def _ask(ask: Callable[[], Awaitable[None]]) -> Reason | None:
    try:
        await ask()
    except OperationalError as error:
        return Reason(error.code, "The store does not take writes.")
    except AuraError as error:
        return Reason(error.code, error.message)
    return None


def port_refused(host: str, port: int, error: OSError) -> PortRefusedError:
    """Return what is told when a port cannot be listened at."""
    match error.errno:
        case errno.EADDRINUSE:
            why, hint = "another program listens there", "Choose another with --port, or stop that program."
        case errno.EACCES | errno.EPERM:
            why, hint = "this user may not listen there", "Ports below 1024 are the system's: choose another."
        case errno.EADDRNOTAVAIL:
            why, hint = "this machine has no such address", "Choose one of its own with --host."
        case _:
            why, hint = error.strerror or str(error), "Choose others with --host and --port."
    return PortRefusedError(f"Port {port} of {host} cannot be used: {why}.", hint=hint)
