"""How values are written into texts: by a template, by an f-string, with a format. All of it bounded."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from auraos.core.expressions.dates import write_date
from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import Meter, measure
from auraos.core.values import Value, to_plain, type_name

MAX_WIDTH = 1000
MAX_PRECISION = 100

_FORMAT = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>=^]))?(?P<sign>[-+ ])?(?P<zero>0)?(?P<width>[0-9]{1,4})?(?P<group>[,_])?"
    r"(?:\.(?P<precision>[0-9]{1,3}))?(?P<kind>[bdoxXeEfgGs%])?",
    re.DOTALL | re.ASCII,
)
_ENCODER = msgspec.json.Encoder()


def to_text(value: Value, meter: Meter) -> str:
    """Return a value as text: null is empty, lists and mappings are JSON, dates RFC 3339, decimals plain."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if value is None:
        return ""
    if kind is int or kind is float:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is list or kind is dict:
        return write_json(value, meter)
    plain = to_plain(value)
    return plain if type(plain) is str else write_json(plain, meter)


def write_json(value: Value, meter: Meter, indent: int = 0) -> str:
    """Return a value as JSON text."""
    size = measure(value, meter)
    meter.spend(size >> 5)
    meter.grow(size)
    encoded = _ENCODER.encode(to_plain(value))
    return (msgspec.json.format(encoded, indent=indent) if indent else encoded).decode()


def write_formatted(value: Value, form: str, meter: Meter) -> str:
    """Return a value written by a format such as `.2f`, `>10`, `,` or, for dates, `%d.%m.%Y`."""
    if not form:
        return to_text(value, meter)
    if isinstance(value, date):
        return write_date(value, form, meter)
    found = _FORMAT.fullmatch(form)
    if not found:
        raise CallError(
            "bad-format", f"{form[:40]!r} is no format.", "Write for instance .2f, >10, 05d, `,` or .1%."
        )
    if int(found["width"] or 0) > MAX_WIDTH or int(found["precision"] or 0) > MAX_PRECISION:
        raise CallError("bad-format", f"A format is at most {MAX_WIDTH} wide with {MAX_PRECISION} places.")
    meter.spend(int(found["precision"] or 0))
    kind = found["kind"] or ""
    number = type(value) in (int, float, Decimal)
    if number and kind != "s":
        return _write_number(value, form, kind)
    if kind in ("", "s") and not (found["sign"] or found["group"] or found["align"] == "="):
        return format(to_text(value, meter), form)
    raise CallError(
        "bad-format", f"{type_name(value)} cannot be written as {form!r}.", "Convert it first: number(…)."
    )


def _write_number(value: Any, form: str, kind: str) -> str:
    if kind in ("b", "d", "o", "x", "X") and type(value) is not int:
        raise CallError(
            "bad-format", f"{form!r} is for whole numbers; this is {type_name(value)}.", "Write round(…)."
        )
    if type(value) is Decimal and not -400 < value.adjusted() < 400:
        raise CallError("bad-format", "This number is too long to be written.")
    try:
        return format(value, form + "f" if type(value) is Decimal and not kind else form)
    except (ValueError, OverflowError):
        raise CallError("bad-format", f"{form[:40]!r} is no format for {type_name(value)}.") from None
