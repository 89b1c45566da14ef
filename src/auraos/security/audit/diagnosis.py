"""What was done to a chain that does not hold, told from the entries around the first one that does not fit.

A stored hash was made of the hash before, a number and a content. Where it still fits another place, the entry was moved; where
those after it fit one place on, something was put in or taken out.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from auraos.security.audit.chain import BEGINNING, Kept, hash_of

Fault: TypeAlias = Literal[
    "changed", "removed", "inserted", "reordered", "truncated", "rewritten", "erased", "unsigned", "unpruned"
]
AROUND = 1000
"""So many entries before and after are looked at."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Where the trail does not hold, and what was done to it."""

    kind: Fault
    seq: int
    """Of the first entry that is not as it was."""
    message: str


def diagnose(before: str, prior: Sequence[Kept], found: Kept, rest: Sequence[Kept]) -> Finding:
    """Return what became of the chain at the first entry that does not fit; `before` is the hash that it should follow, and
    `prior` are entries that hold.
    """
    expected = (prior[-1].seq if prior else _number_before(found)) + 1
    if found.seq < expected:
        return Finding(kind="inserted", seq=found.seq, message=f"There is another entry {found.seq}.")
    if found.seq > expected and any(row.seq == expected for row in rest):
        return Finding(
            kind="reordered", seq=expected, message=f"Entry {expected} stands after entry {found.seq}."
        )
    if found.seq != expected:
        last = found.seq - 1
        gone = f"Entry {expected} is gone." if last == expected else f"Entries {expected} to {last} are gone."
        return Finding(kind="removed", seq=expected, message=gone)
    was = _place_of(found, rest)
    if was is not None:
        return Finding(
            kind="reordered",
            seq=found.seq,
            message=f"What stands as entry {found.seq} was written as entry {was}.",
        )
    inserted = _inserted(before, prior, found, rest)
    if inserted is not None:
        first, last = inserted
        words = f"Entry {first} was" if first == last else f"Entries {first} to {last} were"
        return Finding(kind="inserted", seq=first, message=f"{words} put in later.")
    shift = _shift(found, rest)
    if shift:
        words = "an entry was" if shift == 1 else f"{shift} entries were"
        return Finding(
            kind="removed",
            seq=found.seq,
            message=f"Before entry {found.seq} {words} taken out, and those after it renumbered.",
        )
    message = f"Entry {found.seq} is not as it was written"
    if prior:
        message += f", or entry {found.seq - 1} was changed and given a new hash"
    return Finding(kind="changed", seq=found.seq, message=f"{message}.")


def _number_before(found: Kept) -> int:
    return found.seq - 1


def _place_of(found: Kept, rest: Sequence[Kept]) -> int | None:
    """Return the later number under which an entry was written, None where it fits none."""
    digest = found.digest
    for row in rest:
        for number in (row.seq, row.seq + 1):
            if hash_of(row.hash, number, digest) == found.hash:
                return number
    last = found
    for row in rest:  # the contents were exchanged, and the hashes were left where they are
        if hash_of(last.hash, row.seq, digest) == row.hash:
            return row.seq
        last = row
    return None


def _inserted(
    before: str, prior: Sequence[Kept], found: Kept, rest: Sequence[Kept]
) -> tuple[int, int] | None:
    """Return the numbers of what was put in: those that follow it fit where it begins."""
    for row in rest:
        if hash_of(before, found.seq, row.digest) == row.hash:
            return found.seq, row.seq - 1
    hashes = [*(row.hash for row in prior)]
    for place in range(len(prior) - 1, -1, -1):
        was_before = hashes[place - 1] if place else _hash_before(prior)
        if was_before and hash_of(was_before, prior[place].seq, found.digest) == found.hash:
            return prior[place].seq, found.seq - 1
    return None


def _hash_before(prior: Sequence[Kept]) -> str:
    return BEGINNING if prior[0].seq == 1 else ""


def _shift(found: Kept, rest: Sequence[Kept]) -> int:
    """Return by how many numbers the entries from here on were moved up."""
    if not rest:
        return 0
    digest = rest[0].digest
    return next(
        (by for by in range(AROUND) if hash_of(found.hash, rest[0].seq + by, digest) == rest[0].hash), 0
    )
