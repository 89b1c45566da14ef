"""Comparing what is expected with what came: exactly, or by the words that loosen it.

{$has: {id: r1}}     a mapping with at least these fields, or a list with at least these items
{$any: true}         anything but null
{$matches: "^A-"}    text that a pattern finds something in
{$about: [9.99, 0.01]}
{$not: x}   {$one_of: [a, b]}
"""

import math
from decimal import Decimal
from typing import Any

import msgspec
import re2

from auraos.core.values import Value, from_wire, to_wire

MATCHERS = ("$has", "$any", "$matches", "$about", "$not", "$one_of")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation that was not met: of what, where in it, what was expected and what came."""

    about: str
    expected: Any
    actual: Any
    words: str = ""


def matches(expected: Any, actual: Value, *, loosely: bool = False) -> bool:
    """Return whether a value is as expected; `loosely` means that mappings may have more fields than expected."""
    matcher = _matcher_in(expected)
    if matcher:
        return _by_word(matcher, expected[matcher], actual)
    if isinstance(expected, dict) and isinstance(actual, dict) and not _is_special(expected):
        if not loosely and expected.keys() != actual.keys():
            return False
        return all(
            key in actual and matches(value, actual[key], loosely=loosely) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(
            matches(one, other, loosely=loosely) for one, other in zip(expected, actual, strict=True)
        )
    return _equal(from_wire(expected), actual)


def _matcher_in(expected: Any) -> str:
    if not isinstance(expected, dict) or len(expected) != 1:
        return ""
    (key,) = expected
    return key if key in MATCHERS else ""


def _by_word(word: str, told: Any, actual: Value) -> bool:
    match word:
        case "$any":
            return actual is not None
        case "$not":
            return not matches(told, actual)
        case "$one_of":
            return any(matches(one, actual) for one in told)
        case "$matches":
            return isinstance(actual, str) and re2.search(told, actual) is not None
        case "$about":
            middle, margin = told if isinstance(told, list) else (told, abs(told) * 1e-6)
            return _is_number(actual) and math.isclose(
                float(actual), float(middle), abs_tol=float(margin), rel_tol=0
            )
        case _:
            return _has(told, actual)


def _has(told: Any, actual: Value) -> bool:
    if isinstance(told, list):
        return isinstance(actual, list) and all(any(matches(one, item) for item in actual) for one in told)
    if isinstance(told, str):
        return isinstance(actual, str) and told in actual
    return matches(told, actual, loosely=True)


def _is_special(expected: dict[str, Any]) -> bool:
    return (
        len(expected) == 1
        and next(iter(expected)).startswith("$")
        and not next(iter(expected)).startswith("$$")
    )


def _equal(expected: Value, actual: Value) -> bool:
    if _is_number(expected) and _is_number(actual):
        return bool(expected == actual)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if type(expected) is not type(actual):
        return bool(to_wire(expected) == actual or expected == to_wire(actual))
    return bool(expected == actual)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
