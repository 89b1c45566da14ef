"""Functions over numbers: conversions, rounding, money."""

import math
from decimal import Decimal
from typing import Any

from auraos.core.expressions.arithmetic import CONTEXT
from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.numbers import finite, round_to, to_decimal, to_int, to_number, whole
from auraos.core.expressions.registry import Library, Number, Scope

NUMBERS = Library("numbers")


@NUMBERS.function()
def int_(value: Number | str | bool) -> int:
    """Return a whole number: of a number without its fraction, of a text of digits, 1 for true.

    >>> int("42")
    42
    """
    return to_int(value)


@NUMBERS.function()
def float_(value: Number | str) -> float:
    """Return a float: of a number, or of the text that writes one.

    >>> float("1.5")
    1.5
    """
    return finite(float(to_decimal(value) if isinstance(value, str) else value))


@NUMBERS.function()
def number(value: Number | str) -> Number:
    """Return the number that a text writes: an int when it is whole, else a float.

    >>> number(" 12 ") + number("0.5")
    12.5
    """
    return to_number(value)


@NUMBERS.function()
def decimal_(value: Number | str) -> Decimal:
    """Return an exact decimal with up to 34 digits. A float counts as it is shown: 0.1 as 0.1.

    >>> decimal("0.1") + decimal("0.2")
    decimal("0.3")
    """
    return to_decimal(value)


@NUMBERS.function(like="value.self")
def abs_(value: Number) -> Number:
    """Return a number without its sign.

    >>> abs(-3)
    3
    """
    if isinstance(value, Decimal):
        return CONTEXT.abs(value)
    return whole(abs(value)) if type(value) is int else abs(value)


@NUMBERS.function()
def round_(value: Number, digits: int = 0, mode: str = "half_even") -> Number:
    """Return a number rounded to digits after the point; a half goes to the even neighbour unless the mode says otherwise
    (half_up, half_down, up, down, ceiling, floor). Without digits a float or decimal becomes an int.

    >>> round(2.345, 1)
    2.3
    """
    rounded = round_to(value, digits, mode)
    return to_int(rounded) if digits == 0 else rounded


@NUMBERS.function()
def round_money(value: Number, digits: int = 2, mode: str = "half_up") -> Decimal:
    """Return an amount of money: a decimal with exactly so many digits after the point, a half rounded up.

    >>> round_money(2.345)
    decimal("2.35")
    """
    return Decimal(round_to(to_decimal(value), digits, mode))


@NUMBERS.function()
def allocate(scope: Scope, amount: Number, shares: list[Any], digits: int = 2) -> list[Any]:
    """Divide an amount by shares so that the parts add up to it to the cent; the first parts get what is left over.

    >>> allocate(100, [1, 1, 1])
    [decimal("33.34"), decimal("33.33"), decimal("33.33")]
    """
    meter_of(scope).spend(40 * len(shares))
    weights = [to_decimal(share) for share in shares if type(share) in (int, float, Decimal)]
    total = sum(weights, Decimal(0))
    if len(weights) != len(shares) or not weights or total <= 0 or min(weights) < 0:
        raise CallError("wrong-type", "Shares are numbers of 0 or more, not all of them 0.")
    exact = Decimal(round_to(to_decimal(amount), digits, "half_up"))
    parts = [
        round_to(CONTEXT.divide(CONTEXT.multiply(exact, weight), total), digits, "down") for weight in weights
    ]
    cent = Decimal(1).scaleb(-digits).copy_sign(exact)
    left = int((exact - sum(parts, Decimal(0))) / cent)
    return [CONTEXT.add(part, cent) if index < left else part for index, part in enumerate(parts)]


@NUMBERS.function()
def floor(value: Number) -> int:
    """Return the greatest whole number that is not above this one.

    >>> floor(-1.5)
    -2
    """
    return to_int(round_to(value, 0, "floor"))


@NUMBERS.function()
def ceil(value: Number) -> int:
    """Return the least whole number that is not below this one.

    >>> ceil(1.2)
    2
    """
    return to_int(round_to(value, 0, "ceiling"))


@NUMBERS.function()
def sqrt(value: Number) -> Number:
    """Return the square root; exact for decimals.

    >>> sqrt(9)
    3.0
    """
    if value < 0:
        raise CallError("no-number", "A negative number has no square root.")
    return CONTEXT.sqrt(value) if isinstance(value, Decimal) else math.sqrt(value)


@NUMBERS.function()
def log(value: Number, base: Number | None = None) -> float:
    """Return the logarithm to a base, the natural one without a base.

    >>> log(8, 2)
    3.0
    """
    if value <= 0 or (base is not None and (base <= 0 or base == 1)):
        raise CallError("no-number", "A logarithm needs numbers above 0, and a base that is not 1.")
    if base in (2, 10) and not isinstance(value, Decimal):
        return math.log2(value) if base == 2 else math.log10(value)
    return _logarithm(value) if base is None else _logarithm(value) / _logarithm(base)


def _logarithm(value: Number) -> float:
    return float(CONTEXT.ln(value)) if isinstance(value, Decimal) else math.log(value)


@NUMBERS.function()
def exp(value: Number) -> float:
    """Return e to the power of a number.

    >>> exp(0)
    1.0
    """
    if value > 700:
        raise CallError("number-too-large", "The result is too large.")
    return math.exp(value)


@NUMBERS.function()
def sign(value: Number) -> int:
    """Return -1, 0 or 1.

    >>> sign(-2.5)
    -1
    """
    return (value > 0) - (value < 0)


@NUMBERS.function()
def clamp(value: Number, low: Number, high: Number) -> Number:
    """Return a number, or the bound that it oversteps.

    >>> clamp(15, 0, 10)
    10
    """
    if low > high:
        raise CallError("out-of-range", "The lower bound of clamp() is above the upper one.")
    return low if value < low else min(value, high)
