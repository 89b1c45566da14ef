"""What can be measured of the values of a group: count, sum, mean and their like."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from auraos.core.values import ValueRefusedError, to_wire, type_name
from auraos.sdk import StepFailed, Value
from auraos.steps.reading import identity, one_kind, sort_key

Measure: TypeAlias = Literal[
    "count", "sum", "mean", "median", "min", "max", "first", "last", "list", "unique"
]


_COMPUTED = frozenset(("sum", "mean", "median"))


def measure(name: Measure, values: list[Value]) -> Value:
    """Return a measure of values. Nulls do not count; of nothing, `sum` and `count` are 0, others null."""
    present = [value for value in values if value is not None]
    try:
        measured = _MEASURES[name](present)
        if name in _COMPUTED:
            to_wire(measured)
    except (ArithmeticError, ValueRefusedError) as error:
        reason = error.message if isinstance(error, ValueRefusedError) else "The numbers are too large."
        raise StepFailed(
            f"The {name} is no number that can be kept. {reason}", error_class="data", code="number-too-large"
        ) from None
    return measured


def _sum(values: list[Value]) -> Value:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise StepFailed(
                f"A {type_name(value)} cannot be added up.",
                error_class="data",
                code="not-a-number",
                hint="Turn texts into numbers first, as with decimal(item.price).",
            )
    if any(isinstance(value, float) for value in values) and any(
        isinstance(value, Decimal) for value in values
    ):
        raise StepFailed(
            "Decimals and floats cannot be added up together.",
            error_class="data",
            code="mixed-numbers",
            hint="Turn all of them into decimals, as with decimal(item.price).",
        )
    return sum(values)


def _mean(values: list[Value]) -> Value:
    return _sum(values) / len(values) if values else None


def _median(values: list[Value]) -> Value:
    if not values:
        return None
    _sum(values)
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _distinct(values: list[Value]) -> list[Value]:
    kept: dict[Any, Value] = {}
    for value in values:
        kept.setdefault(identity(value), value)
    return list(kept.values())


def _extreme(choose: Callable[..., Any]) -> Callable[[list[Value]], Value]:
    def extreme(values: list[Value]) -> Value:
        keyed = [(sort_key(value), value) for value in values]
        one_kind(key for key, _ in keyed)
        return choose(keyed, key=lambda pair: pair[0][1])[1] if keyed else None

    return extreme


_MEASURES: dict[str, Callable[[list[Value]], Value]] = {
    "count": len,
    "sum": _sum,
    "mean": _mean,
    "median": _median,
    "min": _extreme(min),
    "max": _extreme(max),
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "list": lambda values: values,
    "unique": _distinct,
}
