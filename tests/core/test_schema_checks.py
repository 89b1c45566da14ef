"""Values are held against schemas without fetching anything and without patterns that never end."""

import pytest

from auraos.core.schemas import SchemaCheck, SchemaRefusedError, given_input


def test_every_mismatch_is_named_with_its_place():
    check = SchemaCheck(
        {"type": "object", "required": ["id"], "properties": {"lines": {"items": {"type": "integer"}}}}
    )
    found = check.mismatches({"lines": [1, "two", 3.5]})
    assert sorted(mismatch.path for mismatch in found) == ["", ".lines[1]", ".lines[2]"]
    assert check.first({"id": 1, "lines": []}) is None


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/schema", "file:///etc/passwd", "other.json", "#/nowhere"]
)
def test_a_schema_cannot_point_out_of_itself(address):
    with pytest.raises(SchemaRefusedError):
        SchemaCheck({"$ref": address})


def test_a_pattern_that_would_backtrack_ends_at_once():
    assert SchemaCheck({"type": "string", "pattern": "^(a+)+$"}).first("a" * 50_000 + "b") is not None


ORDER = {
    "type": "object",
    "properties": {
        "currency": {"type": "string", "default": "EUR"},
        "address": {"type": "object", "properties": {"country": {"default": "DE"}}},
        "invoice": {"type": "object", "default": {}, "properties": {"copies": {"default": 1}}},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "note": {"anyOf": [{"properties": {"text": {"default": "x"}}}]},
    },
    "$defs": {
        "line": {"type": "object", "properties": {"qty": {"default": 1}, "next": {"$ref": "#/$defs/line"}}}
    },
}


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (None, {"currency": "EUR", "invoice": {"copies": 1}}),
        ({}, {"currency": "EUR", "invoice": {"copies": 1}}),
        ({"currency": None, "invoice": None}, {"currency": None, "invoice": None}),
        ({"currency": "CHF", "invoice": {"copies": 2}}, {"currency": "CHF", "invoice": {"copies": 2}}),
        (
            {"address": {}, "invoice": {}},
            {"address": {"country": "DE"}, "invoice": {"copies": 1}, "currency": "EUR"},
        ),
        (
            {"currency": "", "invoice": 1, "lines": [{"sku": 1, "next": {}}, 5]},
            {"currency": "", "invoice": 1, "lines": [{"sku": 1, "next": {"qty": 1}, "qty": 1}, 5]},
        ),
        ({"currency": 1, "invoice": 1, "note": {}}, {"currency": 1, "invoice": 1, "note": {}}),
        ([1], [1]),
        ("text", "text"),
    ],
)
def test_defaults_stand_for_what_is_left_out_and_for_nothing_else(given, counts):
    before = repr(given)
    assert given_input(ORDER, given) == counts
    assert repr(given) == before


def test_a_default_within_itself_comes_to_an_end():
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a", "default": {}}}}},
    }
    assert str(given_input(schema, {})).count("a") <= 40


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": 1},
        {"properties": {"a": 1}},
        {"allOf": 1},
        {"items": 1},
        {"$defs": 1, "$ref": "#/$defs/a"},
        {"$ref": 1},
    ],
)
def test_a_schema_that_is_none_gives_no_defaults(schema):
    assert given_input(schema, {"a": [{}]}) == {"a": [{}]}


def test_the_default_of_the_whole_stands_for_no_input_at_all():
    assert given_input({"default": [1, 2]}, None) == [1, 2]
    assert given_input({"type": "array"}, None) is None
