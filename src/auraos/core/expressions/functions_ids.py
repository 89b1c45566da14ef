"""Ids and chance drawn from the run: the same run asking the same question gets the same answer, so replay changes nothing."""

import hashlib
import uuid as uuids
from typing import Any

from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.registry import Library, Scope
from auraos.core.expressions.texts import to_text

IDS = Library("ids")
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@IDS.function()
def uuid(scope: Scope, *parts: Any) -> str:
    """Return a UUID that belongs to this run and these parts; other parts give another one.

    >>> uuid("invoice", 1) == uuid("invoice", 1) and uuid("invoice", 1) != uuid("invoice", 2)
    true
    """
    digest = bytearray(_draw(scope, "uuid", parts)[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuids.UUID(bytes=bytes(digest)))


@IDS.function()
def short_id(scope: Scope, *parts: Any) -> str:
    """Return a short id of ten letters and digits that belongs to this run and these parts.

    >>> len(short_id("ticket"))
    10
    """
    number = int.from_bytes(_draw(scope, "short", parts)[:8])
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(10))


@IDS.function()
def random_int(scope: Scope, low: int, high: int, *parts: Any) -> int:
    """Return a whole number from low to high, both included, that belongs to this run and these parts.

    >>> 1 <= random_int(1, 6, "dice") <= 6
    true
    """
    if low > high:
        raise CallError("out-of-range", "The lower bound of random_int() is above the upper one.")
    return low + int.from_bytes(_draw(scope, "int", parts)[:24]) % (high - low + 1)


def _draw(scope: Scope, kind: str, parts: tuple[Any, ...]) -> bytes:
    seed = scope.get("$seed")
    if type(seed) is not str:
        raise CallError(
            "no-seed",
            "There is no run here that an id could belong to.",
            "Ids can be used in a workflow's steps.",
        )
    meter = meter_of(scope)
    words = [seed, kind, *(to_text(part, meter) for part in parts)]
    data = "".join(f"{len(word)}:{word}" for word in words)
    return hashlib.sha256(data.encode("utf-8", "surrogatepass")).digest()
