"""Field tags: where they stand, and whose data a value is."""

import pytest

from auraos.core.privacy import has_tags, name_of_subject, subjects_in, tagged_values

PERSON = {"type": "string", "personal": True, "subject": True}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"personal": True}}},
        {"properties": {"a": {"items": {"properties": {"b": {"secret": True}}}}}},
        {"anyOf": [{"type": "null"}, {"properties": {"a": {"subject": True}}}]},
        {"$defs": {"p": PERSON}, "properties": {"a": {"$ref": "#/$defs/p"}}},
        {"additionalProperties": {"personal": True}},
    ],
)
def test_a_tag_is_found_wherever_a_schema_may_stand(schema):
    assert has_tags(schema)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"properties": {"personal": {"type": "boolean"}}},
        {"properties": {"a": {"personal": False}}},
        {"properties": {"a": {"default": {"personal": True}}}},
        {"properties": {"a": {"personal": "yes"}}},
    ],
)
def test_what_only_looks_like_a_tag_is_none(schema):
    assert not has_tags(schema)


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        ({"properties": {"to": PERSON}}, {"to": " Ann@X.example "}, ["ann@x.example"]),
        ({"properties": {"to": PERSON}}, {"to": None}, []),
        ({"properties": {"to": PERSON}}, {}, []),
        ({"properties": {"to": {"items": PERSON}}}, {"to": ["a", "b", "A"]}, ["a", "b"]),
        ({"properties": {"n": {"subject": True}}}, {"n": 17}, ["17"]),
        ({"properties": {"n": {"subject": True}}}, {"n": {"of": 1}}, []),
        ({"$defs": {"p": PERSON}, "properties": {"a": {"$ref": "#/$defs/p"}}}, {"a": "x"}, ["x"]),
        ({"additionalProperties": PERSON}, {"q": "x", "r": "y"}, ["x", "y"]),
        ({"anyOf": [{"properties": {"a": PERSON}}, {"type": "null"}]}, {"a": "x"}, ["x"]),
    ],
)
def test_whose_data_it_is(schema, value, found):
    assert subjects_in(schema, value) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [("ANN", "ann"), ("  ann   lee ", "Ann Lee"), ("ａｎｎ", "ann"), ("STRASSE", "straße"), ("17", 17)],
)
def test_spelling_makes_no_difference(one, other):
    assert name_of_subject(one) == name_of_subject(other)


def test_all_values_of_a_tag_are_found():
    schema = {"properties": {"a": {"secret": True}, "b": {"items": {"secret": True}}, "c": {}}}
    assert tagged_values(schema, {"a": 1, "b": [2, 3], "c": 4}, "secret") == [1, 2, 3]
