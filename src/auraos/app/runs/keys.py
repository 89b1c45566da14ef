"""Keys under which a run is started once, however often it is asked for."""

import hashlib

import msgspec

from auraos.core.errors import UserError
from auraos.core.values import Value, to_wire


class KeyTakenError(UserError):
    """Something else was asked for under the same idempotency key."""

    code = "key-taken"


def id_of(workspace: str, key: str) -> str:
    """Return the id of the run that is started under a key of a workspace."""
    return f"key-{hashlib.sha256(f'{workspace}/{key}'.encode()).hexdigest()[:40]}"


def taken(words: str) -> KeyTakenError:
    return KeyTakenError(
        words, hint="Choose another Idempotency-Key; this one stands for what was sent first."
    )


def plainly(value: Value) -> bytes:
    """Return a value so that the same value gives the same bytes, and no other does."""
    return msgspec.json.encode(to_wire(value), order="deterministic")
