"""Methods of lists, so that work reads from left to right: `orders.sort("total").take(3).pluck("id")`."""

from typing import Any

from auraos.core.expressions.comparisons import equal, holds
from auraos.core.expressions.comparisons import unique as without_repetition
from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.numbers import add_up, to_mean
from auraos.core.expressions.ordering import group, least, picker
from auraos.core.expressions.ordering import sort as sort_by
from auraos.core.expressions.registry import Library, Scope
from auraos.core.expressions.texts import to_text
from auraos.core.values import type_name

LIST_METHODS = Library("lists")


@LIST_METHODS.method(list, like="item")
def first(items: list[Any]) -> Any:
    """Return the first item, null when there is none.

    >>> [7, 8].first()
    7
    """
    return items[0] if items else None


@LIST_METHODS.method(list, like="item")
def last(items: list[Any]) -> Any:
    """Return the last item, null when there is none.

    >>> [7, 8].last()
    8
    """
    return items[-1] if items else None


@LIST_METHODS.method(list, like="self")
def take(items: list[Any], count: int) -> list[Any]:
    """Return the first few items.

    >>> [1, 2, 3].take(2)
    [1, 2]
    """
    return items[: max(0, count)]


@LIST_METHODS.method(list, like="self")
def skip(items: list[Any], count: int) -> list[Any]:
    """Return the items after the first few.

    >>> [1, 2, 3].skip(2)
    [3]
    """
    return items[max(0, count) :]


@LIST_METHODS.method(list, like="self")
def sort(
    scope: Scope, items: list[Any], by: str | list[Any] | None = None, descending: bool = False
) -> list[Any]:
    """Return the items in order: by themselves, by a field, or by several fields. Null goes last.

    >>> [3, null, 1].sort()
    [1, 3, null]
    """
    return sort_by(items, by, descending, meter_of(scope))


@LIST_METHODS.method(list, like="self")
def reverse(items: list[Any]) -> list[Any]:
    """Return the items, last first.

    >>> [1, 2].reverse()
    [2, 1]
    """
    return items[::-1]


@LIST_METHODS.method(list, like="self")
def unique(scope: Scope, items: list[Any], by: str | None = None) -> list[Any]:
    """Return the items without those equal to an earlier one, or equal to it in one field.

    >>> [1, 2, 1, 1.0].unique()
    [1, 2]
    """
    meter = meter_of(scope)
    return (
        without_repetition(items, meter)
        if by is None
        else [part["items"][0] for part in group(items, by, meter)]
    )


@LIST_METHODS.method(list)
def pluck(items: list[Any], field: str) -> list[Any]:
    """Return one field of each item.

    >>> [{"a": {"b": 1}}, {"a": null}].pluck("a.b")
    [1, null]
    """
    return list(map(picker(field), items))


@LIST_METHODS.method(list, like="self")
def where(scope: Scope, items: list[Any], field: str, value: Any) -> list[Any]:
    """Return the items of which a field has a value.

    >>> [{"c": "DE", "n": 1}, {"c": "FR", "n": 2}].where("c", "FR").pluck("n")
    [2]
    """
    key, meter = picker(field), meter_of(scope)
    return [item for item in items if equal(key(item), value, meter)]


@LIST_METHODS.method(list, like="self")
def without(scope: Scope, items: list[Any], *values: Any) -> list[Any]:
    """Return the items that equal none of these values; without values, those that are not null.

    >>> [1, null, 2].without()
    [1, 2]
    """
    meter, dropped = meter_of(scope), list(values) or [None]
    return [item for item in items if not holds(dropped, item, meter)]


