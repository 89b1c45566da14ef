"""Identities that follow from what they name, so that doing something again names it the same."""

import hashlib
from hashlib import sha256


def child_run_id(run: str, path: str, at: int) -> str:
    """Return the id of a run that another one starts: a UUIDv7 of its time whose other bits follow from parent and path."""
    digest = hashlib.sha256(f"{run}\x1f{path}".encode()).digest()
    value = (at // 1000 & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(digest[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def hearing_run_id(run: str, ended_at: int) -> str:
    """Return the id of the run that `on_failure` starts for a run which ended at this time."""
    return child_run_id(run, "!on_failure", ended_at)


def idempotency_key(*parts: object) -> str:
    """Return the key of an effect: 40 characters that say nothing about its parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:40]


def own_key(origin: str, path: str, generation: int) -> str:
    """Return the key of an effect that has none of its author's: `idempotency_key` of these parts, which is called most."""
    return sha256(f"{origin}\x1f{path}\x1f{generation}".encode()).hexdigest()[:40]
