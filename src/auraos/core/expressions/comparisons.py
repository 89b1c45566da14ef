"""Equality, order and membership of values: like Python's, but a truth value is no number and null has no order."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from auraos.core.expressions.errors import CallError, EvaluationError, Site
from auraos.core.expressions.meter import Meter, meter_of
from auraos.core.values import Value, type_name

Scope: TypeAlias = dict[str, Any]
Names: TypeAlias = tuple[str, str]

LARGE_TEXT = 4096
_NUMBERS = frozenset({int, float, Decimal})
_SCALARS = frozenset({int, float, Decimal, str, bool, type(None), date, timedelta})
_HASHABLE = _SCALARS | {datetime}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def equal(left: Value, right: Value, meter: Meter) -> bool:
    """Return whether two values are the same: numbers by amount, moments by instant, lists and mappings by content."""
    kind = type(left)
    other = type(right)
    if kind is str or other is str or kind is bool or other is bool or left is None or right is None:
        if kind is other is str and len(left) > LARGE_TEXT:
            meter.spend(len(left) >> 8)
        return kind is other and bool(left == right)
    if kind in _NUMBERS:
        return other in _NUMBERS and bool(left == right)
    if kind is datetime:
        return other is datetime and instant(left) == instant(right)
    if kind is list or kind is dict:
        return kind is other and _equal_deep(left, right, meter)
    return kind is other and bool(left == right)


def _equal_deep(left: Value, right: Value, meter: Meter) -> bool:
    if len(left) != len(right):
        return False
    meter.spend(len(left) + 1)
    if type(left) is dict:
        if left.keys() != right.keys():
            return False
        pairs: Iterable[tuple[Any, Any]] = ((value, right[key]) for key, value in left.items())
    else:
        pairs = zip(left, right, strict=True)
    for one, two in pairs:
        kind = type(one)
        if kind is list or kind is dict:
            if kind is not type(two) or not _equal_deep(one, two, meter):
                return False
        elif not equal(one, two, meter):
            return False
    return True


def contains(item: Value, whole: Value, scope: Scope, site: Site, names: Names) -> bool:
    """Return whether a list holds an equal item, a mapping the key, or a text the part."""
    match whole:
        case list():
            return holds(whole, item, meter_of(scope))
        case dict():
            return type(item) is str and item in whole
        case str():
            if type(item) is str:
                if len(whole) > LARGE_TEXT:
                    meter_of(scope).spend(len(whole) >> 6, site)
                return item in whole
            raise site.error(
                "wrong-type", f"{describe(item, names[0])} cannot be in a text; only a text can."
            )
        case None:
            raise site.error(
                "null",
                f"{names[1]} is null, so nothing can be looked for in it.",
                f"Write `({names[1]} or [])`.",
            )
    raise site.error("wrong-type", f"{describe(whole, names[1])} holds nothing that could be looked for.")


def holds(items: list[Value], item: Value, meter: Meter) -> bool:
    """Return whether a list holds an item equal to this one."""
    if type(item) is str or item is None:
        meter.spend(len(items) >> 4)
        return item in items
    meter.spend(len(items) >> 1)
    return any(equal(one, item, meter) for one in items)


def instant(moment: datetime) -> timedelta:
    """Return where a moment lies on the line of time; unlike in UTC, this is no date, so none lies beyond the calendar."""
    return moment.replace(tzinfo=UTC) - _EPOCH - (moment.utcoffset() or timedelta(0))


def order_key(kind: type) -> Callable[[Any], Any] | None:
    """Return what to sort values of this kind by: themselves, moments by instant; None where there is no order."""
    if kind is datetime:
        return instant
    return (lambda value: value) if kind in _SCALARS and kind not in (bool, type(None)) else None


def are_ordered(left: Value, right: Value) -> bool:
    """Return whether one of two values can be said to be less than the other."""
    kind, other = type(left), type(right)
    if kind in _NUMBERS:
        return other in _NUMBERS
    return kind is other and (kind is str or kind is datetime or kind is date or kind is timedelta)


def compare(
    left: Value, right: Value, sign: str, test: Callable[[Any, Any], bool], site: Site, names: Names
) -> bool:
    """Return whether left < right (or the like); null and unlike kinds are errors that name what was compared."""
    if are_ordered(left, right):
        if type(left) is datetime:
            return test(instant(left), instant(right))
        return test(left, right)
    for value, name in ((left, names[0]), (right, names[1])):
        if value is None:
            raise site.error(
                "null-compared",
                f"{name} is null, so it cannot be compared with `{sign}`.",
                f"Say what holds then, as in `({name} or 0) {sign} …` or `{name} != null and …`.",
            )
    raise site.error(
        "wrong-type",
        f"{describe(left, names[0])} and {describe(right, names[1])}: they cannot be compared with `{sign}`.",
        convert_hint(left, right, names),
    )


def describe(value: Value, name: str) -> str:
    """Say what a named value is: `input.total` is text "12"."""
    kind = type_name(value)
    shown = ""
    if kind in ("text", "int", "float", "decimal", "bool"):
        text = str(value)
        short = text if len(text) <= 30 else text[:29] + "…"
        shown = f' "{short}"' if kind == "text" else f" {short.lower() if kind == 'bool' else short}"
        if name in (text, repr(value), f'"{text}"', f"{value}".lower()):
            return f"{name} is {kind}"
    return f"{name} is {kind}{shown}"


def convert_hint(left: Value, right: Value, names: Names) -> str:
    """Say how two unlike values could be brought together, where there is a usual way."""
    kinds = (type_name(left), type_name(right))
    numbers = ("int", "float", "decimal")
    for index in (0, 1):
        mine, other, name = kinds[index], kinds[1 - index], names[index]
        if mine == "text" and other in numbers:
            return f"Convert it: number({name})."
        if mine == "text" and other in ("date", "datetime", "duration"):
            return f"Convert it: {other}({name})."
        if mine == "date" and other == "datetime":
            return f"Compare dates with dates: {names[1 - index]}.date()."
        if mine == "bool" and other in numbers:
            return "true and false are no numbers here."
    return ""


class Members:
    """A list of constants prepared for `in`: one look instead of a walk, with `true` apart from 1."""

    __slots__ = ("bools", "only_text", "values")

    def __init__(self, values: list[Value]) -> None:
        self.bools = frozenset(value for value in values if type(value) is bool)
        self.values = frozenset(value for value in values if type(value) is not bool)
        self.only_text = all(type(value) is str for value in values)

    def holds(self, value: Value) -> bool:
        """Return whether the list holds an equal value."""
        kind = type(value)
        if kind is bool:
            return value in self.bools
        return kind in _HASHABLE and value in self.values


def unique(items: Iterable[Value], meter: Meter) -> list[Value]:
    """Return the items without those equal to an earlier one, in order."""
    seen: set[Any] = set()
    kept: list[Value] = []
    for item in items:
        mark = freeze(item, meter)
        if mark not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


def freeze(value: Value, meter: Meter) -> Any:
    """Return something hashable that is equal exactly where the values are."""
    kind = type(value)
    if kind is bool:
        return (bool, value)
    if kind is list:
        meter.spend(len(value) + 1)
        return (list, tuple([freeze(item, meter) for item in value]))
    if kind is dict:
        meter.spend(2 * len(value) + 1)
        return (dict, frozenset([(key, freeze(item, meter)) for key, item in value.items()]))
    return (datetime, instant(value)) if kind is datetime else value


def at(site: Site, error: CallError) -> EvaluationError:
    """Return a function's complaint as the error of this place."""
    return site.error(error.code, error.message, error.hint)
