"""The list steps: order, equality and exactness are defined."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from auraos.sdk import StepFailed
from auraos.steps.lists import filter_list, map_list, sort_list, split_list, unique_list
from auraos.steps.tables import aggregate_list, group_list, join_lists, pivot_list

LINES = [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 5}, {"sku": "A", "qty": None}]


def code_of(step, settings):
    with pytest.raises(StepFailed) as failure:
        step.evaluate(settings)
    assert failure.value.error_class == "data"
    return failure.value.error_code


def test_filter_asks_each_item_with_its_index():
    where = lambda item, index: item > 1 and index < 2  # noqa: E731
    assert filter_list.evaluate({"items": [1, 2, 3], "where": where}) == [2]
    assert filter_list.evaluate({"items": [1], "where": False}) == []


def test_map_fills_every_expression_of_a_pattern():
    to = {"n": lambda item, index: item * 2, "at": [lambda item, index: index], "kind": "line"}
    assert map_list.evaluate({"items": [3], "to": to}) == [{"n": 6, "at": [0], "kind": "line"}]


def test_sort_keeps_the_order_of_equals_in_both_directions():
    items = [{"k": 1, "n": "a"}, {"k": 2, "n": "b"}, {"k": 1, "n": "c"}]
    assert [row["n"] for row in sort_list.evaluate({"items": items, "by": "k"})] == ["a", "c", "b"]
    down = sort_list.evaluate({"items": items, "by": "k", "descending": True})
    assert [row["n"] for row in down] == ["b", "a", "c"]


def test_sort_by_several_keys_orders_by_the_first_before_the_second():
    items = [{"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1}]
    by = ["a", lambda item, index: item["b"]]
    assert sort_list.evaluate({"items": items, "by": by}) == [items[2], items[1], items[0]]


def test_sort_puts_nulls_where_asked_whatever_the_direction():
    assert sort_list.evaluate({"items": [None, 2, 1], "descending": True}) == [2, 1, None]
    assert sort_list.evaluate({"items": [2, None, 1], "nulls": "first"}) == [None, 1, 2]


def test_sort_orders_numbers_of_all_kinds_and_points_in_time():
    assert sort_list.evaluate({"items": [2.5, Decimal("1.5"), 2]}) == [Decimal("1.5"), 2, 2.5]
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert sort_list.evaluate({"items": [late, early]}) == [early, late]


@pytest.mark.parametrize("items", [[1, "a"], [True, 1], [{}, {}], [[1], [2]]])
def test_values_without_a_common_order_are_refused(items):
    assert code_of(sort_list, {"items": items}) == "no-order"


def test_unique_tells_true_from_one_but_not_one_from_one_point_zero():
    assert unique_list.evaluate({"items": [1, True, 1.0, Decimal(1), "1"]}) == [1, True, "1"]


def test_unique_compares_mappings_whatever_the_order_of_their_keys():
    assert unique_list.evaluate({"items": [{"a": 1, "b": [2]}, {"b": [2], "a": 1}]}) == [{"a": 1, "b": [2]}]


def test_a_field_of_something_that_is_no_mapping_is_refused():
    assert code_of(unique_list, {"items": [1], "by": "id"}) == "no-field"


def test_split_needs_exactly_one_way_to_cut():
    assert code_of(split_list, {"items": [1]}) == "settings-refused"
    assert code_of(split_list, {"items": [1], "size": 1, "where": True}) == "settings-refused"
    assert code_of(split_list, {"items": [1], "size": 0}) == "settings-refused"
    odd = lambda item, index: item % 2  # noqa: E731
    assert split_list.evaluate({"items": [1, 2, 3], "where": odd}) == {"matching": [1, 3], "rest": [2]}


def test_group_keeps_keys_in_order_of_first_appearance():
    groups = group_list.evaluate({"items": LINES, "by": lambda item, index: item["sku"]})
    assert [(group["key"], group["count"]) for group in groups] == [("A", 2), ("B", 1)]


LEFT = [{"id": 1, "a": "x"}, {"id": 2, "a": "y"}, {"id": None, "a": "z"}]
RIGHT = [{"id": 2, "a": "q", "b": 1}, {"id": 2, "a": "r", "b": 2}, {"id": 3, "b": 3}, {"id": None, "b": 4}]


def test_an_inner_join_keeps_pairs_only_and_null_matches_nothing():
    assert join_lists.evaluate({"left": LEFT, "right": RIGHT, "on": "id"}) == [
        {"id": 2, "a": "y", "right_a": "q", "b": 1},
        {"id": 2, "a": "y", "right_a": "r", "b": 2},
    ]


def test_a_left_join_keeps_all_of_the_left():
    rows = join_lists.evaluate({"left": LEFT, "right": RIGHT, "on": ["id"], "how": "left"})
    assert [(row["id"], row["b"]) for row in rows] == [(1, None), (2, 1), (2, 2), (None, None)]


def test_an_outer_join_keeps_all_of_both():
    rows = join_lists.evaluate({"left": LEFT, "right": RIGHT, "on": "id", "how": "outer"})
    assert [(row["id"], row["a"], row["b"]) for row in rows][-2:] == [(3, None, 3), (None, None, 4)]
    assert len(rows) == 6


def test_a_join_without_a_key_is_refused():
    assert code_of(join_lists, {"left": [], "right": [], "on": []}) == "settings-refused"


def test_a_join_that_explodes_is_refused_before_it_is_built():
    many = [{"k": 1}] * 1100
    assert code_of(join_lists, {"left": many, "right": many, "on": "k"}) == "too-many-rows"


def measured(function, values):
    settings = {
        "items": [{"v": value} for value in values],
        "measures": {"m": {"function": function, "of": "v"}},
    }
    return aggregate_list.evaluate(settings)["m"]


@pytest.mark.parametrize(
    ("function", "values", "result"),
    [
        ("count", [1, None, 2], 2),
        ("sum", [], 0),
        ("sum", [Decimal("0.1"), Decimal("0.2"), 1], Decimal("1.3")),
        ("mean", [1, 2], 1.5),
        ("mean", [], None),
        ("mean", [Decimal(1), Decimal(2)], Decimal("1.5")),
        ("median", [5, 1, 3], 3),
        ("median", [4, 1], 2.5),
        ("min", ["b", "a"], "a"),
        ("max", [1, 2.5], 2.5),
        ("max", [], None),
        ("first", [None, 3, 4], 3),
        ("last", [3, 4, None], 4),
        ("list", [1, 1], [1, 1]),
        ("unique", [2, 1, 2], [2, 1]),
    ],
)
def test_a_measure_leaves_nulls_out(function, values, result):
    assert measured(function, values) == result
    assert type(measured(function, values)) is type(result)


@pytest.mark.parametrize(
    ("values", "code"),
    [([True], "not-a-number"), (["1"], "not-a-number"), ([1.5, Decimal(1)], "mixed-numbers")],
)
def test_what_cannot_be_added_up_is_refused(values, code):
    settings = {"items": values, "measures": {"m": {"function": "sum"}}}
    assert code_of(aggregate_list, settings) == code


def test_aggregate_by_an_expression_gives_a_row_per_group():
    settings = {
        "items": LINES,
        "by": {"article": lambda item, index: item["sku"].lower()},
        "measures": {"total": {"function": "sum", "of": lambda item, index: item["qty"]}},
    }
    assert aggregate_list.evaluate(settings) == [{"article": "a", "total": 1}, {"article": "b", "total": 5}]


def test_pivot_fills_empty_cells_and_names_columns_as_text():
    items = [{"r": 1, "c": True, "v": 2}, {"r": 1, "c": None, "v": 3}, {"r": 2, "c": True, "v": 4}]
    settings = {"items": items, "rows": "r", "columns": "c", "value": "v", "fill": 0}
    assert pivot_list.evaluate(settings) == [
        {"row": 1, "true": 2, "null": 3},
        {"row": 2, "true": 4, "null": 0},
    ]


@pytest.mark.parametrize(
    ("function", "values"),
    [
        ("sum", [2**62] * 4),
        ("sum", [1.7e308] * 4),
        ("mean", [1.7e308, 1.7e308]),
        ("median", [1.7e308, 1.7e308]),
        ("sum", [Decimal("9e6100")] * 2 + [Decimal("9e6200")] * 2),
        ("mean", [Decimal("9e999999"), Decimal("9e999999")]),
    ],
)
def test_a_measure_that_no_number_can_hold_is_a_failure_of_the_step(function, values):
    measures = {"m": {"function": function}}
    with pytest.raises(StepFailed) as caught:
        aggregate_list.evaluate({"items": values, "measures": measures})
    assert (caught.value.error_class, caught.value.error_code) == ("data", "number-too-large")
