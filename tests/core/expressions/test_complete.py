"""What can stand at a place of an expression: fields of what is known there, and never an error."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auraos.core.expressions import type_of_value
from auraos.core.expressions.complete import complete, complete_text, primary_before

INPUT = {"name": "Ada", "lines": [{"price": 3, "sku": "a"}], "odd key": 1, "pairs": [["a", {"b": 1}]]}
NAMES = {"input": type_of_value(INPUT), "steps": type_of_value({"stock": {"body": {"left": 1}}})}


def labels(source, kind="field", at=None):
    found = complete(source, len(source) if at is None else at, NAMES)
    return [option.label for option in found.options if option.kind == kind]


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("input.", ["lines", "name", "pairs"]),
        ("1 + input.na", ["name"]),
        ("input.lines[0].", ["price", "sku"]),
        ("steps.stock.body.", ["left"]),
        ('steps["stock"].', ["body"]),
        ('input["o', ["odd key"]),
        ("sum([line.price for line in input.lines if line.", ["price", "sku"]),
        ("[a.b for x, a in input.pairs if a.", ["b"]),
        ("(input).", ["lines", "name", "pairs"]),
        ("input.nothing.", []),
        ("unknown.", []),
    ],
)
def test_fields_are_those_of_what_stands_before_the_dot(source, fields):
    assert labels(source) == fields


def test_a_loop_that_stands_after_the_cursor_names_what_it_walks_over():
    assert labels("sum([line. for line in input.lines])", at=10) == ["price", "sku"]


def test_methods_are_those_of_the_type_and_all_where_nothing_is_known():
    assert "upper" in labels("input.name.", "method")
    assert "upper" not in labels("input.lines.", "method")
    assert {"upper", "sort"} & set(labels("unknown.", "method"))


def test_what_begins_with_the_letters_comes_before_what_has_them_in_it():
    found = complete("in", 2, NAMES)
    assert found.start == 0
    assert found.options[0].label == "input"
    begins = [option.label.startswith("in") for option in found.options]
    assert begins == sorted(begins, reverse=True)


def test_within_a_text_nothing_is_completed():
    assert complete("'in", 3, NAMES).options == ()
    assert complete("input.name + 'in' + in", 16, NAMES).options == ()


def test_of_a_text_only_what_stands_between_braces_is_completed():
    text = "Dear {{ input.na }}, {{ 'a}}' + input.li"
    assert complete_text(text, 3, NAMES).options == ()
    assert complete_text(text, 19, NAMES).options == ()
    assert [option.label for option in complete_text(text, 16, NAMES).options][:1] == ["name"]
    found = complete_text(text, len(text), NAMES)
    assert (text[found.start :], found.options[0].label) == ("li", "lines")


@pytest.mark.parametrize(
    ("text", "primary"),
    [
        ("1 + a.b", "a.b"),
        ("f(a, b)[0]", "f(a, b)[0]"),
        ("[a, b]", "[a, b]"),
        ("x = 'a)b'", "'a)b'"),
        ("a)", ""),
        ("", ""),
        ("a.b('(').c", "a.b('(').c"),
    ],
)
def test_what_a_dot_takes_a_field_of_is_found_by_its_brackets(text, primary):
    assert primary_before(text) == primary


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ainput.lines[]()'\" {}for,x0+", max_size=40), st.integers(0, 40))
def test_no_text_and_no_place_breaks_it(source, offset):
    at = min(offset, len(source))
    for found in (complete(source, at, NAMES), complete_text(source, at, NAMES)):
        assert 0 <= found.start <= at


@pytest.mark.parametrize("part", ["a.", "a[", "(", "]", "'", "for x in input.lines ", "a.b(", "{{ a }}"])
def test_a_long_text_takes_no_longer_than_its_length(part):
    source = (part * 20_000)[:20_000]
    began = time.perf_counter()
    complete(source, len(source), NAMES)
    complete_text(source, len(source), NAMES)
    assert time.perf_counter() - began < 2
