"""Arithmetic of values: 64-bit whole numbers, finite floats, exact decimals, dates and durations, joined texts and lists.

The fast cases stand first in each function. Decimals have 34 digits and round half to even, whatever the host has set.
"""

import decimal
import math
import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from auraos.core.expressions.comparisons import describe, instant
from auraos.core.expressions.errors import EvaluationError, Site
from auraos.core.expressions.meter import SMALL, grow, measure, meter_of
from auraos.core.values import LARGEST_INT, LONGEST_DURATION, SMALLEST_INT, Value

Scope: TypeAlias = dict[str, Any]
Names: TypeAlias = tuple[str, str]
Arithmetic: TypeAlias = Callable[[Value, Value, Scope, Site, Names], Value]

CONTEXT = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)

_NUMBERS = frozenset({int, float, Decimal})
_ON_INTS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip


def add(left: Value, right: Value, scope: Scope, site: Site, names: Names) -> Value:
    """Return left + right: a sum, texts joined, lists joined, or a moment later."""
    kind, other = type(left), type(right)
    if kind in _NUMBERS and other in _NUMBERS:
        return _calculate("+", left, right, site, names)
    if kind is str and other is str:
        if len(left) + len(right) > SMALL:
            grow(scope, len(left) + len(right), site)
        return left + right
    if kind is list and other is list:
        if len(left) + len(right) > SMALL:
            grow(scope, 8 * (len(left) + len(right)), site)
        return left + right
    if kind is timedelta and other in (datetime, date):
        left, right, kind, other = right, left, other, kind
    if other is timedelta and kind in (datetime, date, timedelta):
        return _shift(left, right, site)
    raise _refuse("+", left, right, site, names)


def subtract(left: Value, right: Value, _scope: Scope, site: Site, names: Names) -> Value:
    """Return left - right: a difference, the duration between two moments, or a moment earlier."""
    kind, other = type(left), type(right)
    if kind in _NUMBERS and other in _NUMBERS:
        return _calculate("-", left, right, site, names)
    if kind is datetime and other is datetime:
        return _in_bounds(instant(left) - instant(right), site)
    if kind is date and other is date:
        return _in_bounds(left - right, site)
    if other is timedelta and kind in (datetime, date, timedelta):
        return _shift(left, -right, site)
    raise _refuse("-", left, right, site, names)


def multiply(left: Value, right: Value, scope: Scope, site: Site, names: Names) -> Value:
    """Return left * right: a product, or a text, list or duration repeated."""
    kind, other = type(left), type(right)
    if kind in _NUMBERS and other in _NUMBERS:
        return _calculate("*", left, right, site, names)
    if kind is int and other in (str, list):
        left, right, kind, other = right, left, other, kind
    if other is int and kind in (str, list):
        return _repeat(left, right, scope, site)
    if kind in (int, float, Decimal) and other is timedelta:
        left, right, kind, other = right, left, other, kind
    if kind is timedelta and other in _NUMBERS:
        return _scale(left, Decimal(right), site)
    raise _refuse("*", left, right, site, names)


def divide(left: Value, right: Value, _scope: Scope, site: Site, names: Names) -> Value:
    """Return left / right; two ints give a float, durations a ratio."""
    kind, other = type(left), type(right)
    if kind in _NUMBERS and other in _NUMBERS:
        return _calculate("/", left, right, site, names)
    if kind is timedelta and other in (timedelta, int, float, Decimal):
        if not right:
            raise _zero(site, names)
        return (
            left / right
            if other is timedelta
            else _scale(left, CONTEXT.divide(Decimal(1), Decimal(right)), site)
        )
    raise _refuse("/", left, right, site, names)


def divide_down(left: Value, right: Value, _scope: Scope, site: Site, names: Names) -> Value:
    """Return left // right, rounded down."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return _calculate("//", left, right, site, names)
    if type(left) is timedelta and type(right) is timedelta:
        if not right:
            raise _zero(site, names)
        return left // right
    raise _refuse("//", left, right, site, names)


def remainder(left: Value, right: Value, _scope: Scope, site: Site, names: Names) -> Value:
    """Return what is left of a division rounded down; the sign is the divisor's."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return _calculate("%", left, right, site, names)
    if type(left) is timedelta and type(right) is timedelta:
        if not right:
            raise _zero(site, names)
        return left % right
    if type(left) is str:
        raise site.error("wrong-type", "% does not format texts here.", 'Write f"… {value} …".')
    raise _refuse("%", left, right, site, names)


def power(left: Value, right: Value, _scope: Scope, site: Site, names: Names) -> Value:
    """Return left ** right; a whole result must fit 64 bits."""
    kind, other = type(left), type(right)
    if kind not in _NUMBERS or other not in _NUMBERS:
        raise _refuse("**", left, right, site, names)
    if kind is int and other is int and right >= 0:
        if abs(left) > 1 and (abs(left).bit_length() - 1) * right > 64:
            raise _too_large(site)
        return check_int(left ** (right if abs(left) > 1 else min(right, 2 - right % 2)), site)
    return _calculate("**", left, right, site, names)


def negate(value: Value, site: Site, name: str) -> Value:
    """Return -value."""
    if type(value) is int:
        return check_int(-value, site)
    if type(value) in (float, timedelta):
        return -value
    if type(value) is Decimal:
        return CONTEXT.minus(value)
    raise site.error("wrong-type", f"{describe(value, name)}: there is no negative of it.")


def join_mappings(left: Value, right: Value, scope: Scope, site: Site, names: Names) -> Value:
    """Return left | right: both mappings in one, the right one winning."""
    if type(left) is dict and type(right) is dict:
        if len(left) + len(right) > SMALL:
            grow(scope, 16 * (len(left) + len(right)), site)
        return {**left, **right}
    error = _refuse("|", left, right, site, names)
    error.hint = error.hint or "`|` joins mappings; write `or` for a choice."
    raise error


