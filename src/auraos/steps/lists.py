"""`list.filter`, `map`, `sort`, `unique`, `split`: one list in, lists out, in a defined order."""

from typing import Annotated, Any, Literal

import msgspec

from auraos.sdk import Effect, Example, StepFailed, Value, deferred, step_type
from auraos.steps.kinds import Items
from auraos.steps.reading import fill, identity, one_kind, predicate, reader, sort_key


class FilterSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which items stay."""

    items: Items
    where: Annotated[
        Any, deferred("item", "index"), msgspec.Meta(description="Keep an item when this holds for it.")
    ]


@step_type(
    "list.filter",
    title="Filter a list",
    effect=Effect.PURE,
    output={"type": "array"},
    examples=(
        Example(
            title="Lines of which something is ordered",
            settings={
                "items": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 0}],
                "where": "{{ item.qty > 0 }}",
            },
            output=[{"sku": "A", "qty": 2}],
        ),
    ),
)
def filter_list(settings: FilterSettings) -> list[Value]:
    """Keeps the items for which a condition holds.

    The condition reads `item` and `index`: `where: "{{ item.qty > 0 }}"`. The order stays.
    """
    holds = predicate(settings.where)
    return [item for index, item in enumerate(settings.items) if holds(item, index)]


class MapSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What each item becomes."""

    items: Items
    to: Annotated[
        Any,
        deferred("item", "index"),
        msgspec.Meta(description="What an item becomes: an expression, or a mapping with expressions in it."),
    ]


@step_type(
    "list.map",
    title="Map a list",
    effect=Effect.PURE,
    output={"type": "array"},
    examples=(
        Example(
            title="Number the lines",
            settings={
                "items": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}],
                "to": {"line": "{{ index + 1 }}", "sku": "{{ item.sku }}"},
            },
            output=[{"line": 1, "sku": "A"}, {"line": 2, "sku": "B"}],
        ),
    ),
)
def map_list(settings: MapSettings) -> list[Value]:
    """Turns each item into something else.

    The pattern reads `item` and `index`: `to: {sku: "{{ item.sku }}", line: "{{ index + 1 }}"}`.
    """
    return [fill(settings.to, item, index) for index, item in enumerate(settings.items)]


class SortSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """By what, and which way."""

    items: Items
    by: Annotated[
        Any,
        deferred("item", "index"),
        msgspec.Meta(
            description="A field's name, an expression, or a list of these; the item itself when left out."
        ),
    ] = None
    descending: Annotated[bool, msgspec.Meta(description="The largest first.")] = False
    nulls: Annotated[
        Literal["first", "last"],
        msgspec.Meta(description="Where items without a value go, whichever the direction."),
    ] = "last"


@step_type(
    "list.sort",
    title="Sort a list",
    effect=Effect.PURE,
    output={"type": "array"},
    examples=(
        Example(title="Numbers", settings={"items": [3, 1, 2]}, output=[1, 2, 3]),
        Example(
            title="By a field, the largest first",
            settings={"items": [{"qty": 1}, {"qty": 5}, {}], "by": "qty", "descending": True},
            output=[{"qty": 5}, {"qty": 1}, {}],
        ),
    ),
)
def sort_list(settings: SortSettings) -> list[Value]:
    """Puts items in order, by one key or by several.

    Items that are equal keep the order they had. Values of different kinds have no order:
    the step fails as class `data`.
    """
    sources = settings.by if isinstance(settings.by, list) else [settings.by]
    rows = list(enumerate(settings.items))
    for source in reversed(sources):
        rows = _sorted_by(rows, source, settings)
    return [item for _, item in rows]


def _sorted_by(rows: list[tuple[int, Value]], source: Any, settings: SortSettings) -> list[tuple[int, Value]]:
    read = reader(source)
    values = [(read(item, index), (index, item)) for index, item in rows]
    missing = [row for value, row in values if value is None]
    keyed = [(sort_key(value), row) for value, row in values if value is not None]
    one_kind(key for key, _ in keyed)
    keyed.sort(key=lambda pair: pair[0][1], reverse=settings.descending)
    present = [row for _, row in keyed]
    return missing + present if settings.nulls == "first" else present + missing


class UniqueSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What makes two items the same."""

    items: Items
    by: Annotated[
        Any,
        deferred("item", "index"),
        msgspec.Meta(description="A field's name or an expression; the whole item when left out."),
    ] = None
    keep: Annotated[Literal["first", "last"], msgspec.Meta(description="Which of the equal ones stays.")] = (
        "first"
    )


@step_type(
    "list.unique",
    title="Remove duplicates",
    effect=Effect.PURE,
    output={"type": "array"},
    examples=(
        Example(title="Whole items", settings={"items": [1, 2, 1, True]}, output=[1, 2, True]),
        Example(
            title="The last of each",
            settings={"items": [{"id": 1, "n": "a"}, {"id": 1, "n": "b"}], "by": "id", "keep": "last"},
            output=[{"id": 1, "n": "b"}],
        ),
    ),
)
def unique_list(settings: UniqueSettings) -> list[Value]:
    """Keeps one of the items that are the same.

    The order of first appearance stays, also with `keep: last`.
    """
    read = reader(settings.by)
    kept: dict[Any, Value] = {}
    for index, item in enumerate(settings.items):
        key = identity(read(item, index))
        if key not in kept or settings.keep == "last":
            kept[key] = item
    return list(kept.values())


class SplitSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where to cut: `size` for pieces, `where` for two heaps."""

    items: Items
    size: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(description="Cut into pieces of so many items."),
    ] = None
    where: Annotated[
        Any,
        deferred("item", "index"),
        msgspec.Meta(description="Part the items for which this holds from the rest."),
    ] = None


@step_type(
    "list.split",
    title="Split a list",
    effect=Effect.PURE,
    examples=(
        Example(title="In pieces", settings={"items": [1, 2, 3], "size": 2}, output=[[1, 2], [3]]),
        Example(
            title="In two heaps",
            settings={"items": [5, 12, 7], "where": "{{ item >= 10 }}"},
            output={"matching": [12], "rest": [5, 7]},
        ),
    ),
)
def split_list(settings: SplitSettings) -> Value:
    """Cuts a list into pieces of a size, or into the items that match and the rest.

    With `size` the output is a list of lists; with `where` it is `{matching, rest}`.
    """
    if (settings.size is None) == (settings.where is None):
        raise StepFailed(
            "list.split needs either 'size' or 'where'.", error_class="data", code="settings-refused"
        )
    items = settings.items
    if settings.size is not None:
        return [items[start : start + settings.size] for start in range(0, len(items), settings.size)]
    holds = predicate(settings.where)
    answers = [holds(item, index) for index, item in enumerate(items)]
    return {
        "matching": [item for item, answer in zip(items, answers, strict=True) if answer],
        "rest": [item for item, answer in zip(items, answers, strict=True) if not answer],
    }
