"""The chain: each link's hash covers the hash before, its number, and a digest of what it tells.

What an entry tells is kept beside the chain, with a salt of its own. Where the law wants it gone it can go: the digest
stays, the chain still verifies, and nobody can find out by trying what was told.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator

import msgspec

from auraos.core.audit import Entry
from auraos.core.canonical import canonical_json

BEGINNING = "0" * 64
"""The hash before the first link."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link, as it is kept: what lists are searched by, the digest, and the hash over all before."""

    seq: int
    digest: str
    hash: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An entry beside its link."""

    link: Link
    entry: Entry
    salt: str
    body: str


def link(seq: int, before: str, entries: Iterable[Entry], new_salt: Callable[[], str]) -> Iterator[Kept]:
    """Bind entries to the chain that ends with this link (0 and `BEGINNING` for none)."""
    for entry in entries:
        seq += 1
        salt, body = new_salt(), canonical_json(msgspec.to_builtins(entry))
        digest = digest_of(salt, body)
        before = hash_of(before, seq, digest)
        yield Kept(link=Link(seq=seq, digest=digest, hash=before), entry=entry, salt=salt, body=body)


def digest_of(salt: str, body: str) -> str:
    """Return the digest of what an entry tells."""
    return hashlib.sha256(f"{salt}\n{body}".encode()).hexdigest()


def hash_of(before: str, seq: int, digest: str) -> str:
    """Return the hash of a link."""
    return hashlib.sha256(f"{before}\n{seq}\n{digest}".encode()).hexdigest()
