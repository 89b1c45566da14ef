"""Hosts that a secret is bound to: what counts as one, and whether another one is among them."""

import re
from collections.abc import Iterable

from auraos.security.addresses import normal_host

HERE = "@local"
"""In place of a host: for use in a step, sent nowhere."""
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_LITERAL = re.compile(r"\[?[0-9a-f.:]+\]?")


def is_host(text: str) -> bool:
    """Return whether a secret can be bound to this: a host, all below one (`*.stock.example`), an address, or `@local`."""
    return text == HERE or bool(_HOST.fullmatch(text) or _LITERAL.fullmatch(text))


def is_bound(allowed: Iterable[str], host: str) -> bool:
    """Return whether a host is one of those."""
    wanted = normal_host(host).removeprefix("[").removesuffix("]")
    for entry in allowed:
        if entry.startswith("*."):
            if wanted.endswith(entry[1:]) and len(wanted) > len(entry) - 1:
                return True
        elif normal_host(entry).removeprefix("[").removesuffix("]") == wanted:
            return True
    return False


def are_within(inner: Iterable[str], outer: Iterable[str]) -> bool:
    """Return whether hosts let a secret go nowhere where others do not."""
    return all(entry in outer or (not entry.startswith("*.") and is_bound(outer, entry)) for entry in inner)