def check_int(number: int, site: Site) -> int:
    """Return a whole number that fits 64 bits."""
    if SMALLEST_INT <= number <= LARGEST_INT:
        return number
    raise _too_large(site)


def check_float(number: float, site: Site) -> float:
    """Return a finite number."""
    if math.isfinite(number):
        return number
    raise _too_large(site)


def _calculate(sign: str, left: Any, right: Any, site: Site, names: Names) -> Any:
    kind, other = type(left), type(right)
    try:
        if kind is Decimal or other is Decimal:
            if kind is float or other is float:
                raise _mixed(left, right, site, names)
            return _calculate_decimal(sign, left, right)
        result = left**right if sign == "**" else _ON_INTS[sign](left, right)
    except ZeroDivisionError:
        raise _zero(site, names) from None
    except decimal.DivisionByZero:
        raise _zero(site, names) from None
    except (OverflowError, decimal.Overflow):
        raise _too_large(site) from None
    except decimal.InvalidOperation:
        raise site.error(
            "no-number", f"{names[0]} {sign} {names[1]} has no result that is a number."
        ) from None
    if type(result) is int:
        return check_int(result, site)
    if type(result) is complex:
        raise site.error("no-number", f"{names[0]} {sign} {names[1]} has no result that is a number.")
    return check_float(result, site)


def _calculate_decimal(sign: str, left: Any, right: Any) -> Decimal:
    one, two = Decimal(left), Decimal(right)
    match sign:
        case "+":
            return CONTEXT.add(one, two)
        case "-":
            return CONTEXT.subtract(one, two)
        case "*":
            return CONTEXT.multiply(one, two)
        case "/":
            return CONTEXT.divide(one, two)
        case "**":
            if not one and two < 0:
                raise ZeroDivisionError
            return CONTEXT.power(one, two)
    if not two:
        raise ZeroDivisionError
    whole = CONTEXT.divide_int(one, two)  # towards zero, as decimals do; ints and floats round down
    rest = CONTEXT.subtract(one, CONTEXT.multiply(whole, two))
    if rest and (rest < 0) != (two < 0):
        whole, rest = CONTEXT.subtract(whole, Decimal(1)), CONTEXT.add(rest, two)
    return whole if sign == "//" else rest


def _repeat(value: str | list[Any], times: int, scope: Scope, site: Site) -> str | list[Any]:
    total = len(value) * max(0, times)
    if type(value) is list and total:
        meter = meter_of(scope)
        meter.grow(times * measure(value, meter, site), site)
    elif total > SMALL:
        grow(scope, total, site)
    return value * times


def _shift(moment: Any, span: timedelta, site: Site) -> Any:
    try:
        if type(moment) is datetime:
            return (moment.astimezone(UTC) + span).astimezone(moment.tzinfo)
        if type(moment) is timedelta:
            return _in_bounds(moment + span, site)
        if span % timedelta(days=1):
            raise site.error(
                "wrong-type",
                "A date moves by whole days only.",
                'Write a datetime, or a duration such as duration("3d").',
            )
        return moment + span
    except OverflowError:
        raise site.error("out-of-range", "This is before the year 1 or after the year 9999.") from None


def _scale(span: timedelta, factor: Decimal, site: Site) -> timedelta:
    try:
        micros = CONTEXT.multiply(Decimal(span // timedelta(microseconds=1)), factor)
        return _in_bounds(timedelta(microseconds=int(micros.to_integral_value(context=CONTEXT))), site)
    except (OverflowError, decimal.DecimalException):
        raise site.error("out-of-range", "This duration is too long.") from None


def _in_bounds(span: timedelta, site: Site) -> timedelta:
    if abs(span) > 100 * LONGEST_DURATION:
        raise site.error("out-of-range", "This duration is too long.")
    return span


def _refuse(sign: str, left: Value, right: Value, site: Site, names: Names) -> EvaluationError:
    for value, name in ((left, names[0]), (right, names[1])):
        if value is None:
            return site.error("null", f"{name} is null: `{sign}` needs a value.",
                              f"Say what stands in its place, as in `({name} or 0)`.")  # fmt: skip
    hint = ""
    if str in (type(left), type(right)) and sign == "+":
        name = names[1] if type(left) is str else names[0]
        hint = f'Write f"…{{…}}", text({name}), or number(…) for a sum.'
    elif str in (type(left), type(right)):
        hint = f"Convert it: number({names[0] if type(left) is str else names[1]})."
    elif bool in (type(left), type(right)):
        hint = "true and false are no numbers here; `1 if … else 0` makes one."
    return site.error(
        "wrong-type",
        f"{describe(left, names[0])} and {describe(right, names[1])}: `{sign}` does not go with them.",
        hint,
    )


def _mixed(left: Value, right: Value, site: Site, names: Names) -> EvaluationError:
    name = names[0] if type(left) is float else names[1]
    return site.error(
        "float-and-decimal",
        f"{describe(left, names[0])} and {describe(right, names[1])}: a float is not exact enough for a decimal.",
        f"Write decimal({name}).",
    )


def _zero(site: Site, names: Names) -> EvaluationError:
    divisor = names[1]
    can_be_asked = "**" not in site.text and not divisor[:1].isdigit()
    hint = f"Say what holds then, as in `… if {divisor} != 0 else null`." if can_be_asked else ""
    return site.error("division-by-zero", f"Division by zero in `{site.text[:100]}`.", hint)


def _too_large(site: Site) -> EvaluationError:
    return site.error(
        "number-too-large", "The result is too large: whole numbers have 64 bits.", 'Use decimal("…").'
    )
