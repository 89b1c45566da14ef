"""Functions with regular expressions, by RE2: time grows with the length of the text, whatever the pattern."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.registry import Library, Scope

PATTERNS = Library("patterns")
MAX_PATTERN = 1000
MAX_PROGRAM = 5000
_COMPILE_STEPS = 400
_MATCH_STEPS = 12
_GROUPS_STEPS = 100


@PATTERNS.function()
def matches(scope: Scope, text: str, pattern: str, whole: bool = False) -> bool:
    """Return whether a pattern is found in a text, or describes the whole of it.

    >>> matches("A-17", "^[A-Z]-[0-9]+$")
    true
    """
    compiled = _ready(scope, text, pattern)
    return bool(compiled.fullmatch(text) if whole else compiled.search(text))


@PATTERNS.function()
def find(scope: Scope, text: str, pattern: str, group: int | str = 0) -> str | None:
    """Return the first place that a pattern describes, or one group of it; null where there is none.

    >>> find("order 17 of 20", "[0-9]+")
    "17"
    """
    found = _ready(scope, text, pattern).search(text)
    return None if found is None else _group(found, group)


@PATTERNS.function()
def find_all(scope: Scope, text: str, pattern: str, group: int | str = 0) -> list[Any]:
    """Return all places that a pattern describes, or one group of each.

    >>> find_all("a1 b2", "[a-z]([0-9])", 1)
    ["1", "2"]
    """
    return [_group(found, group) for found in _walk(scope, text, pattern)]


@PATTERNS.function()
def groups(scope: Scope, text: str, pattern: str) -> dict[str, Any] | None:
    """Return the named groups of the first place that a pattern describes; null where there is none.

    >>> groups("DE-17", "(?P<country>[A-Z]+)-(?P<n>[0-9]+)")
    {"country": "DE", "n": "17"}
    """
    compiled = _ready(scope, text, pattern)
    meter_of(scope).spend(_GROUPS_STEPS)
    found = compiled.search(text)
    return {name: found.group(name) for name in sorted(compiled.groupindex)} if found else None


@PATTERNS.function()
def replace_pattern(scope: Scope, text: str, pattern: str, new: str) -> str:
    """Return the text with every place that a pattern describes replaced; `new` is plain text.

    >>> replace_pattern("tel 030-12", "[0-9]", "*")
    "tel ***-**"
    """
    meter = meter_of(scope)
    parts: list[str] = []
    position = 0
    for found in _walk(scope, text, pattern):
        meter.grow(len(new))
        parts += (text[position : found.start()], new)
        position = found.end()
    return "".join([*parts, text[position:]])


@PATTERNS.function()
def split_pattern(scope: Scope, text: str, pattern: str) -> list[str]:
    """Return the parts of a text between the places that a pattern describes.

    >>> split_pattern("a, b;c", "[,;] *")
    ["a", "b", "c"]
    """
    parts: list[str] = []
    position = 0
    for found in _walk(scope, text, pattern):
        if found.end() > found.start():
            parts.append(text[position : found.start()])
            position = found.end()
    return [*parts, text[position:]]


def _walk(scope: Scope, text: str, pattern: str) -> Iterator[Any]:
    compiled = _ready(scope, text, pattern)
    meter = meter_of(scope)
    for found in compiled.finditer(text):
        # Looking for the next place may read to the end each time.
        meter.spend(_MATCH_STEPS + (len(text) - found.end() >> 8))
        meter.grow(found.end() - found.start())
        yield found


def _ready(scope: Scope, text: str, pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN:
        raise CallError("bad-pattern", f"A pattern has at most {MAX_PATTERN} characters.")
    compiled = _compile(pattern)
    size = compiled.programsize
    meter = meter_of(scope)
    meter.spend_once(pattern, _COMPILE_STEPS + size)
    meter.spend(4 + (len(text) * (4 + (size >> 3)) >> 6))
    return compiled


@lru_cache(512)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise CallError(
            "bad-pattern", f"This is no pattern: {reason}.", "Patterns are those of RE2: no look-around."
        ) from None
    if compiled.programsize > MAX_PROGRAM:
        raise CallError("bad-pattern", "This pattern is too large.", "Repeat less often, as in {1,50}.")
    return compiled


def _group(found: Any, group: int | str) -> Any:
    try:
        return found.group(group)
    except (IndexError, KeyError, re2.error):
        raise CallError("unknown-group", f"The pattern has no group {group!r}.") from None
