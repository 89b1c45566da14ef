"""The hash of a version: what counts and what does not, and the one JSON text of a value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auraos.core.document import Document, canonical_json, content_hash, read_document
from auraos.core.values import ValueRefusedError

TEXT = "kind: workflow\nname: a\nspec: {steps: {x: {type: noop, with: {n: 1, t: é}}}}\n"


def read(text: str) -> Document:
    document, problems = read_document(text)
    assert problems == []
    assert document is not None
    return document


@pytest.mark.parametrize(
    "text",
    [
        TEXT + "# a comment\n",
        TEXT + "layout: {steps: {x: [1, 2]}}\n",
        TEXT + "tests: [{name: t}]\n",
        TEXT + "title: Another\ndescription: d\nlabels: {a: b}\n",
        "name: a\nspec:\n  steps:\n    x:\n      with: {t: \"\\xe9\", n: 0x1}\n      type: 'noop'\nkind: workflow\n",
    ],
)
def test_comments_order_spelling_layout_and_tests_do_not_count(text: str) -> None:
    assert content_hash(read(text), {"noop": 1}) == content_hash(read(TEXT), {"noop": 1})


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("name: a", "name: b"),
        TEXT.replace("n: 1", "n: 2"),
        TEXT.replace("n: 1", 'n: "1"'),
        TEXT.replace("kind: workflow", "kind: w"),
    ],
)
def test_kind_name_and_spec_count(text: str) -> None:
    assert content_hash(read(text), {"noop": 1}) != content_hash(read(TEXT), {"noop": 1})


def test_the_versions_of_the_step_types_count() -> None:
    assert content_hash(read(TEXT), {"noop": 2}) != content_hash(read(TEXT), {"noop": 1})


def test_the_hash_stays_the_same_for_ever() -> None:
    expected = "57fc8cd906956472046a787ec06f64d5dcad2712ea8258bff5637860754f8767"
    assert content_hash(read(TEXT), {"noop": 1}) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (123456789.125, "123456789.125"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-9, "1.5e-9"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (0.1, "0.1"),
        (333333333.3333333, "333333333.3333333"),
        (1.2e22, "1.2e+22"),
        (9007199254740993, "9007199254740993"),
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "ö": 7},
            '{"\\r":2,"1":4,"\x80":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
        ),
        ('\x00\x1f"\\/\n€', '"\\u0000\\u001f\\"\\\\/\\n€"'),
    ],
)
def test_the_canonical_text_is_that_of_rfc_8785(value: Any, text: str) -> None:
    assert canonical_json(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_written_so_that_it_reads_back(number: float) -> None:
    assert float(canonical_json(number)) == number


def test_what_is_no_value_of_a_document_is_refused() -> None:
    with pytest.raises(ValueRefusedError):
        canonical_json({"a": float("nan")})
    with pytest.raises(ValueRefusedError):
        canonical_json(object())
