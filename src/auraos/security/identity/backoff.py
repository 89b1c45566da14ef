"""How tries to sign in are slowed down, for an account and from an address, whether or not there is such an account.

A try counts before it is looked at, so that a thousand at once are as slow as a thousand in a row. Accounts and addresses
share a bounded number of rows: whoever tries names without end does not fill the store.
"""

import hashlib
import ipaddress
from collections.abc import Callable

import msgspec

from auraos.security.identity.errors import TooManyTriesError
from auraos.security.identity.rows import Failures
from auraos.security.row_store import Add, Clear, Replace, RowStore, Write

SECOND = 1_000_000
FREE_OF_NAME, FREE_OF_ADDRESS = 5, 20
"""So many failures cost nothing; each further one doubles the time until the next try."""
LONGEST = 60
"""Nobody can lock somebody else out for longer than so many seconds."""
FORGOTTEN = 3600 * SECOND
ROWS = 65536
MOST_TRIES = 20


class Try(msgspec.Struct, frozen=True):
    """A try that may be made, and what was counted before it."""

    before: tuple[Failures | None, Failures | None]
    after: tuple[Failures, Failures]


class Backoff:
    """Counts tries."""

    def __init__(self, store: RowStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def begin(self, name: str, address: str) -> Try:
        """Count a try, and return it; raise `TooManyTriesError` while it may not be made."""
        for _ in range(MOST_TRIES):
            now = self._now()
            name_before, name_after = await self._counted(_row_of("name", name), FREE_OF_NAME, now)
            address_before, address_after = await self._counted(
                _row_of("address", network_of(address)), FREE_OF_ADDRESS, now
            )
            counted = Try((name_before, address_before), (name_after, address_after))
            if (
                await self._store.save([_counting(*each) for each in zip(*_both(counted), strict=True)])
                is None
            ):
                return counted
        raise _too_many(1)

    def cleared(self, good: Try) -> Write:
        """Return what lets the account of a good try begin anew; it belongs to what the try opens."""
        return Clear(Failures, {"who": good.after[0].who})

    async def take_back(self, made: Try, *, name: bool) -> None:
        """Let a try not count: neither for its address nor, where that is said, for its account."""
        for before, after in list(zip(*_both(made), strict=True))[0 if name else 1 :]:
            if before is None:
                await self._store.save([Clear(Failures, {"who": after.who})])
            elif before != after:
                await self._store.save([Replace(after, before)])

    async def _counted(self, who: str, free: int, now: int) -> tuple[Failures | None, Failures]:
        row = await self._store.one(Failures, who=who)
        count = row.count if row is not None and now - row.last_at < FORGOTTEN else 0
        if row is not None and count >= free:
            wait = row.last_at + min(LONGEST, 2 ** min(count - free, 10)) * SECOND - now
            if wait > 0:
                raise _too_many(-(-wait // SECOND))
        return row, Failures(who=who, count=count + 1, last_at=now)


def _both(made: Try) -> tuple[tuple[Failures | None, ...], tuple[Failures, ...]]:
    return made.before, made.after


def _counting(before: Failures | None, after: Failures) -> Write:
    return Add(after) if before is None else Replace(before, after)


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
