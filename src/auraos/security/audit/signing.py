"""Signed heads: the chain alone shows that something was changed; a signature by a key that is not in the database shows it of
whoever can write all of the database, too.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from auraos.core.canonical import canonical_json
from auraos.core.errors import UserError
from auraos.security.audit.store import Checkpoint

SEED_BYTES = 32


class HeadRefusedError(UserError):
    """A head that was kept elsewhere cannot be read, or is not signed by its key."""

    code = "audit-head-refused"


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key that signs heads, or did."""

    id: str
    public: str
    """32 bytes in Base64."""
    since: int
    until: int = 0
    """0 while it signs."""


class SignedHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A head of the chain to be kept elsewhere, with the key that it can be checked by."""

    seq: int
    hash: str
    at: int
    installation: str
    key_id: str
    signature: str
    public: str

    @property
    def checkpoint(self) -> Checkpoint:
        """Return it as it is kept beside the entries."""
        return Checkpoint(
            seq=self.seq, hash=self.hash, at=self.at, installation=self.installation, key_id=self.key_id,
            signature=self.signature,
        )  # fmt: skip


class KeyPlace(Protocol):
    """Where the key that signs is kept: outside of the database. It blocks, and is called in a thread."""

    def seed(self) -> bytes | None:
        """Return the secret half of the key, None where there is none yet."""
        ...

    def keep_seed(self, seed: bytes) -> None:
        """Let this key sign from now on."""
        ...

    def known(self) -> tuple[KnownKey, ...]:
        """Return the public halves of all keys that sign or did, the first one first."""
        ...

    def keep_known(self, keys: tuple[KnownKey, ...]) -> None:
        """Keep the public halves."""
        ...

    def head(self) -> SignedHead | None:
        """Return the last head that was signed here."""
        ...

    def keep_head(self, head: SignedHead) -> None:
        """Keep a head that was signed."""
        ...


class Signer:
    """A key that signs heads."""

    def __init__(self, seed: bytes, installation: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._installation = installation
        raw = self._key.public_key().public_bytes_raw()
        self.public = base64.b64encode(raw).decode()
        self.id = key_id(self.public)

    def sign(self, seq: int, hash_: str, at: int) -> SignedHead:
        """Return a head, signed."""
        made = Checkpoint(
            seq=seq, hash=hash_, at=at, installation=self._installation, key_id=self.id, signature=""
        )
        signature = base64.b64encode(self._key.sign(_message(made))).decode()
        return SignedHead(**{**msgspec.structs.asdict(made), "signature": signature}, public=self.public)


def key_id(public: str) -> str:
    """Return by what a key is known: the beginning of the digest of its public half."""
    return hashlib.sha256(public.encode()).hexdigest()[:16]


def is_signed(made: Checkpoint, public: str) -> bool:
    """Return whether a head is signed by this key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(made.signature, validate=True), _message(made))
    except (InvalidSignature, ValueError):
        return False
    return True


def publics_of(keys: Iterable[KnownKey]) -> Mapping[str, str]:
    """Return the public halves of keys by their ids."""
    return {key.id: key.public for key in keys}


def read_head(text: bytes, where: str) -> SignedHead:
    """Return a head that was kept elsewhere; raise `HeadRefusedError` for what is none."""
    try:
        head = msgspec.json.decode(text, type=SignedHead)
    except msgspec.DecodeError as error:
        raise HeadRefusedError(
            f"{where} is no head of an audit trail: {error}.",
            hint="Name a file that `auraos audit head` wrote.",
        ) from error
    if head.key_id != key_id(head.public) or not is_signed(head.checkpoint, head.public):
        raise HeadRefusedError(
            f"The head in {where} is not signed by the key that it names.",
            hint="Bring another copy of it: this one was changed or damaged.",
        )
    return head


def _message(made: Checkpoint) -> bytes:
    """Return what is signed of a head."""
    told = {**msgspec.structs.asdict(made), "what": "head of an audit trail of AuraOS"}
    del told["signature"]
    return canonical_json(told).encode()
