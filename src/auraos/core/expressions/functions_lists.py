"""Functions over lists: counting, adding up, ordering, choosing."""

from typing import Any

from auraos.core.expressions.comparisons import unique as without_repetition
from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.numbers import add_up, to_mean, whole
from auraos.core.expressions.ordering import group, least, sort
from auraos.core.expressions.registry import Library, Number, Scope
from auraos.core.values import type_name

LISTS = Library("lists")


@LISTS.function()
def len_(value: str | list[Any] | dict[str, Any]) -> int:
    """Return how many characters, items or fields there are.

    >>> len([1, 2, 3])
    3
    """
    return len(value)


@LISTS.function(like="items.item")
def sum_(items: list[Any]) -> Any:
    """Return the sum of the numbers or durations of a list; 0 for an empty one. Decimals stay exact.

    >>> sum([1, 2, decimal("0.5")])
    decimal("3.5")
    """
    return add_up(items)


@LISTS.function()
def average(items: list[Any]) -> Any:
    """Return the mean of the numbers of a list, null for an empty one.

    >>> average([1, 2, 6])
    3.0
    """
    return to_mean(items)


@LISTS.function()
def median(items: list[Any]) -> Any:
    """Return the middle of the numbers of a list, null for an empty one.

    >>> median([5, 1, 3])
    3
    """
    if not items:
        return None
    add_up(items)
    ordered = sorted(items)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else to_mean(ordered[middle - 1 : middle + 1])


@LISTS.function(like="values")
def min_(*values: Any) -> Any:
    """Return the least item of a list, or the least of several values. Null is passed over; null when there is nothing.

    >>> min([3, 1, 2])
    1
    """
    return least(_spread("min", values), greatest=False)


@LISTS.function(like="values")
def max_(*values: Any) -> Any:
    """Return the greatest item of a list, or the greatest of several values. Null is passed over.

    >>> max(3, 10, 2)
    10
    """
    return least(_spread("max", values), greatest=True)


def _spread(name: str, values: tuple[Any, ...]) -> list[Any]:
    if len(values) != 1:
        return list(values)
    if type(values[0]) is list:
        return values[0]
    raise CallError("wrong-type", f"{name}() takes a list or several values, not one {type_name(values[0])}.")


@LISTS.function()
def any_(items: list[Any]) -> bool:
    """Return whether some item is true (neither null, false, 0 nor empty).

    >>> any(x > 2 for x in [1, 2, 3])
    true
    """
    return any(items)


@LISTS.function()
def all_(items: list[Any]) -> bool:
    """Return whether every item is true; so it is for an empty list.

    >>> all(x > 2 for x in [1, 2, 3])
    false
    """
    return all(items)


@LISTS.function()
def count(items: list[Any]) -> int:
    """Return how many items are true.

    >>> count(x > 1 for x in [1, 2, 3])
    2
    """
    return sum(1 for item in items if item)


@LISTS.function(like="items.self")
def sorted_(
    scope: Scope, items: list[Any], by: str | list[Any] | None = None, descending: bool = False
) -> list[Any]:
    """Return the items in order: by themselves, by a field, or by several fields. Null goes last.

    >>> [p.n for p in sorted([{"n": 2}, {"n": 1}], by="n")]
    [1, 2]
    """
    return sort(items, by, descending, meter_of(scope))


@LISTS.function(like="items.self")
def reversed_(items: list[Any]) -> list[Any]:
    """Return the items, last first.

    >>> reversed([1, 2])
    [2, 1]
    """
    return items[::-1]


@LISTS.function(like="items.self")
def unique(scope: Scope, items: list[Any]) -> list[Any]:
    """Return the items without those equal to an earlier one.

    >>> unique([1, 2, 1])
    [1, 2]
    """
    return without_repetition(items, meter_of(scope))


@LISTS.function(like="items.item")
def first(items: list[Any]) -> Any:
    """Return the first item, null when there is none.

    >>> first([7, 8])
    7
    """
    return items[0] if items else None


@LISTS.function(like="items.item")
def last(items: list[Any]) -> Any:
    """Return the last item, null when there is none.

    >>> last([7, 8])
    8
    """
    return items[-1] if items else None


@LISTS.function()
def flatten(scope: Scope, items: list[Any]) -> list[Any]:
    """Return a list of the items of the lists in a list; one level deep.

    >>> flatten([[1, 2], [3], 4])
    [1, 2, 3, 4]
    """
    meter = meter_of(scope)
    result: list[Any] = []
    for item in items:
        if type(item) is list:
            meter.grow(8 * len(item))
            result.extend(item)
        else:
            result.append(item)
    return result


@LISTS.function()
def range_(scope: Scope, start: int, stop: int | None = None, step: int = 1) -> list[int]:
    """Return whole numbers in a row: up to one, or from one up to another, the end not included.

    >>> range(1, 4)
    [1, 2, 3]
    """
    if step == 0:
        raise CallError("wrong-type", "range() cannot go in steps of 0.")
    low, high = (0, start) if stop is None else (start, stop)
    meter_of(scope).grow(8 * max(0, -((low - high) // step)))
    return list(range(low, high, step))


@LISTS.function()
def enumerate_(scope: Scope, items: list[Any], start: int = 0) -> list[list[Any]]:
    """Return [number, item] for each item.

    >>> enumerate(["a", "b"], start=1)
    [[1, "a"], [2, "b"]]
    """
    whole(start + len(items))
    meter_of(scope).spend(len(items))
    return [[index, item] for index, item in enumerate(items, start)]


@LISTS.function()
def zip_(scope: Scope, *lists: list[Any]) -> list[list[Any]]:
    """Return lists of the first items, the second items and so on, as far as all lists go.

    >>> zip([1, 2], ["a", "b"])
    [[1, "a"], [2, "b"]]
    """
    meter_of(scope).spend(min(map(len, lists), default=0) * (1 + len(lists) // 4))
    return [list(row) for row in zip(*lists, strict=False)]


@LISTS.function()
def group_by(scope: Scope, items: list[Any], by: str) -> list[dict[str, Any]]:
    """Return the items grouped by a field, as {key, items}, in order of the first item of each.

    >>> [[g.key, len(g["items"])] for g in group_by([{"c": "DE"}, {"c": "FR"}, {"c": "DE"}], "c")]
    [["DE", 2], ["FR", 1]]
    """
    return group(items, by, meter_of(scope))


@LISTS.function()
def coalesce(*values: Any) -> Any:
    """Return the first value that is not null.

    >>> coalesce(null, 0, 5)
    0
    """
    return next((value for value in values if value is not None), None)


@LISTS.function()
def list_(value: list[Any] | dict[str, Any] | str | None) -> list[Any]:
    """Return a list: a list as it is, a mapping's keys, a text's characters, nothing of null.

    >>> list("ab")
    ["a", "b"]
    """
    return [] if value is None else list(value)


@LISTS.function()
def percentile(items: list[Any], percent: Number) -> Any:
    """Return the value below which so many percent of the numbers lie (nearest rank); null for an empty list.

    >>> percentile([10, 20, 30, 40], 50)
    20
    """
    if not 0 <= percent <= 100:
        raise CallError("out-of-range", "A percentile lies between 0 and 100.")
    if not items:
        return None
    add_up(items)
    ordered = sorted(items)
    return ordered[max(0, -(-len(ordered) * int(percent * 1000) // 100_000) - 1)]
