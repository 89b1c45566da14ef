"""Templates: trees of settings with `{{ … }}` in their texts."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from auraos.core.expressions import (
    EvaluationError,
    ExpressionError,
    Meter,
    compile_template,
    find_expressions,
    scan_template_reads,
)

SCOPE: dict[str, Any] = {
    "n": 5,
    "t": "abc",
    "none": None,
    "yes": True,
    "m": {"a": [1, None]},
    "d": Decimal("1E+3"),
    "at": datetime(2026, 11, 20, 17, 30, tzinfo=UTC),
}
CASES = [
    ("{{ n }}", 5),
    ("{{ m }}", {"a": [1, None]}),
    ("{{none}}", None),
    ("n={{ n }}", "n=5"),
    ("{{ n }}{{ t }}", "5abc"),
    ("<{{ none }}>", "<>"),
    ("<{{ yes }}>", "<true>"),
    ("<{{ m }}>", '<{"a":[1,null]}>'),
    ("<{{ d }}>", "<1000>"),
    ("<{{ at }}>", "<2026-11-20T17:30:00Z>"),
    ("{{ '{{' }} n }}", "{{ n }}"),
    ("{{ '}}' }}", "}}"),
    ("{{ {'a': {'b': n}} }}", {"a": {"b": 5}}),
    ("{{ {'a': 1}['a'] }}!", "1!"),
    ('{{ "}}" + t }}', "}}abc"),
    (" {{ n }}", " 5"),
    ("plain } text }}", "plain } text }}"),
    ("{ { n } }", "{ { n } }"),
    (5, 5),
    (None, None),
    ([1, "{{ n }}", {"k": "{{ t }}"}], [1, 5, {"k": "abc"}]),
    ({}, {}),
    ("{{ n\n + 1 }}", 6),
    ("{{ f'{n:{n}d}' }}", "    5"),
]


@pytest.mark.parametrize(("settings", "value"), CASES)
def test_a_template_yields_this_value(settings: Any, value: Any) -> None:
    found = compile_template(settings).evaluate(SCOPE)
    assert found == value
    assert type(found) is type(value)


def test_a_tree_without_expressions_is_handed_out_as_it_is() -> None:
    settings = {"a": [1, {"b": "c"}]}
    template = compile_template(settings)
    assert template.is_constant
    assert template.evaluate({}) is settings


def test_a_template_of_constants_is_constant() -> None:
    assert compile_template("{{ '{{' }}").is_constant
    assert not compile_template("{{ n }}").is_constant


def test_expressions_are_listed_with_their_paths_and_offsets() -> None:
    template = compile_template({"a": ["x {{ n }}", "y"], "b": "{{ t.u }} {{ m['k'].l }}"})
    assert [(placed.path, placed.offset, placed.expression.source) for placed in template.expressions] == [
        (("a", 0), 4, " n "),
        (("b",), 2, " t.u "),
        (("b",), 12, " m['k'].l "),
    ]
    assert template.reads == {("n",), ("t", "u"), ("m", "k", "l")}


def test_an_error_says_where_in_the_tree_and_in_the_text_it_is() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template({"a": ["ok", "x {{ 1 + }}"]})
    assert caught.value.data == {"path": ("a", 1), "offset": 4}
    with pytest.raises(EvaluationError) as late:
        compile_template({"a": ["ok", "x {{ n.b }}"]}).evaluate(SCOPE)
    assert (late.value.data["path"], late.value.data["offset"], late.value.start) == (("a", 1), 4, 1)


def test_all_errors_of_a_tree_are_found_at_once() -> None:
    found, errors = find_expressions({"a": "{{ 1 + }} {{ n }}", "b": "{{ open", "c": "{{ nope() }}"})
    assert [placed.expression.source for placed in found] == [" n "]
    assert [(placed.path, placed.error.code) for placed in errors] == [
        (("a",), "expression-syntax"),
        (("b",), "unclosed"),
        (("c",), "unknown-function"),
    ]
    assert scan_template_reads({"a": "{{ 1 + }} {{ n.x }}"}) == {("n", "x")}


def test_a_leaf_is_called_with_further_names() -> None:
    matches = compile_template("{{ item.n > least and index < 2 }}").leaf_callable(
        {"least": 1}, ("item", "index")
    )
    assert [matches(item={"n": n}, index=i) for i, n in enumerate([1, 2, 3])] == [False, True, False]


def test_names_left_out_of_a_call_are_null_even_after_a_call_that_gave_them() -> None:
    show = compile_template("{{ index }}").leaf_callable({}, ("item", "index"))
    assert show(index=3) == 3
    assert show(item=1) is None


def test_the_expressions_of_one_tree_share_a_budget() -> None:
    template = compile_template(["{{ [x for x in range(100)] }}"] * 3)
    meter = Meter(operations=10_000)
    template.evaluate({"$meter": meter})
    assert meter.spent >= 300
