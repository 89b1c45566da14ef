"""How processes that share a store share out the units of a pool: each may use as many as it was allotted.

The ledger of a pool says what each process was allotted, and what it said of its wants when it last spoke. A process reads
it, works out from the same rules as all others what everybody should have, and changes its own share: it takes what is free,
and gives back what it does not hold. Everything here is pure; the time is that of the store.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, Protocol

import msgspec

from auraos.engine.sharing import IsAlive

MARGIN = 1.0
"""For so many seconds longer than their time-outs the attempts of a process that fell silent are believed to go on."""


class Share(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one process may use of a pool, and what it said when it last spoke."""

    most: int
    """How many units it was told that the pool has."""
    units: int = 0
    """So many it may use at most."""
    demand: int = 0
    """So many it could use, with those that it holds."""
    first: int = 0
    """So many whoever is first in line there needs at once; 0 when nobody waits."""
    level: int = 0
    """The priority of that one."""
    since: float = 0.0
    """Since when it is that one's turn to wait."""
    longest: int = 0
    """For at most so many seconds an attempt that is under way there may go on."""
    is_leaving: bool = False
    host: str = ""
    process: int = 0
    boot: str = ""
    frees: float = 0.0
    """When the units of a process that was fenced go back."""


class Said(NamedTuple):
    """What a process says of a pool now."""

    held: int
    wanted: int = 0
    """More than it holds, for those who wait."""
    first: int = 0
    level: int = 0
    since: float = 0.0
    longest: int = 0


class Speaker(NamedTuple):
    """Who speaks: its token, and what it is and was told."""

    token: str
    share: Share


class Ledger(msgspec.Struct, frozen=True):
    """The shares of a pool by token, and which version of them it is."""

    shares: Mapping[str, Share]
    version: int = 0


class Ledgers(msgspec.Struct, frozen=True):
    """Ledgers at one moment of the store's own clock, with the tokens of all owners of shards at that moment."""

    pools: Mapping[str, Ledger]
    owners: Collection[str]
    now: float


