"""`list.group`, `list.join`, `list.aggregate`, `list.pivot`: lists of mappings worked on as tables."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from auraos.core.values import to_plain, type_name
from auraos.sdk import Effect, Example, StepFailed, Value, deferred, step_type
from auraos.steps.kinds import Items
from auraos.steps.measures import Measure, measure
from auraos.steps.reading import identity, reader

MOST_ROWS = 1_000_000


class GroupSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What brings items together."""

    items: Items
    by: Annotated[
        Any, deferred("item", "index"), msgspec.Meta(description="A field's name or an expression.")
    ]


@step_type(
    "list.group",
    title="Group a list",
    effect=Effect.PURE,
    output={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"key": {}, "count": {"type": "integer"}, "items": {"type": "array"}},
            "required": ["key", "count", "items"],
        },
    },
    examples=(
        Example(
            title="Lines by article",
            settings={
                "items": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}, {"sku": "A", "n": 3}],
                "by": "sku",
            },
            output=[
                {"key": "A", "count": 2, "items": [{"sku": "A", "n": 1}, {"sku": "A", "n": 3}]},
                {"key": "B", "count": 1, "items": [{"sku": "B", "n": 2}]},
            ],
        ),
    ),
)
def group_list(settings: GroupSettings) -> list[dict[str, Value]]:
    """Brings together the items that have the same key.

    The output is a list of `{key, count, items}` in the order in which the keys first appear.
    """
    read = reader(settings.by)
    groups: dict[Any, dict[str, Value]] = {}
    for index, item in enumerate(settings.items):
        key = read(item, index)
        group = groups.setdefault(identity(key), {"key": key, "count": 0, "items": []})
        group["count"] += 1
        group["items"].append(item)
    return list(groups.values())


class JoinSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Two lists of mappings, and what connects their rows."""

    left: Annotated[list[dict[str, Any]], msgspec.Meta(description="The first list of mappings.")]
    right: Annotated[list[dict[str, Any]], msgspec.Meta(description="The second list of mappings.")]
    on: Annotated[
        str | list[str] | dict[str, str],
        msgspec.Meta(
            description="The field, or fields, that must be equal; `{left: right}` where names differ."
        ),
    ]
    how: Annotated[
        Literal["inner", "left", "outer"],
        msgspec.Meta(description="Keep rows found on both sides; also all of the left; or all of both."),
    ] = "inner"
    prefix: Annotated[
        str, msgspec.Meta(description="Stands before a field of the right list that the left has as well.")
    ] = "right_"


@step_type(
    "list.join",
    title="Join two lists",
    effect=Effect.PURE,
    output={"type": "array", "items": {"type": "object"}},
    examples=(
        Example(
            title="Orders with the names of their customers",
            settings={
                "left": [{"order": 1, "customer": "c1"}, {"order": 2, "customer": "c9"}],
                "right": [{"id": "c1", "name": "Ada"}],
                "on": {"customer": "id"},
                "how": "left",
            },
            output=[
                {"order": 1, "customer": "c1", "id": "c1", "name": "Ada"},
                {"order": 2, "customer": "c9", "id": None, "name": None},
            ],
        ),
    ),
)
def join_lists(settings: JoinSettings) -> list[dict[str, Value]]:
    """Connects the rows of two lists whose keys are equal.

    A row with several partners appears with each; a null key has none. Every row has the fields of
    both lists, null where there is nothing to put.
    """
    pairs = _key_pairs(settings.on)
    partners: dict[Any, list[int]] = {}
    for position, row in enumerate(settings.right):
        key = _row_key(row, [right for _, right in pairs])
        if key is not None:
            partners.setdefault(key, []).append(position)
    merge = _Merge(settings, pairs)
    used: set[int] = set()
    joined: list[dict[str, Value]] = []
    for row in settings.left:
        key = _row_key(row, [left for left, _ in pairs])
        found = partners.get(key, []) if key is not None else []
        used.update(found)
        if len(joined) + len(found) > MOST_ROWS:
            raise StepFailed(
                f"The join has more than {MOST_ROWS:,} rows.",
                error_class="data",
                code="too-many-rows",
                hint="Join on a key that is unique in one of the lists.",
            )
        joined.extend(merge.rows(row, settings.right[position]) for position in found)
        if not found and settings.how != "inner":
            joined.append(merge.rows(row, None))
    if settings.how == "outer":
        joined.extend(merge.rows(None, row) for at, row in enumerate(settings.right) if at not in used)
    return joined


def _key_pairs(on: str | list[str] | dict[str, str]) -> list[tuple[str, str]]:
    if isinstance(on, dict) and on:
        return list(on.items())
    names = [on] if isinstance(on, str) else list(on)
    if not names:
        message = "list.join needs at least one field in 'on'."
        raise StepFailed(message, error_class="data", code="settings-refused")
    return [(name, name) for name in names]


def _row_key(row: Mapping[str, Value], names: list[str]) -> Any:
    values = [row.get(name) for name in names]
    return None if any(value is None for value in values) else tuple(identity(value) for value in values)


class _Merge:
    """How two rows become one: the left's fields, then the right's, renamed where both have one."""

    def __init__(self, settings: JoinSettings, pairs: list[tuple[str, str]]) -> None:
        left = dict.fromkeys(name for row in settings.left for name in row)
        shared = {right for left_name, right in pairs if left_name == right}
        right = dict.fromkeys(name for row in settings.right for name in row if name not in shared)
        self._left = list(left)
        self._right = {name: (settings.prefix + name if name in left else name) for name in right}
        self._shared = shared

    def rows(self, left: Mapping[str, Value] | None, right: Mapping[str, Value] | None) -> dict[str, Value]:
        """Return the row of both, either of which may be missing."""
        merged: dict[str, Value] = {}
        if left is None:
            merged = {name: (right or {}).get(name) if name in self._shared else None for name in self._left}
        else:
            merged.update(left)
        for name, written in self._right.items():
            merged[written] = None if right is None else right.get(name)
        return merged


class MeasureSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One measure."""

    function: Annotated[Measure, msgspec.Meta(description="What to compute.")]
    of: Annotated[
        Any, msgspec.Meta(description="Of what: a field's name or an expression; the item when left out.")
    ] = None


class AggregateSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to compute, and for which groups."""

    items: Items
    by: Annotated[
        dict[str, Any],
        deferred("item", "index"),
        msgspec.Meta(
            description="One output row per combination of these; one mapping in all when left out."
        ),
    ] = {}
    measures: Annotated[
        dict[str, MeasureSettings],
        deferred("item", "index"),
        msgspec.Meta(description="What to compute, by the name it gets.", min_length=1),
    ]


@step_type(
    "list.aggregate",
    title="Aggregate a list",
    effect=Effect.PURE,
    examples=(
        Example(
            title="Sum and count of all",
            settings={
                "items": [{"qty": 1}, {"qty": 4}],
                "measures": {"total": {"function": "sum", "of": "qty"}, "lines": {"function": "count"}},
            },
            output={"total": 5, "lines": 2},
        ),
        Example(
            title="Sum by article",
            settings={
                "items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}, {"sku": "A", "qty": 3}],
                "by": {"article": "sku"},
                "measures": {"total": {"function": "sum", "of": "qty"}},
            },
            output=[{"article": "A", "total": 4}, {"article": "B", "total": 2}],
        ),
    ),
)
def aggregate_list(settings: AggregateSettings) -> Value:
    """Computes sums, counts, means and their like, over all items or by group.

    Nulls do not count. Without `by` the output is one mapping; with it, a list with a row per
    group in the order of first appearance. Decimals stay exact.
    """
    if not settings.by:
        return _measured(settings.measures, list(enumerate(settings.items)))
    keys = {name: reader(source) for name, source in settings.by.items()}
    groups: dict[Any, tuple[dict[str, Value], list[tuple[int, Value]]]] = {}
    for index, item in enumerate(settings.items):
        row = {name: read(item, index) for name, read in keys.items()}
        groups.setdefault(identity(row), (row, []))[1].append((index, item))
    return [{**row, **_measured(settings.measures, members)} for row, members in groups.values()]


def _measured(measures: Mapping[str, MeasureSettings], members: list[tuple[int, Value]]) -> dict[str, Value]:
    measured = {}
    for name, wanted in measures.items():
        read = reader(wanted.of)
        measured[name] = measure(wanted.function, [read(item, index) for index, item in members])
    return measured


class PivotSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What becomes rows, columns and cells."""

    items: Items
    rows: Annotated[
        Any,
        deferred("item", "index"),
        msgspec.Meta(description="A field's name or an expression: one row each."),
    ]
    columns: Annotated[
        Any,
        deferred("item", "index"),
        msgspec.Meta(description="A field's name or an expression: one column each."),
    ]
    value: Annotated[
        Any,
        deferred("item", "index"),
        msgspec.Meta(description="What stands in the cells; the item when left out."),
    ] = None
    function: Annotated[Measure, msgspec.Meta(description="How several values of one cell become one.")] = (
        "sum"
    )
    row_name: Annotated[str, msgspec.Meta(description="The name of the field that holds the row's key.")] = (
        "row"
    )
    fill: Annotated[Any, msgspec.Meta(description="What stands in a cell without values.")] = None


@step_type(
    "list.pivot",
    title="Pivot a list",
    effect=Effect.PURE,
    output={"type": "array", "items": {"type": "object"}},
    examples=(
        Example(
            title="Articles by month",
            settings={
                "items": [
                    {"sku": "A", "month": "Jan", "qty": 1},
                    {"sku": "A", "month": "Feb", "qty": 2},
                    {"sku": "B", "month": "Feb", "qty": 5},
                ],
                "rows": "sku",
                "columns": "month",
                "value": "qty",
                "row_name": "sku",
                "fill": 0,
            },
            output=[{"sku": "A", "Jan": 1, "Feb": 2}, {"sku": "B", "Jan": 0, "Feb": 5}],
        ),
    ),
)
def pivot_list(settings: PivotSettings) -> list[dict[str, Value]]:
    """Turns values into columns: one row per row key, one field per column key.

    Rows and columns stand in the order of first appearance; every row has every column.
    """
    row_of, column_of, value_of = reader(settings.rows), reader(settings.columns), reader(settings.value)
    rows: dict[Any, tuple[Value, dict[str, list[Value]]]] = {}
    columns: dict[str, None] = {}
    for index, item in enumerate(settings.items):
        key, column = row_of(item, index), _column_name(column_of(item, index))
        columns[column] = None
        cells = rows.setdefault(identity(key), (key, {}))[1]
        cells.setdefault(column, []).append(value_of(item, index))
    if len(rows) * len(columns) > MOST_ROWS:
        raise StepFailed(
            f"The pivot has more than {MOST_ROWS:,} cells.",
            error_class="data",
            code="too-many-rows",
            hint="Choose a column with fewer different values.",
        )
    return [
        {settings.row_name: key}
        | {
            name: measure(settings.function, cells[name]) if name in cells else settings.fill
            for name in columns
        }
        for key, cells in rows.values()
    ]


def _column_name(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        raise StepFailed(
            f"A {type_name(value)} is no name of a column.", error_class="data", code="no-column-name"
        )
    return str(to_plain(value))
