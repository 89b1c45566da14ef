"""How tries to sign in are slowed down, for an account and from an address, whether or not there is such an account.

A try counts before it is looked at, so that a thousand at once are as slow as a thousand in a row. Accounts and addresses
share a bounded number of rows: whoever tries names without end does not fill the store.

Many people may be behind one address. Whoever came in from there lately does not wait for what others try, only for what is
tried on their own account: so the first guesses at it are as slow as they are from elsewhere, and all others as slow as ever.
"""

import asyncio
import hashlib
import ipaddress
from collections.abc import Callable

import msgspec

from auraos.security.identity.errors import TooManyTriesError
from auraos.security.identity.rows import Failures
from auraos.security.row_store import Add, Clear, Replace, RowStore, Write

SECOND = 1_000_000
ROWS = 65536
KNOWN_ROWS = 1 << 20
MOST_TRIES = 20
DAY = 24 * 3600


class Patience(msgspec.Struct, frozen=True):
    """So many failures cost nothing; each further one doubles the time until the next try, up to the longest, in seconds."""

    free: int
    longest: int
    forgotten: int
    """After so many seconds without a try nothing of it is left."""
    fading: int = 0
    """Each so many seconds without a try one failure less counts; 0 where they count until all are forgotten."""

    @property
    def most(self) -> int:
        """Return as how many failures they count at most: with more, it would take no longer until the next try."""
        return self.free + self.longest.bit_length()


NAMES = Patience(free=5, longest=60, forgotten=3600)
"""Nobody can lock somebody else out for longer than a minute."""
ADDRESSES = Patience(free=20, longest=60, forgotten=3600, fading=180)
CODES = Patience(free=5, longest=3600, forgotten=24 * 3600)
"""Whoever tries codes knows the password, and six digits are soon guessed."""
REMEMBERED = 30 * 24 * 3600
"""For so many seconds it is remembered that somebody came in from an address."""
BELIEVED = 3
"""With so many failures of their own they wait like everybody else: whoever guesses may know from where they come in."""


class Try(msgspec.Struct, frozen=True):
    """A try that may be made: the rows in which it counts."""

    address: str
    name: str = ""
    """Empty where it counts for no account."""
    known: str = ""
    """What remembers that the account came in from this address."""


class Backoff:
    """Counts tries."""

    def __init__(self, store: RowStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._turn = asyncio.Lock()

    async def begin(self, name: str, address: str) -> Try:
        """Count a try for a name, where one is given, and an address; raise `TooManyTriesError` while it may not be made."""
        network = network_of(address)
        counted = Try(_row_of("address", network))
        if name:
            known = _row_of("known", f"{name}\0{network}", KNOWN_ROWS)
            counted = Try(counted.address, _row_of("name", name), known)
        async with self._turn:  # among processes they try again, and within one they need not
            for _ in range(MOST_TRIES):
                now = self._now()
                writes = [await self._counting(counted.name, NAMES, now)] if counted.name else []
                passes = await self._is_known(counted, now)
                writes.append(await self._counting(counted.address, ADDRESSES, now, passes=passes))
                if await self._store.save(writes) is None:
                    return counted
        raise _too_many(1)

    async def begin_code(self, person: str) -> Write:
        """Count a try of a code, and return what lets its person begin anew once it was right."""
        who = f"code:{person}"
        async with self._turn:
            for _ in range(MOST_TRIES):
                if await self._store.save([await self._counting(who, CODES, self._now())]) is None:
                    return Clear(Failures, {"who": who})
        raise _too_many(1)

    def cleared(self, good: Try) -> Write:
        """Return what lets the account of a good try begin anew; it belongs to what the try opens."""
        return Clear(Failures, {"who": good.name})

    async def take_back(self, made: Try) -> None:
        """Let a try not count, neither for its address nor for its account."""
        async with self._turn:
            for who in (made.address, made.name):
                await self._count_less(who)

    async def succeeded(self, made: Try) -> None:
        """Let a good try not count for its address, and remember that its account came in from there."""
        async with self._turn:
            await self._count_less(made.address)
            if made.known:
                await self._remember(made.known)

    async def _is_known(self, made: Try, now: int) -> bool:
        """Return whether an account came in from this address lately, and nobody has guessed at it much."""
        row = await self._store.one(Failures, who=made.known) if made.known else None
        if row is None or now - row.last_at >= REMEMBERED * SECOND:
            return False
        own = await self._store.one(Failures, who=made.name)
        return own is None or _left(own, NAMES, now) < BELIEVED

    async def _remember(self, known: str) -> None:
        """Note that somebody came in; in the same moment two may, and either will do."""
        now = self._now()
        row = await self._store.one(Failures, who=known)
        if row is None:
            await self._store.save([Add(Failures(who=known, last_at=now))])
        elif now - row.last_at >= DAY * SECOND:
            await self._store.save([Replace(row, msgspec.structs.replace(row, last_at=now))])

    async def _count_less(self, who: str) -> None:
        for _ in range(MOST_TRIES):
            row = await self._store.one(Failures, who=who)
            if row is None or not row.count:
                return
            fewer = msgspec.structs.replace(row, count=row.count - 1)
            if await self._store.save([Replace(row, fewer)]) is None:
                return

    async def _counting(self, who: str, patience: Patience, now: int, *, passes: bool = False) -> Write:
        """Return what counts a try in a row. Who passes does not wait, nor lets others wait longer from now on."""
        row = await self._store.one(Failures, who=who)
        if row is None:
            return Add(Failures(who=who, count=1, last_at=now))
        count = _left(row, patience, now)
        if passes and count:
            return Replace(row, msgspec.structs.replace(row, count=row.count + 1))
        if count >= patience.free:
            rest = min(patience.longest, 2 ** min(count - patience.free, 20))
            wait = row.last_at + rest * SECOND - now
            if wait > 0:
                raise _too_many(-(-wait // SECOND))
        return Replace(row, Failures(who=who, count=count + 1, last_at=now))


def _left(row: Failures, patience: Patience, now: int) -> int:
    """Return how many failures of a row count by now."""
    past = now - row.last_at
    if past >= patience.forgotten * SECOND:
        return 0
    faded = past // (patience.fading * SECOND) if patience.fading else 0
    return max(0, min(row.count, patience.most) - faded)


def _row_of(kind: str, text: str, rows: int = 0) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
    return f"{kind}:{number % (rows or ROWS)}"


def network_of(address: str) -> str:
    """Return what tries are counted by: the address, or of one with six parts its network of one customer."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)


def _too_many(seconds: int) -> TooManyTriesError:
    return TooManyTriesError(
        "There were too many tries to sign in.", hint=f"Try again in {seconds} s.", retry_after=seconds
    )