@LIST_METHODS.method(list)
def join(scope: Scope, items: list[Any], separator: str = "") -> str:
    """Return the items as one text.

    >>> ["a", 1, null].join("-")
    "a-1-"
    """
    meter = meter_of(scope)
    parts = [to_text(item, meter) for item in items]
    meter.grow(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


@LIST_METHODS.method(list)
def contains(scope: Scope, items: list[Any], value: Any) -> bool:
    """Return whether an item equals the value.

    >>> [1, 2].contains(2)
    true
    """
    return holds(items, value, meter_of(scope))


@LIST_METHODS.method(list)
def index(scope: Scope, items: list[Any], value: Any) -> int:
    """Return the place of the first item that equals the value, counted from 0; -1 where none does.

    >>> ["a", "b"].index("b")
    1
    """
    meter = meter_of(scope)
    return next((place for place, item in enumerate(items) if equal(item, value, meter)), -1)


@LIST_METHODS.method(list)
def count(scope: Scope, items: list[Any], value: Any) -> int:
    """Return how many items equal the value.

    >>> [1, 2, 1].count(1)
    2
    """
    meter = meter_of(scope)
    return sum(1 for item in items if equal(item, value, meter))


@LIST_METHODS.method(list, like="item")
def sum_(items: list[Any]) -> Any:
    """Return the sum of the numbers; 0 when there are none.

    >>> [1, 2].sum()
    3
    """
    return add_up(items)


@LIST_METHODS.method(list)
def average(items: list[Any]) -> Any:
    """Return the mean of the numbers, null when there are none.

    >>> [1, 2].average()
    1.5
    """
    return to_mean(items)


@LIST_METHODS.method(list, like="item")
def min_(items: list[Any], by: str | None = None) -> Any:
    """Return the least item, or the item whose field is least; null when there is none.

    >>> [{"n": 2}, {"n": 1}].min("n").n
    1
    """
    return _extreme(items, by, greatest=False)


@LIST_METHODS.method(list, like="item")
def max_(items: list[Any], by: str | None = None) -> Any:
    """Return the greatest item, or the item whose field is greatest; null when there is none.

    >>> [3, 9, 4].max()
    9
    """
    return _extreme(items, by, greatest=True)


def _extreme(items: list[Any], by: str | None, *, greatest: bool) -> Any:
    key = picker(by)
    keys = [key(item) for item in items]
    best = least(keys, greatest=greatest)
    return next((item for item, value in zip(items, keys, strict=True) if value is best), None)


@LIST_METHODS.method(list)
def chunk(scope: Scope, items: list[Any], size: int) -> list[list[Any]]:
    """Return the items in lists of a size; the last may be shorter.

    >>> [1, 2, 3].chunk(2)
    [[1, 2], [3]]
    """
    if size < 1:
        raise CallError("out-of-range", "A chunk holds at least one item.")
    meter_of(scope).spend(len(items) // size)
    return [items[start : start + size] for start in range(0, len(items), size)]


@LIST_METHODS.method(list)
def group_by(scope: Scope, items: list[Any], by: str) -> list[dict[str, Any]]:
    """Return the items grouped by a field, as {key, items}, in order of the first item of each.

    >>> [{"c": 1}, {"c": 2}, {"c": 1}].group_by("c").pluck("key")
    [1, 2]
    """
    return group(items, by, meter_of(scope))


@LIST_METHODS.method(list)
def index_by(items: list[Any], by: str) -> dict[str, Any]:
    """Return a mapping from a field's text to the item; a later equal one wins.

    >>> [{"id": "a", "n": 1}].index_by("id").a.n
    1
    """
    key = picker(by)
    return {_key(key(item)): item for item in items}


@LIST_METHODS.method(list)
def count_by(items: list[Any], by: str) -> dict[str, int]:
    """Return how many items have each text in a field.

    >>> [{"c": "DE"}, {"c": "FR"}, {"c": "DE"}].count_by("c")
    {"DE": 2, "FR": 1}
    """
    counts: dict[str, int] = {}
    for value in map(picker(by), items):
        key = _key(value)
        counts[key] = counts.get(key, 0) + 1
    return counts


def _key(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise CallError("wrong-type", f"A mapping's keys are texts, and one field is {type_name(value)}.")


@LIST_METHODS.method(list)
def to_mapping(items: list[Any]) -> dict[str, Any]:
    """Return a mapping of [key, value] pairs.

    >>> [["a", 1], ["b", 2]].to_mapping()
    {"a": 1, "b": 2}
    """
    if not all(type(item) is list and len(item) == 2 for item in items):
        raise CallError("wrong-type", "Each item must be a list of a key and a value.")
    return {_key(key): value for key, value in items}
