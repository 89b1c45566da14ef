"""Sorting, grouping and picking by fields: what functions and methods over lists share."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from auraos.core.expressions.comparisons import are_ordered, freeze, instant
from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import Meter
from auraos.core.values import Value, type_name


def _pick(item: Value, names: list[str]) -> Value:
    """Return the field of an item that these names lead to; null where there is none."""
    for name in names:
        if item is None:
            return None
        if not isinstance(item, dict):
            raise CallError("no-fields", f"An item is {type_name(item)}, which has no field {name!r}.")
        item = item.get(name)
    return item


def picker(by: str | None) -> Callable[[Value], Value]:
    """Return what picks the field that a path such as `customer.name` names, null where there is none; without a path, the
    item itself.
    """
    if by is None:
        return lambda item: item
    names = by.split(".")
    if len(names) > 1:
        return lambda item: _pick(item, names)

    def pick_one(item: Value) -> Value:
        return item.get(by) if type(item) is dict else _pick(item, names)

    return pick_one


def sort(items: list[Value], by: str | list[Value] | None, descending: bool, meter: Meter) -> list[Value]:
    """Return the items in order by a field, by several, or by themselves; equal ones keep their order, null goes last."""
    fields = by if isinstance(by, list) else [by]
    result = items
    for field in reversed(fields):
        if field is not None and type(field) is not str:
            raise CallError("wrong-type", f"sorted() goes by the names of fields, not {type_name(field)}.")
        meter.spend(2 * len(items))
        result = _sort_once(result, picker(field), descending)
    return result if result is not items else list(items)


def _sort_once(items: list[Value], key: Callable[[Value], Value], descending: bool) -> list[Value]:
    keyed = [(key(item), item) for item in items]
    present = [pair for pair in keyed if pair[0] is not None]
    check_ordered([pair[0] for pair in present])
    present.sort(key=_sort_key, reverse=descending)
    return [item for _, item in present] + [item for value, item in keyed if value is None]


def _sort_key(pair: tuple[Any, Any]) -> Any:
    return instant(pair[0]) if type(pair[0]) is datetime else pair[0]


def check_ordered(values: list[Value]) -> None:
    """Raise unless any two of these values can be compared."""
    for value in values:
        if not are_ordered(values[0], value):
            raise CallError(
                "wrong-type",
                f"{type_name(values[0])} and {type_name(value)} have no order among them.",
                "Bring them to one type, for instance by number(…).",
            )


def group(items: list[Value], by: str, meter: Meter) -> list[dict[str, Any]]:
    """Return the items grouped by the value of a field, groups in order of their first item."""
    key = picker(by)
    meter.spend(4 * len(items))
    groups: dict[Any, dict[str, Any]] = {}
    for item in items:
        value = key(item)
        mark = freeze(value, meter)
        if mark not in groups:
            groups[mark] = {"key": value, "items": []}
        groups[mark]["items"].append(item)
    return list(groups.values())


def least(values: list[Value], *, greatest: bool) -> Value:
    """Return the least or greatest of the values that are not null; null when there is none."""
    present = [value for value in values if value is not None]
    if not present:
        return None
    check_ordered(present)
    choose = max if greatest else min
    return choose(present, key=lambda value: instant(value) if type(value) is datetime else value)
