"""What functions over numbers share: exact sums and means, conversions, rounding."""

import decimal
import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

from auraos.core.expressions.arithmetic import CONTEXT
from auraos.core.expressions.errors import CallError
from auraos.core.values import LARGEST_INT, SMALLEST_INT, Value, type_name

MAX_DIGITS = 30
MODES = {
    "half_up": decimal.ROUND_HALF_UP, "half_even": decimal.ROUND_HALF_EVEN, "half_down": decimal.ROUND_HALF_DOWN,
    "up": decimal.ROUND_UP, "down": decimal.ROUND_DOWN, "ceiling": decimal.ROUND_CEILING, "floor": decimal.ROUND_FLOOR,
}  # fmt: skip


def add_up(items: list[Value]) -> Any:
    """Return the sum of numbers, or of durations."""
    kinds = set(map(type, items))
    if not kinds:
        return 0
    if kinds == {timedelta}:
        return sum(items, timedelta())
    if not kinds <= {int, float, Decimal}:
        index = next(index for index, item in enumerate(items) if type(item) not in (int, float, Decimal))
        what = "null" if items[index] is None else type_name(items[index])
        raise CallError("null" if items[index] is None else "wrong-type", f"Item {index} is {what}: only numbers add up.",
                        "Leave it out: `… for x in items if x != null`.")  # fmt: skip
    if Decimal in kinds:
        if float in kinds:
            raise CallError(
                "float-and-decimal",
                "Floats and decimals do not add up exactly.",
                "Write decimal(…) for each.",
            )
        total = Decimal(0)
        for item in items:
            total = CONTEXT.add(total, item)
        return total
    if float in kinds:
        return finite(math.fsum(items))
    return whole(sum(items))


def to_mean(items: list[Value]) -> Any:
    """Return the mean of numbers; null of none."""
    if not items:
        return None
    total = add_up(items)
    return CONTEXT.divide(total, Decimal(len(items))) if type(total) is Decimal else total / len(items)


def whole(number: int) -> int:
    """Return a whole number that fits 64 bits."""
    if SMALLEST_INT <= number <= LARGEST_INT:
        return number
    raise CallError(
        "number-too-large", "The result is too large: whole numbers have 64 bits.", 'Use decimal("…").'
    )


def finite(number: float) -> float:
    """Return a float that is a number."""
    if math.isfinite(number):
        return number
    raise CallError("no-number", "The result is no number.")


def to_decimal(value: int | float | Decimal | str) -> Decimal:
    """Return the decimal that is written so; a float counts as it is shown, 0.1 as 0.1."""
    try:
        if isinstance(value, str):
            text = value.strip()
            if len(text) > 200 or "_" in text:
                raise decimal.InvalidOperation
            number = CONTEXT.create_decimal(text)
        else:
            number = CONTEXT.create_decimal(repr(value) if isinstance(value, float) else value)
    except decimal.DecimalException:
        raise CallError("no-number", f"{str(value)[:40]!r} is no number.") from None
    if not number.is_finite():
        raise CallError("no-number", f"{str(value)[:40]!r} is no number.")
    return number


def to_int(value: int | float | Decimal | str) -> int:
    """Return a whole number: a fraction is cut off, a text must be one."""
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 20:
            raise CallError("number-too-large", "This number has more than 64 bits.")
        return whole(int(value))
    if isinstance(value, str):
        text = value.strip()
        digits = text[1:] if text[:1] in ("-", "+") else text
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
            raise CallError(
                "no-number", f"{value[:40]!r} is no whole number.", "Write round(number(…)) for a fraction."
            )
        return whole(int(text))
    return whole(int(value))


def to_number(value: int | float | Decimal | str) -> int | float | Decimal:
    """Return the number that a text writes: an int when it is whole, else a float."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    digits = text[1:] if text[:1] in ("-", "+") else text
    if digits.isascii() and digits.isdigit() and len(digits) <= 20:
        return whole(int(text))
    return float(to_decimal(text))


def round_to(number: Any, digits: int, mode: str) -> Any:
    """Return a number rounded to so many digits; whole numbers stay int, floats float, decimals decimal."""
    if abs(digits) > MAX_DIGITS:
        raise CallError("out-of-range", f"Rounding goes to at most {MAX_DIGITS} digits.")
    if mode not in MODES:
        raise CallError(
            "unknown-mode", f"There is no way of rounding {mode[:40]!r}.", f"Known are {', '.join(MODES)}."
        )
    if type(number) is int and digits >= 0:
        return number
    exact = Decimal(number) if type(number) is int else to_decimal(number)
    try:
        rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=MODES[mode], context=_WIDE)
    except decimal.InvalidOperation:
        raise CallError("number-too-large", "This number is too large to be rounded.") from None
    if type(number) is int:
        return whole(int(rounded))
    return float(rounded) if type(number) is float else CONTEXT.plus(rounded)


_WIDE = decimal.Context(prec=400, Emin=-6143, Emax=6144, traps=[decimal.InvalidOperation])
