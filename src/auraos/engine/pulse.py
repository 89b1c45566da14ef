"""The pulse of an event loop: whether it comes round, and when it last went on after it stood still."""

import asyncio
import math
import time

EVERY = 0.5
LONGEST = 1.0


class Pulse:
    """Beats on one event loop. A loop stands still when its process is stopped or starved, or when a call holds it up."""

    def __init__(self, longest: float = LONGEST, *, every: float = EVERY) -> None:
        """Take for how many seconds the loop may be silent without having stood still, and how often it beats."""
        self._longest = longest
        self._every = every
        self._heard = time.monotonic()
        self._woke = -math.inf
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Beat on the running loop from now on."""
        self._heard = time.monotonic()
        self._handle = asyncio.get_running_loop().call_later(self._every, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    @property
    def silence(self) -> float:
        """Return for how many seconds the loop has not come round."""
        return time.monotonic() - self._heard

    def woke(self) -> float:
        """Return when the loop last went on after it stood still, on the monotonic clock; minus infinity if it never did.

        What is ready when a loop goes on comes before the next beat, so this is also now while that beat is overdue.
        """
        if self._handle is not None and self.silence > self._longest:
            return time.monotonic()
        return self._woke

    def _beat(self) -> None:
        self._woke = self.woke()
        self._heard = time.monotonic()
        self._handle = asyncio.get_running_loop().call_later(self._every, self._beat)
