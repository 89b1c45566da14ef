"""Identities that follow from what they name, so that doing something again names it the same."""

import hashlib
from hashlib import sha256

import msgspec

from auraos.core.values import Value, to_wire


def child_run_id(run: str, path: str, at: int) -> str:
    """Return the id of a run that another one starts: a UUIDv7 of its time whose other bits follow from parent and path."""
    digest = hashlib.sha256(f"{run}\x1f{path}".encode()).digest()
    value = (at // 1000 & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(digest[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return _as_uuid(value & ~(0x3 << 62) | 0x2 << 62)


def keyed_run_id(workspace: str, workflow: str, key: str) -> str:
    """Return the id of the run that has this key: a UUIDv8 that follows from the three, so it is the same for every caller."""
    digest = hashlib.sha256(f"{workspace}\x1f{workflow}\x1f{key}".encode()).digest()
    value = int.from_bytes(digest[:16], "big") & ~(0xF << 76) | 0x8 << 76
    return _as_uuid(value & ~(0x3 << 62) | 0x2 << 62)


def home_of(keyed_run: str) -> int:
    """Return the shard in which the callers of a run with a key meet."""
    return int(keyed_run[-2:], 16)


def value_text(value: Value) -> str:
    """Return a value as JSON that is the same for equal values."""
    return msgspec.json.encode(to_wire(value), order="sorted").decode()


def value_hash(value: Value) -> str:
    """Return 40 characters that equal values share."""
    return hashlib.sha256(value_text(value).encode()).hexdigest()[:40]


def hearing_run_id(run: str, ended_at: int) -> str:
    """Return the id of the run that `on_failure` starts for a run which ended at this time."""
    return child_run_id(run, "!on_failure", ended_at)


def idempotency_key(*parts: object) -> str:
    """Return the key of an effect: 40 characters that say nothing about its parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:40]


def own_key(origin: str, path: str, generation: int) -> str:
    """Return the key of an effect that has none of its author's: `idempotency_key` of these parts, which is called most."""
    return sha256(f"{origin}\x1f{path}\x1f{generation}".encode()).hexdigest()[:40]


def _as_uuid(value: int) -> str:
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
