"""An answer made fit for whoever asked: marked by what it says, not sent again to those who have it, and packed for those who
unpack it.
"""

import asyncio
import re
import zlib
from collections.abc import Mapping
from typing import Final

from auraos.api.protocol.answers import Answer, mark_of

SMALLEST_PACKED: Final = 1024
"""What has fewer bytes is sent as it is: packing it would cost more than it spares."""
PACKED_ASIDE: Final = 32 * 1024
"""What has more bytes is marked and packed beside the loop, so that others are answered meanwhile."""
QUICKLY: Final = 1
GZIP: Final = 31
"""The form of gzip, as zlib names it."""
_TEXTS: Final = ("application/json", "application/problem+json", "text/")
_CODING: Final = re.compile(
    r"\s*(gzip|x-gzip|\*)\s*(?:;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?", re.ASCII | re.IGNORECASE
)


async def fit(answer: Answer, method: str, headers: Mapping[str, str]) -> Answer:
    """Return the answer as it is sent to whoever asked with these headers."""
    if method in ("GET", "HEAD") and answer.status == 200 and answer.body:
        is_large = len(answer.body) > PACKED_ASIDE
        answer = (
            await asyncio.to_thread(unless_had, answer, headers) if is_large else unless_had(answer, headers)
        )
    if len(answer.body) < SMALLEST_PACKED or not answer.headers["content-type"].startswith(_TEXTS):
        return answer
    varies = answer.headers.get("vary")
    answer.headers["vary"] = f"{varies}, accept-encoding" if varies else "accept-encoding"
    if not takes_gzip(headers.get("accept-encoding", "")):
        return answer
    body = answer.body
    answer.body = await asyncio.to_thread(_packed, body) if len(body) > PACKED_ASIDE else _packed(body)
    answer.headers["content-encoding"] = "gzip"
    mark = answer.headers.get("etag", "")
    if mark.startswith('"'):  # the same is said in other bytes
        answer.headers["etag"] = f"W/{mark}"
    return answer


def unless_had(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Return the answer with its mark, or that it is what whoever asked has already."""
    mark = answer.headers.setdefault("etag", f'"{mark_of(answer.body)}"')
    if not _has(headers.get("if-none-match", ""), mark):
        return answer
    return Answer(
        304, headers={name: told for name, told in answer.headers.items() if name != "content-type"}
    )


def takes_gzip(accepted: str) -> bool:
    """Return whether somebody who accepts this unpacks gzip."""
    weights = {
        found[1].lower(): float(found[2] or 1)
        for part in accepted.split(",")
        if (found := _CODING.fullmatch(part))
    }
    return next((weights[name] > 0 for name in ("gzip", "x-gzip", "*") if name in weights), False)


def _has(known: str, mark: str) -> bool:
    """Return whether a mark is among those that whoever asked has."""
    marks = [each.strip().removeprefix("W/") for each in known.split(",")]
    return mark.removeprefix("W/") in marks or marks == ["*"]


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(QUICKLY, zlib.DEFLATED, GZIP)
    return packer.compress(body) + packer.flush()
