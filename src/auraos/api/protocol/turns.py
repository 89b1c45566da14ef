"""Whose turn it is: one workspace that asks for very much holds up no other one.

While requests of one workspace alone come in, they go through as they come. As soon as others come too, a few of each workspace
are served at once, and the rest waits, one workspace after the other: whoever asks little finds little before it, however many
requests of others wait. A request that only waits for something, as for the end of a run, has left its turn to others.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from typing import Final

from auraos.api.protocol.pace import TooFastError

OF_ONE: Final = 4
"""So many requests of one workspace are served at once while others ask too."""
OF_ALL: Final = 16
MOST_WAITING: Final = 1000
"""So many requests of one workspace wait for their turn."""
MOST_RESTING: Final = 200
"""So many requests of one person, or service account, wait for something else at once."""
SHARED: Final = 1.0
"""For so many seconds after others asked turns are taken."""


class Turn:
    """The turn of one request."""

    __slots__ = ("_turns", "_who")

    def __init__(self, turns: "Turns", who: str) -> None:
        self._turns: Turns | None = turns
        self._who = who

    def leave(self) -> None:
        """Let others have their turn; to leave once more changes nothing."""
        if self._turns is not None:
            turns, self._turns = self._turns, None
            turns.left(self._who)


class Rests:
    """Counts the requests that left their turns, and only wait."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    def enter(self, who: str) -> bool:
        """Count one more request of somebody; return False where too many of them wait."""
        if self._of[who] >= MOST_RESTING:
            return False
        self._of[who] += 1
        return True

    def leave(self, who: str) -> None:
        """Count one less."""
        self._of[who] -= 1
        if not self._of[who]:
            del self._of[who]


class Turns:
    """Lets requests in, on one loop."""

    def __init__(self) -> None:
        self._inside: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._last = ""
        self._shared_until = 0.0

    async def take(self, who: str) -> Turn:
        """Return the turn of a request once it comes; raise `TooFastError` where too many of the same wait already."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if who != self._last:
            self._shared_until = now + SHARED if self._last else 0.0
            self._last = who
        is_shared = bool(self._waiting) or now < self._shared_until
        if is_shared and (who in self._waiting or not self._has_room(who)):
            await self._wait(who)
        else:
            self._inside[who] += 1
        return Turn(self, who)

    def left(self, who: str) -> None:
        """Hear that a request needs its turn no more, and let others in."""
        self._inside[who] -= 1
        if not self._inside[who]:
            del self._inside[who]
        self._let_in()

    def _has_room(self, who: str) -> bool:
        return self._inside[who] < OF_ONE and self._inside.total() < OF_ALL

    async def _wait(self, who: str) -> None:
        same = self._waiting.setdefault(who, deque())
        if len(same) >= MOST_WAITING:
            raise TooFastError(
                f"{MOST_WAITING:,} requests of the same workspace wait here already.",
                hint="Try again in 1 s.",
                retry_after=1,
            )
        turn = asyncio.get_running_loop().create_future()
        same.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was let in, and went away in the same moment
                self.left(who)
            raise

    def _let_in(self) -> None:
        """Let in whoever there is room for, of those who waited longest for a turn."""
        for who in list(self._waiting):
            same = self._waiting[who]
            while same and same[0].done():  # whoever asked went away
                same.popleft()
            if same and self._has_room(who):
                self._inside[who] += 1
                same.popleft().set_result(None)
                self._waiting.move_to_end(who)
            if not same:
                del self._waiting[who]
