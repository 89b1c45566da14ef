"""Methods of numbers."""

import decimal
from decimal import Decimal
from typing import Any

from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.numbers import round_to
from auraos.core.expressions.registry import Library, Scope
from auraos.core.expressions.texts import write_formatted

NUMBER_METHODS = Library("numbers")


@NUMBER_METHODS.method(int, float, Decimal, like="self")
def round_(value: Any, digits: int = 0, mode: str = "half_even") -> Any:
    """Return the number rounded; its type stays.

    >>> (2.345).round(1)
    2.3
    """
    return round_to(value, digits, mode)


@NUMBER_METHODS.method(int, float, Decimal)
def is_whole(value: Any) -> bool:
    """Return whether the number has no fraction.

    >>> (2.0).is_whole()
    true
    """
    try:
        return (
            bool(value == value.to_integral_value())
            if isinstance(value, Decimal)
            else float(value).is_integer()
        )
    except decimal.DecimalException:
        return True


@NUMBER_METHODS.method(int, float, Decimal)
def format_(scope: Scope, value: Any, form: str) -> str:
    """Return the number written by a format.

    >>> (1234.5).format(",.2f")
    "1,234.50"
    """
    return write_formatted(value, form, meter_of(scope))


@NUMBER_METHODS.method(Decimal)
def digits(value: Decimal) -> int:
    """Return how many digits the decimal has after its point.

    >>> decimal("1.50").digits()
    2
    """
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