class Allotments(Protocol):
    """The rows of ledgers, in a store that several processes share."""

    async def read(self, pools: Collection[str]) -> Ledgers:
        """Return ledgers; one that nobody has written yet is empty."""
        ...

    async def write(self, pool: str, version: int, shares: Mapping[str, Share], *, hint: bool) -> bool:
        """Put shares in the place of this version, and let others hear of it if they should; return whether it was done. It
        is not where another process was quicker.
        """
        ...

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` when another process gives a hint. One may be lost; reading is the truth."""
        ...

    async def close(self) -> None: ...


class Exchange(NamedTuple):
    """What becomes of a pool when one process has spoken."""

    shares: dict[str, Share]
    limit: int
    """What holds now for all."""
    allowed: int
    """So many the process may use now: less than its share while it still holds what it is to give back."""
    elsewhere: int
    """So many are with other processes."""
    hint: bool
    """Others can do something about it at once."""
    is_contested: bool
    """Somebody waits, so idle units are to be given back at once."""


def exchange(
    shares: Mapping[str, Share],
    me: Speaker,
    said: Said,
    *,
    owners: Collection[str],
    now: float,
    is_alive: IsAlive = lambda _: True,
) -> Exchange:
    """Return what the ledger is after a process said what it holds and wants."""
    others = {each: share for each, share in shares.items() if each != me.token}
    others = _settle(others, me.share, owners, now, is_alive)
    living = {each: share for each, share in others.items() if each in owners}
    limit = min([me.share.most, *(share.most for share in living.values())])
    before = shares.get(me.token, me.share)
    mine = msgspec.structs.replace(
        me.share, units=before.units, demand=min(limit, said.held + said.wanted), first=said.first,
        level=said.level, since=said.since, longest=said.longest,
    )  # fmt: skip
    room = max(0, limit - sum(share.units for each, share in others.items() if each not in living))
    target = targets({**living, me.token: mine}, room)
    elsewhere = sum(share.units for share in others.values())
    own = target[me.token]
    units = min(own, max(mine.units, limit - elsewhere)) if own >= mine.units else own
    mine = msgspec.structs.replace(mine, units=max(units, said.held))
    living[me.token] = mine
    hint = _can_others_help(living, target, me.token, limit - elsewhere - mine.units)
    waits = any(share.first for share in living.values())
    return Exchange({**others, me.token: mine}, limit, min(mine.units, own), elsewhere, hint, waits)


def _can_others_help(living: Mapping[str, Share], target: Mapping[str, int], me: str, free: int) -> bool:
    """Return whether another process could take what is free, give back what it should not have, or may have ended steps since
    it last spoke.
    """
    lacking = {token for token, share in living.items() if share.first and share.units < target[token]}
    mine = living[me]
    is_short = mine.first > 0 and mine.units < mine.demand
    others = [(token, share) for token, share in living.items() if token != me]
    return any(
        (is_short and share.units)
        or (lacking and share.units > target[token])
        or (free > 0 and token in lacking)
        for token, share in others
    )


def targets(shares: Mapping[str, Share], room: int) -> dict[str, int]:
    """Return what each process should have of so many units.

    Who waits gets what the first in its line needs, by priority and then by turn, as long as that is there; who has to wait
    for its turn gets nothing, so that it is kept for others. The rest goes to those who have least, up to what they can use,
    and what nobody can use is shared out evenly.
    """
    line = sorted(shares, key=lambda each: _rank(each, shares[each]))
    least: dict[str, int] = {}
    most: dict[str, int] = {}
    left = room
    for token in line:
        share = shares[token]
        has_turn = share.first <= left
        least[token] = share.first if has_turn else 0
        most[token] = max(share.demand, share.first) if has_turn else 0
        left -= least[token]
    level = _level(least, most, room)
    given = {token: min(most[token], max(least[token], level)) for token in line}
    left = room - sum(given.values())
    for token in line:
        if left and given[token] == level < most[token]:
            given[token] += 1
            left -= 1
    staying = [token for token in line if not shares[token].is_leaving]
    for token in staying:
        given[token] += left // len(staying)
    return given


def _rank(token: str, share: Share) -> tuple[int, float, str]:
    return (-share.level, share.since, token) if share.first else (0, math.inf, token)


def _level(least: Mapping[str, int], most: Mapping[str, int], room: int) -> int:
    """Return up to which height those who have less can be raised."""
    low, high = 0, max(most.values(), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(most[token], max(least[token], middle)) for token in least) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _settle(
    shares: Mapping[str, Share], me: Share, owners: Collection[str], now: float, is_alive: IsAlive
) -> dict[str, Share]:
    """Take the shares out of processes that are gone: at once when they are certainly dead, else when nothing that they had
    begun can still be under way.
    """
    kept = {}
    for token, share in shares.items():
        if _is_dead(share, me, token in owners, is_alive):
            continue
        if token in owners:
            kept[token] = msgspec.structs.replace(share, frees=0.0) if share.frees else share
        elif share.units and share.longest:
            frees = share.frees or now + share.longest + MARGIN
            if now < frees:
                kept[token] = msgspec.structs.replace(share, frees=frees)
    return kept


def _is_dead(share: Share, me: Share, is_owner: bool, is_alive: IsAlive) -> bool:
    """Return whether a process of this machine ended, belongs to an earlier start of it, or goes by another token now."""
    if not me.host or share.host != me.host:
        return False
    if share.boot != me.boot:
        return not is_owner  # two machines may bear one name
    return share.process == me.process or not is_alive(share.process)


def read_shares(text: bytes) -> dict[str, Share]:
    """Return shares as they are kept in a row."""
    return msgspec.json.decode(text, type=dict[str, Share])


def write_shares(shares: Mapping[str, Share]) -> bytes:
    """Return shares as they are kept in a row."""
    return msgspec.json.encode(dict(shares))
