"""The chain: each link's hash covers the hash before, its number, and a digest of what it tells.

An entry is kept in three parts. Its *facts* say when, who, what and to what: ids and names of things, no names of people.
What it *tells* beside them (reasons, the state before and after) and its *origin* (an address) are each bound in by a
salted digest. Where the law wants one of these gone it can go: the digest takes its place, the chain still verifies, and
nobody can find out by trying what stood there.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator

import msgspec

from auraos.core.audit import Entry
from auraos.security.audit.parts import AnyEntry, parts_of

BEGINNING = "0" * 64
"""The hash before the first link."""
ERASED = "erased:"
"""What stands before the digest of a part that was erased."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it is kept: the parts that are chained, and beside them what lists are searched by."""

    seq: int
    at: int
    workspace: str
    actor: str
    action: str
    object: str
    outcome: str
    facts: str
    told: str
    told_salt: str
    origin: str
    origin_salt: str
    hash: str

    @property
    def digest(self) -> str:
        """Return the digest of what it tells, with the parts that were erased or without."""
        told, origin = leaf(self.told_salt, self.told), leaf(self.origin_salt, self.origin)
        return digest_of(self.facts, told, origin)


def link(seq: int, before: str, entries: Iterable[AnyEntry], new_salt: Callable[[], str]) -> Iterator[Kept]:
    """Bind entries to the chain that ends with this link (0 and `BEGINNING` for none)."""
    for entry in entries:
        seq += 1
        parts = parts_of(entry) if isinstance(entry, Entry) else entry
        told_salt = new_salt() if parts.told else ""
        origin_salt = new_salt() if parts.origin else ""
        told, origin = leaf(told_salt, parts.told), leaf(origin_salt, parts.origin)
        before = hash_of(before, seq, digest_of(parts.facts, told, origin))
        yield Kept(
            seq=seq, at=parts.at, workspace=parts.workspace, actor=parts.actor, action=parts.action,
            object=parts.about, outcome=parts.outcome, facts=parts.facts, told=parts.told, told_salt=told_salt,
            origin=parts.origin, origin_salt=origin_salt, hash=before,
        )  # fmt: skip


def leaf(salt: str, text: str) -> str:
    """Return the digest of a part that can be erased: nothing for nothing, and what is left of one that was."""
    if not text:
        return ""
    if not salt and text.startswith(ERASED):
        return text.removeprefix(ERASED)
    return _sha256(f"{salt}\n{text}")


def erased(salt: str, text: str) -> str:
    """Return what takes the place of a part that is erased."""
    return f"{ERASED}{leaf(salt, text)}" if text else ""


def digest_of(facts: str, told: str, origin: str) -> str:
    """Return the digest of an entry from its facts and the digests of its other parts."""
    return _sha256(f"{facts}\n{told}\n{origin}")


def hash_of(before: str, seq: int, digest: str) -> str:
    """Return the hash of a link."""
    return _sha256(f"{before}\n{seq}\n{digest}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
