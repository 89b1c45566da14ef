"""Whose turn it is: one workspace that asks for very much holds up no other one.

While requests of one workspace alone come in, they go through as they come. As soon as others come too, a few of each workspace
are served at once, of those that only read one, and the rest waits, one workspace after the other. And whoever asks much gives
way to whoever asks less. So who asks little finds little before it, however many requests of others wait. A request that only
waits for something, as for the end of a run, has left its turn to others; and none that takes long keeps others out for long.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from typing import Final, NamedTuple

from auraos.api.protocol.pace import TooFastError

OF_ONE: Final = 4
"""So many requests of one workspace are served at once while others ask too."""
OF_ALL: Final = 16
MOST_WAITING: Final = 1000
"""So many requests of one workspace wait for their turn."""
MOST_RESTING: Final = 200
"""So many requests of one person, or service account, wait for something else at once."""
SHARED: Final = 10.0
"""For so many seconds after others asked turns are taken."""
YOUNG: Final = 0.01
"""For so many seconds after it was let in a request that reads keeps out others of its workspace that read, and any request keeps
out those of workspaces that ask more.
"""


class Turn:
    """The turn of one request."""

    __slots__ = ("_number", "_turns", "_who")

    def __init__(self, turns: "Turns", who: str, number: int) -> None:
        self._turns: Turns | None = turns
        self._who = who
        self._number = number

    def leave(self) -> None:
        """Let others have their turn; to leave once more changes nothing."""
        if self._turns is not None:
            turns, self._turns = self._turns, None
            turns.left(self._who, self._number)


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


class _Inside(NamedTuple):
    """A request that was let in a moment ago."""

    who: str
    since: float
    reads: bool


class _Waiting(NamedTuple):
    """A request that waits for its turn, the number of which it is told."""

    turn: "asyncio.Future[int]"
    reads: bool


class Turns:
    """Lets requests in, on one loop."""

    def __init__(self) -> None:
        self._inside: Counter[str] = Counter()
        self._young: dict[int, _Inside] = {}
        """Those of them that were let in last, by their numbers, the oldest first."""
        self._waiting: OrderedDict[str, deque[_Waiting]] = OrderedDict()
        self._passed: set[str] = set()
        """Of those who wait: who saw a request of others leave since one of its own was let in. It gives way no more."""
        self._just_came: set[str] = set()
        """Of whom a request was let in during this turn of the loop. One that waits for nothing is over before it ends."""
        self._last = ""
        self._shared_until = 0.0
        self._numbers = 0
        self._look: asyncio.TimerHandle | None = None

    async def take(self, who: str, *, reads: bool = False) -> Turn:
        """Return the turn of a request once it comes; raise `TooFastError` where too many of the same wait already."""
        now = asyncio.get_running_loop().time()
        if who != self._last:
            self._shared_until = now + SHARED if self._last else 0.0
            self._last = who
        if not self._waiting and now >= self._shared_until:
            return Turn(self, who, self._enter(who, reads))
        if who in self._waiting or not self._has_room(who, reads, 1 + self._inside[who]):
            return Turn(self, who, await self._wait(who, reads))
        return Turn(self, who, self._let_in_one(who, reads))

    def left(self, who: str, number: int) -> None:
        """Hear that a request needs its turn no more, and let others in."""
        self._young.pop(number, None)
        self._inside[who] -= 1
        if not self._inside[who]:
            del self._inside[who]
        if self._waiting:
            self._passed.update(other for other in self._waiting if other != who)
            self._let_in()

    def _let_in_one(self, who: str, reads: bool) -> int:
        if not self._just_came:
            asyncio.get_running_loop().call_soon(self._begin_anew)
        self._just_came.add(who)
        return self._enter(who, reads)

    def _begin_anew(self) -> None:
        self._just_came.clear()
        self._let_in()

    def _enter(self, who: str, reads: bool) -> int:
        self._numbers += 1
        self._inside[who] += 1
        self._young[self._numbers] = _Inside(who, asyncio.get_running_loop().time(), reads)
        self._passed.discard(who)
        return self._numbers

    def _has_room(self, who: str, reads: bool, asks: int) -> bool:
        """Return whether a request of somebody may come in, of whom so many are here with it."""
        if who in self._just_came or self._inside[who] >= OF_ONE or self._inside.total() >= OF_ALL:
            return False
        self._grow_old()
        for other in self._young.values():
            if other.who == who:
                if reads and other.reads:
                    return False
            elif who not in self._passed and self._asks(other.who) < asks:
                return False
        return True

    def _grow_old(self) -> None:
        """Hold requests against others no more that are inside for a while."""
        old = asyncio.get_running_loop().time() - YOUNG
        for number, inside in list(self._young.items()):
            if inside.since > old:
                return
            del self._young[number]

    def _asks(self, who: str) -> int:
        """Return how much somebody asks at this moment."""
        return self._inside[who] + len(self._waiting.get(who, ()))

    async def _wait(self, who: str, reads: bool) -> int:
        same = self._waiting.setdefault(who, deque())
        if len(same) >= MOST_WAITING:
            raise TooFastError(
                f"{MOST_WAITING:,} requests of the same workspace wait here already.",
                hint="Try again in 1 s.",
                retry_after=1,
            )
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        same.append(_Waiting(turn, reads))
        self._look_again()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was let in, and went away in the same moment
                self.left(who, turn.result())
            raise

    def _let_in(self) -> None:
        """Let in one of each for whom there is room, those first who waited longest for a turn."""
        for who in list(self._waiting):
            same = self._waiting[who]
            while same and same[0].turn.done():  # whoever asked went away
                same.popleft()
            if same and self._has_room(who, same[0].reads, self._asks(who)):
                first = same.popleft()
                first.turn.set_result(self._let_in_one(who, first.reads))
                self._waiting.move_to_end(who)
            if not same:
                del self._waiting[who]
                self._passed.discard(who)
        self._look_again()

    def _look_again(self) -> None:
        """Look once more when the oldest of those that keep others out does so no longer."""
        if self._look is None and self._waiting and self._young:
            since = next(iter(self._young.values())).since
            self._look = asyncio.get_running_loop().call_at(since + YOUNG, self._looked)

    def _looked(self) -> None:
        self._look = None
        self._grow_old()
        self._let_in()
