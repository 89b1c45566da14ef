"""How fast somebody may ask: a key, a workspace, or an address from which nobody known asks.

Each process counts for itself, and gives its part of what may be asked: where three share a database, a third. So all together
never give more than may be asked, but for the seconds in which one of them is new; and whoever comes to one of them alone gets
the part of that one.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from auraos.core.errors import UserError

MOST = 20_000
"""So many of those who asked last are remembered."""
SECOND = 1_000_000
BETWEEN_REFUSALS: Final = 0.01
"""So many seconds lie between two refusals of the same asker."""
LONGEST_REFUSAL: Final = 1.0
"""For so many seconds a refusal is held back at most."""


class TooFastError(UserError):
    """Somebody asks faster than they may; the next request may be made after a while."""

    code = "too-many-requests"


class Allowance(msgspec.Struct, frozen=True):
    """So many requests a second, and so many at once after a rest."""

    per_second: float
    burst: int

    @classmethod
    def of(cls, per_second: int) -> "Allowance":
        """Return what lets the requests of two seconds come at once."""
        return cls(per_second, per_second * 2)

    def part(self, sharers: int) -> "Allowance":
        """Return the part of one of so many processes."""
        if sharers <= 1:
            return self
        return Allowance(self.per_second / sharers, max(1, self.burst // sharers))


class Pace:
    """Counts requests by who makes them: what was not asked for a while may be asked at once."""

    def __init__(self, now: Callable[[], int], sharers: Callable[[], int] = lambda: 1) -> None:
        self._now = now
        self._sharers = sharers
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, who: str, allowance: Allowance) -> dict[str, str]:
        """Count a request; return the headers that tell what is left, raise `TooFastError` where nothing is."""
        now, allowance = self._now(), allowance.part(self._sharers())
        left, at = self._left.pop(who, (float(allowance.burst), now))
        left = min(allowance.burst, left + max(0, now - at) / SECOND * allowance.per_second)
        if left < 1:
            self._left[who] = (left, now)
            wait = math.ceil((1 - left) / allowance.per_second)
            raise TooFastError(
                f"No more than {allowance.per_second:g} requests a second are taken here.",
                hint=f"Try again in {max(1, wait)} s.",
                retry_after=max(1, wait),
            )
        self._left[who] = (left - 1, now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return {
            "ratelimit-limit": f"{allowance.per_second:g}",
            "ratelimit-remaining": str(int(left - 1)),
            "ratelimit-reset": str(round((allowance.burst - left + 1) / allowance.per_second)),
        }


class Refusals:
    """Holds back what is told to those who ask too fast. Who asks again at once when refused would else be refused some thousand
    times a second, and others would wait for that.
    """

    def __init__(self) -> None:
        self._next: OrderedDict[str, float] = OrderedDict()
        """When somebody may be refused again, those who were refused last at the end."""

    async def take(self, who: str) -> None:
        """Return when somebody may be refused."""
        await asyncio.sleep(self.put_off(who, asyncio.get_running_loop().time()))

    def put_off(self, who: str, now: float) -> float:
        """Count a refusal; return for how many seconds it is held back, which is none where there was no other just before."""
        wait = min(LONGEST_REFUSAL, max(0.0, self._next.pop(who, now) - now))
        self._next[who] = now + min(LONGEST_REFUSAL, wait + BETWEEN_REFUSALS)
        if len(self._next) > MOST:
            self._next.popitem(last=False)
        return wait
