"""What is known of an expression before it runs: the names it reads, its type, and what is certain to fail."""

import time
from typing import Any

import pytest

from auraos.core.expressions import ANY, Type, always, compile_expression, infer, mapping_of, type_from_schema

READS = [
    ("steps.total.amount > 100", {("steps", "total", "amount")}),
    ('input["order"].lines[0].sku', {("input", "order", "lines")}),
    ("a.b[c.d].e", {("a", "b"), ("c", "d")}),
    ("sum(p.json.price for p in steps.each)", {("steps", "each")}),
    ("[x + y for x in a.b for y in x.c if z]", {("a", "b"), ("z",)}),
    ("a.b.upper()", {("a", "b")}),
    ("null or true", set()),
    ('f"{a.b:{c}}"', {("a", "b"), ("c",)}),
    ("[x for x in x.y]", {("x", "y")}),
    ("{k: item.v for k, v in m.items()}", {("item", "v"), ("m",)}),
    ("sorted(rows, by=field)", {("rows",), ("field",)}),
    ("a['b']['c'][1:]", {("a", "b", "c")}),
]
ORDER = {
    "type": "object",
    "required": ["id", "lines", "status"],
    "properties": {
        "id": {"type": "integer"},
        "status": {"enum": ["open", "paid"]},
        "note": {"type": ["string", "null"]},
        "total": {"type": "number"},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}},
            },
        },
        "free": {"type": "object"},
        "again": {"$ref": "#"},
    },
}
NAMES = {
    "order": type_from_schema(ORDER),
    "steps": mapping_of({"total": mapping_of({"amount": type_from_schema({"type": "number"})})}),
}
TYPES = [
    ("order.id", {"int"}),
    ("order.note", {"text", "null"}),
    ("order.id + 1", {"int"}),
    ("order.id / 2", {"float"}),
    ("order.total", {"int", "float", "decimal", "null"}),
    ("order.id > 3", {"bool"}),
    ("[l.qty for l in order.lines]", {"list"}),
    ("order.lines[0].sku", {"text", "null"}),
    ("len(order.lines)", {"int"}),
    ("sum(l.qty or 0 for l in order.lines)", {"int"}),
    ("order.note or 'none'", {"text"}),
    ("order.lines.first().sku.upper()", {"text", "null"}),
    ('f"{order.id}"', {"text"}),
    ("order.again.again.id", {"int", "null"}),
    ("{'a': order.id}.a", {"int"}),
    ("now() - now()", {"duration"}),
    ("not order.id", {"bool"}),
    ("order.id if order.id else 'x'", {"int", "text"}),
    ("sorted(order.lines, 'qty')[0].qty", {"int", "null"}),
    ("-order.id", {"int"}),
]
PROBLEMS = [
    ("steps.total.amuont", "unknown-field", "steps.total has no field 'amuont'. Did you mean 'amount'?"),
    ("ordr.id", "unknown-name", "There is no name 'ordr' here. Did you mean 'order'?"),
    ("[l.skuu for l in order.lines]", "unknown-field", "l has no field 'skuu'. Did you mean 'sku'?"),
    (
        "order.id + 'a'",
        "wrong-type",
        "order.id is int and 'a' is text: `+` does not go with them. Write f\"…{…}…\" or text(…) to join texts.",
    ),
    ("order.id > 'a'", "wrong-type", "order.id is int and 'a' is text: they cannot be compared with `>`."),
    ("order.id.upper()", "unknown-method", "order.id is int, which has no method 'upper'."),
    ("order.id.x", "no-fields", "order.id is int, which has no field 'x'."),
    ("len(order.id)", "wrong-type", "len() takes text or list or mapping as 'value', and order.id is int."),
    ("[x for x in order.id]", "wrong-type", "order.id is int: only lists and mappings can be walked over."),
    (
        "order.status == 'payed'",
        "constant-condition",
        "order.status == 'payed' is always false: possible are 'open', 'paid'.",
    ),
    (
        "order.id == 'a'",
        "constant-condition",
        "order.id == 'a' is always false: order.id is int, 'a' is text.",
    ),
    ("1 if 2 > 1 else 0", "constant-condition", "2 > 1 is always true."),
    ("[l for l in order.lines if false]", "constant-condition", "false is always false."),
    ("true or order.id", "constant-condition", "true is always true: what follows it is never reached."),
    ("'a'.replace('b')", "wrong-arguments", "replace() needs 'new'."),
    (
        "{order.id: 1}",
        "wrong-type",
        "The keys of a mapping are texts, and order.id is int. Write text(order.id).",
    ),
]


@pytest.mark.parametrize(("source", "reads"), READS)
def test_the_names_an_expression_reads_are_known(source: str, reads: set[tuple[str, ...]]) -> None:
    assert compile_expression(source).reads == reads


@pytest.mark.parametrize(("source", "kinds"), TYPES)
def test_the_type_of_an_expression_is_known(source: str, kinds: set[str]) -> None:
    found, problems = infer(compile_expression(source), NAMES)
    assert found.kinds == kinds
    assert not problems


@pytest.mark.parametrize(
    ("source", "code", "words"), [case for case in PROBLEMS if case[1] != "wrong-arguments"]
)
def test_what_is_certain_to_go_wrong_is_said_before_it_runs(source: str, code: str, words: str) -> None:
    _, problems = infer(compile_expression(source), NAMES)
    assert [(problem.code, f"{problem.message} {problem.hint}".strip()) for problem in problems] == [
        (code, words)
    ]
    assert 0 <= problems[0].start < problems[0].end <= len(source)


@pytest.mark.parametrize(
    "source",
    ["order.free.x.y > 1", "order.free.z[0].a + 1", "order.note and order.note.upper()", "order.total > 3"],
)
def test_what_may_go_well_is_no_problem(source: str) -> None:
    assert infer(compile_expression(source), NAMES)[1] == []


def test_a_position_is_given_in_lines_and_columns() -> None:
    _, (problem,) = infer(compile_expression("true and\n  order.idd"), {"order": mapping_of({"id": ANY})})[
        0:2
    ]
    assert (problem.line, problem.column) == (2, 3)


def test_a_condition_with_one_answer_is_recognised() -> None:
    kinds: list[Any] = [
        infer(compile_expression(source), {})[0] for source in ("1 > 2", "'a' == 'a'", "null", "not true")
    ]
    assert [always(kind) for kind in kinds] == [False, True, False, False]
    assert always(Type(kinds=frozenset({"bool"}))) is None


def _nested_lists(depth: int) -> str:
    return "1 in [" * depth + "1" + "]" * depth


def _nested_mappings(depth: int, name: str) -> str:
    return f'[{{"a": i, "b": i, "{name}": i}} for i in [' * depth + name + "]][0]" * depth


def test_deep_nesting_is_compiled_and_typed_in_time_that_does_not_double_with_each_level() -> None:
    source = f"({_nested_mappings(14, 'x')} if {_nested_lists(20)} else {_nested_mappings(14, 'y')})"
    started = time.process_time()
    infer(compile_expression(source), {"x": ANY, "y": type_from_schema({"type": "integer"})})
    assert time.process_time() - started < 2
