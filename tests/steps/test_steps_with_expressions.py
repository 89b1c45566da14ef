"""Steps whose settings hold expressions, compiled as the run machine compiles them."""

import pytest

from auraos.core.run.program import Settings
from auraos.sdk import Chosen
from auraos.steps.branching import if_, switch
from auraos.steps.lists import filter_list, map_list, sort_list, split_list, unique_list
from auraos.steps.tables import aggregate_list, group_list, pivot_list
from auraos.steps.transform import transform

ROWS = [{"sku": "B", "qty": 2}, {"sku": "A", "qty": 1}, {"sku": "A", "qty": 3}]
SCOPE = {"input": {"rows": ROWS, "least": 2, "big": False}}


def outcome(step, **settings):
    return step.evaluate(Settings(settings, step.deferred).evaluate(SCOPE))


@pytest.mark.parametrize(
    ("step", "settings", "output"),
    [
        (filter_list, {"where": "{{ item.qty >= input.least }}"}, [ROWS[0], ROWS[2]]),
        (filter_list, {"where": "{{ index == 1 }}"}, [ROWS[1]]),
        (filter_list, {"where": False}, []),
        (map_list, {"to": "{{ item.qty * 2 }}"}, [4, 2, 6]),
        (map_list, {"to": {"s": "{{ item.sku }}", "at": ["{{ index }}"], "kind": "line"}}, [
            {"s": "B", "at": [0], "kind": "line"}, {"s": "A", "at": [1], "kind": "line"}, {"s": "A", "at": [2], "kind": "line"}
        ]),
        (map_list, {"to": "{{ input.least }}"}, [2, 2, 2]),
        (sort_list, {"by": "qty"}, [ROWS[1], ROWS[0], ROWS[2]]),
        (sort_list, {"by": ["sku", "{{ -item.qty }}"]}, [ROWS[2], ROWS[1], ROWS[0]]),
        (unique_list, {"by": "{{ item.sku.lower() }}"}, [ROWS[0], ROWS[1]]),
        (split_list, {"where": "{{ item.qty > 1 }}"}, {"matching": [ROWS[0], ROWS[2]], "rest": [ROWS[1]]}),
        (group_list, {"by": "{{ item.qty % 2 }}"}, [
            {"key": 0, "count": 1, "items": [ROWS[0]]}, {"key": 1, "count": 2, "items": ROWS[1:]}
        ]),
        (aggregate_list, {"by": {"article": "sku"}, "measures": {"n": {"function": "sum", "of": "{{ item.qty * 10 }}"}}}, [
            {"article": "B", "n": 20}, {"article": "A", "n": 40}
        ]),
        (pivot_list, {"rows": "sku", "columns": "{{ 'q' + str(item.qty) }}", "value": "qty", "fill": 0}, [
            {"row": "B", "q2": 2, "q1": 0, "q3": 0}, {"row": "A", "q2": 0, "q1": 1, "q3": 3}
        ]),
    ],
)  # fmt: skip
def test_a_list_step_asks_its_expressions_for_each_item(step, settings, output):
    assert outcome(step, items="{{ input.rows }}", **settings) == output


def test_a_text_without_braces_names_a_field_and_an_expression_does_not():
    assert outcome(sort_list, items="{{ input.rows }}", by="{{ 'sku' }}") == ROWS
    assert outcome(sort_list, items="{{ input.rows }}", by="sku") == [ROWS[1], ROWS[2], ROWS[0]]


def test_branches_ask_their_conditions():
    assert outcome(if_, condition="{{ input.big }}") == Chosen(("false",), False)
    cases = {"few": "{{ len(input.rows) < 2 }}", "some": "{{ len(input.rows) < 9 }}"}
    assert outcome(switch, cases=cases) == Chosen(("some",), "some")


def test_a_condition_that_is_not_reached_is_not_evaluated():
    cases = {"yes": "{{ true }}", "broken": "{{ 1 / 0 }}"}
    assert outcome(switch, cases=cases) == Chosen(("yes",), "yes")


def test_transform_sets_what_its_expressions_give():
    assert outcome(transform, set={"n": "{{ len(input.rows) }}", "fixed": "x"}) == {"n": 3, "fixed": "x"}
