"""Values are held against schemas without fetching anything and without patterns that never end."""

import pytest

from auraos.core.schemas import SchemaCheck, SchemaRefusedError


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
