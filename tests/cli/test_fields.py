"""The fields of a schema are listed with those inside of them, wherever they lie."""

import pytest

from auraos.cli.fields import kind_words, list_fields

NESTED = {
    "properties": {
        "url": {"type": "string", "description": "Where to."},
        "pages": {"anyOf": [{"$ref": "#/$defs/Paging"}, {"type": "null"}], "default": None},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "measures": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Part"}},
    },
    "required": ["url"],
    "$defs": {
        "Paging": {"type": "object", "properties": {"by": {"enum": ["page", "link"]}}, "required": ["by"]},
        "Part": {"type": "object", "properties": {"text": {"type": "string", "default": "none"}}},
    },
}


def test_fields_inside_of_fields_are_listed_below_them():
    assert [(field.depth, field.name, field.kind, field.required) for field in list_fields(NESTED)] == [
        (0, "url", "string", True),
        (0, "pages", "object | null", False),
        (1, "by", "page | link", True),
        (0, "parts", "array", False),
        (1, "each", "object", False),
        (2, "text", "string", False),
        (0, "measures", "object", False),
        (1, "NAME", "object", False),
        (2, "text", "string", False),
    ]


def test_a_default_is_told_behind_the_meaning():
    assert [field.words for field in list_fields(NESTED)][:2] == ["Where to.", ""]
    assert list_fields(NESTED)[5].words == "Default: none."


def test_a_schema_that_names_itself_ends():
    tree = {"$defs": {"Node": {"properties": {"next": {"$ref": "#/$defs/Node"}}}}}
    listed = list_fields({**tree, "properties": {"root": {"$ref": "#/$defs/Node"}}})
    assert [field.depth for field in listed] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"enum": [",", "a-b"]}, '"," | a-b'),
        ({"x-kind": "duration", "type": "string"}, "duration"),
        ({"type": ["string", "null"]}, "string | null"),
        ({}, "any"),
    ],
)
def test_kinds_are_words(schema, words):
    assert kind_words(schema, {}) == words
