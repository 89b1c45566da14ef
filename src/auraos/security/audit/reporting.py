"""What happened in a period, counted: who did what, what was refused, who got much, and how the chain stood."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from auraos.core.audit import Outcome
from auraos.security.audit.store import Filter, Tally
from auraos.security.audit.trail import AuditTrail, Shown

FAMILIES: Final = {
    "sessions": "sign-in", "ownership": "access", "people": "access", "groups": "access", "access": "access",
    "keys": "access", "services": "access", "second-proof": "access", "providers": "access",
    "definitions": "change", "workspace": "change", "workspaces": "change", "settings": "change",
    "installation": "change", "runs": "run", "events": "run", "engine": "change", "git": "change",
    "secrets": "secret", "privacy": "privacy", "audit": "audit",
}  # fmt: skip
APPROVALS: Final = ("runs.approve", "definitions.approve")
NOTABLE: Final = (
    "ownership.*", "access.grant", "access.revoke", "keys.add", "services.add", "people.add", "people.providers",
    "people.directories", "audit.*", "installation.*", "engine.*",
)  # fmt: skip
MOST: Final = 100
"""So many entries are listed of each kind that is worth a look."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was done."""

    actor: str
    """Their name, or their id where there is none any more."""
    actor_id: str
    action: str
    outcome: Outcome
    count: int


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """The first and the last entry of the period: what it can be told by later."""

    first: int = 0
    first_hash: str = ""
    last: int = 0
    last_hash: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a period."""

    since: int | None
    until: int | None
    entries: int
    outcomes: dict[str, int]
    families: dict[str, int]
    """By what it was about: sign-in, access, change, approval, run, secret, privacy, audit."""
    refused_sign_ins: int
    counts: tuple[Count, ...]
    """Who did what, the most frequent first."""
    refusals: tuple[Count, ...]
    notable: tuple[Shown, ...]
    """New owners, grants, keys, accounts and people, and what was done to the trail itself; the newest first."""
    ends: Ends


def family_of(action: str) -> str:
    """Return what an action is about."""
    return "approval" if action in APPROVALS else FAMILIES.get(action.partition(".")[0], "other")


async def report(trail: AuditTrail, wanted: Filter) -> Report:
    """Return what happened in the period that a filter names."""
    tallies = await trail.store.tally(wanted)
    names = await trail.store.names([tally.actor for tally in tallies])
    counts = [_count(tally, names.get(tally.actor, "")) for tally in tallies]
    counts.sort(key=lambda each: (-each.count, each.action, each.actor))
    outcomes: Counter[str] = Counter()
    families: Counter[str] = Counter()
    for each in counts:
        outcomes[each.outcome] += each.count
        families[family_of(each.action)] += each.count
    refusals = [each for each in counts if each.outcome == "refused"]
    return Report(
        since=wanted.since, until=wanted.until, entries=sum(outcomes.values()), outcomes=dict(outcomes),
        families=dict(families), counts=tuple(counts), refusals=tuple(refusals),
        refused_sign_ins=sum(each.count for each in refusals if family_of(each.action) == "sign-in"),
        notable=tuple(await _notable(trail, wanted)), ends=await _ends(trail, wanted),
    )  # fmt: skip


def _count(tally: Tally, name: str) -> Count:
    outcome = msgspec.convert(tally.outcome, Outcome)
    return Count(
        actor=name or tally.actor, actor_id=tally.actor, action=tally.action, outcome=outcome, count=tally.count
    )  # fmt: skip


async def _notable(trail: AuditTrail, wanted: Filter) -> Sequence[Shown]:
    found: list[Shown] = []
    for action in NOTABLE:
        asked = msgspec.structs.replace(wanted, action=action, outcome="done")
        found += await trail.page(asked, before=None, limit=MOST)
    return sorted(found, key=lambda each: -each.seq)


async def _ends(trail: AuditTrail, wanted: Filter) -> Ends:
    first = await trail.store.oldest(wanted, after=0, limit=1)
    last = await trail.store.newest(wanted, before=None, limit=1)
    if not first or not last:
        return Ends()
    return Ends(first=first[0].seq, first_hash=first[0].hash, last=last[0].seq, last_hash=last[0].hash)
