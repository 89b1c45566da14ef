"""The one JSON text of a value: what is hashed and signed is written so, and alike on every machine."""

import math
from typing import Any

from auraos.core.values import Value, ValueRefusedError

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPE_TABLE = {point: f"\\u{point:04x}" for point in range(0x20)} | {
    ord(raw): out for raw, out in _ESCAPES.items()
}


def canonical_json(value: Value) -> str:
    """Return the one JSON text of a value (RFC 8785: sorted keys, no spaces, numbers as ECMAScript writes them).

    Whole numbers keep all their digits, beyond 2^53 too, since two that differ must not hash alike.
    """
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces)


def _write(value: Value, pieces: list[str]) -> None:
    match value:
        case None:
            pieces.append("null")
        case bool():
            pieces.append("true" if value else "false")
        case str():
            pieces.append(f'"{value.translate(_ESCAPE_TABLE)}"')
        case int():
            pieces.append(str(value))
        case float():
            pieces.append(_number(value))
        case list() | tuple():
            _write_list(value, pieces)
        case dict():
            _write_mapping(value, pieces)
        case _:
            raise ValueRefusedError(f"{type(value).__name__} is no value of a document.")


def _write_list(values: Any, pieces: list[str]) -> None:
    pieces.append("[")
    for index, item in enumerate(values):
        if index:
            pieces.append(",")
        _write(item, pieces)
    pieces.append("]")


def _write_mapping(value: dict[str, Any], pieces: list[str]) -> None:
    pieces.append("{")
    for index, key in enumerate(sorted(value, key=_utf16)):
        if index:
            pieces.append(",")
        _write(key, pieces)
        pieces.append(":")
        _write(value[key], pieces)
    pieces.append("}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(number: float) -> str:
    """Write a float as ECMAScript does: `1`, `0.1`, `1e+21`, `1e-7`."""
    if not math.isfinite(number):
        raise ValueRefusedError(f"{number} is no number that can be kept.")
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent_text = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent_text or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    exponent = f"e{'+' if power > 0 else '-'}{abs(power)}"
    return f"{sign}{digits[0]}{'.' + digits[1:] if count > 1 else ''}{exponent}"
