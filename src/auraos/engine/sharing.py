"""How processes share shards out: each owns as many as the others, within one, and takes from those that are gone.

Every process decides for itself from the same rows. What two of them decide at once is settled by the store: a shard is
taken once, and only its owner gives it away.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple, TypeAlias

from auraos.engine.owning import Owner, Standing
from auraos.engine.ports import SHARDS

IsAlive: TypeAlias = Callable[[int], bool]
"""Whether a process of this machine is there."""

MISSED_BEAT = 0.5
"""An owner that was not heard of for this part of a lease has missed a beat."""


class Plan(NamedTuple):
    """What a process does about shards now."""

    mine: frozenset[int]
    take: tuple[int, ...]
    void: tuple[str, ...]
    """Owners that are certainly gone, before their lease is over."""
    give: tuple[tuple[str, int], ...]
    """To whom it gives shards, and how many."""


def make_plan(
    standing: Standing, token: str, *, lease: float, void: Collection[str] = (), retiring: bool = False
) -> Plan:
    """Return what an owner does: it takes what nobody owns up to its share, and gives what it has beyond to those below.

    One that retires takes nothing and gives all to the others.
    """
    live = sorted(
        owner
        for owner in standing.owners
        if owner == token or (owner not in void and standing.silence.get(owner, lease + 1) <= lease)
    )
    held: dict[str, list[int]] = {owner: [] for owner in live}
    free = []
    for shard in range(SHARDS):
        owner = standing.shards.get(shard, "")
        if owner in held:
            held[owner].append(shard)
        else:
            free.append(shard)
    mine, staying = frozenset(held[token]), len(live) - retiring
    share = -(-SHARDS // max(1, staying))
    wanted = 0 if retiring else min(len(free), max(0, share - len(mine)))
    start = len(free) * live.index(token) // len(live)  # so that not all reach for the same ones
    take = (free[start:] + free[:start])[:wanted]
    others = [owner for owner in live if owner != token]
    needs = {owner: share - len(held[owner]) for owner in others if len(held[owner]) < share}
    excess = len(mine) if retiring else len(mine) - share
    give = _share_out(excess, needs) if retiring or not free else ()
    return Plan(mine, tuple(take), tuple(sorted(void)), give)


def _share_out(excess: int, needs: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """Return how many of what is too much each of those in need gets: the neediest first, nobody more than it needs."""
    given = dict.fromkeys(needs, 0)
    for _ in range(excess):
        owner = max(needs, key=lambda each: (needs[each] - given[each], each), default="")
        if not owner or given[owner] >= needs[owner]:
            break
        given[owner] += 1
    return tuple((owner, count) for owner, count in given.items() if count)


def find_void(standing: Standing, me: Owner, *, lease: float, is_alive: IsAlive) -> frozenset[str]:
    """Return owners that are certainly gone: processes of this machine that ended or go by another token now, or that
    belong to an earlier start of it.

    One that was heard of just now lives, whatever its row says: two machines may bear one name.
    """
    found = set()
    for token, owner in standing.owners.items():
        if token == me.token or owner.host != me.host:
            continue
        if owner.boot == me.boot:
            if owner.process == me.process or not is_alive(owner.process):
                found.add(token)
        elif standing.silence.get(token, 0.0) > lease * MISSED_BEAT:
            found.add(token)
    return frozenset(found)
