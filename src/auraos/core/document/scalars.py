"""What a plain scalar means: the core schema of YAML 1.2, in which `on`, `no`, `12:30` and dates are text."""

import math
import re

from auraos.core.values import LARGEST_INT, SMALLEST_INT, Value, ValueRefusedError

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_FIRST = frozenset("0123456789+-.~nNtTfF")
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS = 80


def read_plain(text: str) -> Value:
    """Return the value of a plain scalar; raise `ValueRefusedError` for a number that the language does not have."""
    if text and text[0] not in _FIRST:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return _bounded(text, 10)
    if _OCTAL.fullmatch(text):
        return _bounded(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return _bounded(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueRefusedError(
            f"{text} is no number that can be kept.", hint="Put quotes around it if text is meant."
        )
    return text


def is_text(plain: str) -> bool:
    """Return whether a plain scalar of these characters would be read as text."""
    try:
        return isinstance(read_plain(plain), str)
    except ValueRefusedError:
        return False


def _bounded(digits: str, base: int) -> int:
    number = int(digits, base) if len(digits) <= _MOST_DIGITS else LARGEST_INT + 1
    if not SMALLEST_INT <= number <= LARGEST_INT:
        raise ValueRefusedError(
            "A whole number of more than 64 bits cannot be kept.",
            hint="Put quotes around it to keep it as text.",
        )
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueRefusedError(
            f"{text[:40]} is too large a number.", hint="Put quotes around it to keep it as text."
        )
    return number
