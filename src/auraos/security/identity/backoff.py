"""How tries to sign in are slowed down, for an account and from an address, whether or not there is such an account.

A try counts before it is looked at, so that a thousand at once are as slow as a thousand in a row. Accounts and addresses
share a bounded number of rows: whoever tries names without end does not fill the store.
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
MOST_TRIES = 20


class Patience(msgspec.Struct, frozen=True):
    """So many failures cost nothing; each further one doubles the time until the next try, up to the longest, in seconds."""

    free: int
    longest: int
    forgotten: int
    """After so many seconds without a try nothing of it is left."""


NAMES = Patience(free=5, longest=60, forgotten=3600)
"""Nobody can lock somebody else out for longer than a minute."""
ADDRESSES = Patience(free=20, longest=60, forgotten=3600)
CODES = Patience(free=5, longest=3600, forgotten=24 * 3600)
"""Whoever tries codes knows the password, and six digits are soon guessed."""


class Try(msgspec.Struct, frozen=True):
    """A try that may be made: the rows in which it counts."""

    address: str
    name: str = ""
    """Empty where it counts for no account."""


class Backoff:
    """Counts tries."""

    def __init__(self, store: RowStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._turn = asyncio.Lock()

    async def begin(self, name: str, address: str) -> Try:
        """Count a try for a name, where one is given, and an address; raise `TooManyTriesError` while it may not be made."""
        row = _row_of("name", name) if name else ""
        counted = Try(_row_of("address", network_of(address)), row)
        async with self._turn:  # among processes they try again, and within one they need not
            for _ in range(MOST_TRIES):
                now = self._now()
                writes = [await self._counting(counted.name, NAMES, now)] if counted.name else []
                writes.append(await self._counting(counted.address, ADDRESSES, now))
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

    async def take_back(self, made: Try, *, name: bool) -> None:
        """Let a try not count: neither for its address nor, where that is said, for its account."""
        async with self._turn:
            for who in (made.address, *([made.name] if name and made.name else [])):
                await self._count_less(who)

    async def _count_less(self, who: str) -> None:
        for _ in range(MOST_TRIES):
            row = await self._store.one(Failures, who=who)
            if row is None or not row.count:
                return
            fewer = msgspec.structs.replace(row, count=row.count - 1)
            if await self._store.save([Replace(row, fewer)]) is None:
                return

    async def _counting(self, who: str, patience: Patience, now: int) -> Write:
        """Return what counts a try in a row."""
        row = await self._store.one(Failures, who=who)
        if row is None:
            return Add(Failures(who=who, count=1, last_at=now))
        count = row.count if now - row.last_at < patience.forgotten * SECOND else 0
        if count >= patience.free:
            rest = min(patience.longest, 2 ** min(count - patience.free, 20))
            wait = row.last_at + rest * SECOND - now
            if wait > 0:
                raise _too_many(-(-wait // SECOND))
        return Replace(row, Failures(who=who, count=count + 1, last_at=now))


def _row_of(kind: str, text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
    return f"{kind}:{number % ROWS}"


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
