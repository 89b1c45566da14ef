"""The envelope: bytes sealed by a key for one place, and opened nowhere else.

    format (1 byte, 1)   length of the key's id (1 byte)   id of the key   nonce (12 bytes)   AES-256-GCM of the content

The seal covers the head and the place: installation, workspace, and what the caller says of it. What was sealed for one
place, or for an older version of it, does not open in another.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from auraos.security.secrets.errors import SealBrokenError

FORMAT = 1
KEY_BYTES = 32
_NONCE = 12


def seal(
    key: bytes, key_id: str, place: tuple[str, ...], content: bytes, chance: Callable[[int], bytes]
) -> bytes:
    """Return the content under seal."""
    name = key_id.encode()
    head = bytes([FORMAT, len(name)]) + name
    nonce = chance(_NONCE)
    return head + nonce + AESGCM(key).encrypt(nonce, content, _bound(head, place))


def unseal(key: bytes, place: tuple[str, ...], sealed: bytes) -> bytes:
    """Return what was sealed by this key for this place; raise `SealBrokenError` for all else."""
    end = 2 + len(sealer_of(sealed).encode())
    nonce, content = sealed[end : end + _NONCE], sealed[end + _NONCE :]
    try:
        return AESGCM(key).decrypt(nonce, content, _bound(sealed[:end], place))
    except (InvalidTag, ValueError):
        raise SealBrokenError(
            f"What is kept of {'/'.join(place[1:3])!r} does not open.",
            hint="It was changed in the database, or comes from another one. Store the secret anew.",
        ) from None


def sealer_of(sealed: bytes) -> str:
    """Return the id of the key by which something was sealed."""
    if len(sealed) < 2 or sealed[0] != FORMAT or len(sealed) < 2 + sealed[1] + _NONCE:
        raise SealBrokenError(
            "What is kept under seal is damaged.", hint="Restore a backup, or store the secret anew."
        )
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


def _bound(head: bytes, place: tuple[str, ...]) -> bytes:
    """Return what a seal covers beside the content; no two places look the same."""
    parts = [head, *(part.encode() for part in place)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
