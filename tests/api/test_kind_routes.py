"""The kinds of definitions and their schemas, as editors ask for them."""

import jsonschema_rs
import pytest

GREET = {
    "kind": "workflow",
    "name": "greet",
    "spec": {"steps": {"hello": {"type": "transform", "with": {"set": {"a": 1}}}}},
}
FLAG = {"kind": "flag", "name": "new-price", "spec": {"type": "boolean", "default": "on"}}


@pytest.fixture
async def viewer(room):
    return (await room.house.signed_in("viewer"))[1]


async def test_each_kind_says_where_its_schema_is_and_the_schema_is_there(room, viewer):
    kinds = (await room.ask("GET", "/api/v1/kinds", token=viewer)).json
    assert {"flag", "workflow"} <= {kind["name"] for kind in kinds}
    for kind in kinds:
        schema = await room.ask("GET", kind["schema"], token=viewer)
        assert (schema.status, schema.json["properties"]["kind"]["const"]) == (200, kind["name"])


@pytest.mark.parametrize(
    ("kind", "document", "is_right"),
    [
        ("workflow", GREET, True),
        ("workflow", {**GREET, "spec": {"steps": {"hello": {"type": "nothing-like-that"}}}}, False),
        ("workflow", {**GREET, "colour": "red"}, False),
        ("workflow", {**GREET, "tests": [{"nme": "x"}]}, False),
        ("flag", FLAG, True),
        ("flag", {**FLAG, "spec": {"type": "colour", "default": "on"}}, False),
    ],
)
async def test_the_schema_tells_right_documents_from_wrong_ones(room, viewer, kind, document, is_right):
    schema = (await room.ask("GET", f"/schema/{kind}-v1.json", token=viewer)).json
    assert jsonschema_rs.validator_for(schema).is_valid(document) is is_right


@pytest.mark.parametrize(
    ("file", "status"), [("colour-v1.json", 404), ("workflow.json", 422), ("workflow-v2.json", 422)]
)
async def test_other_schemas_are_not_there(room, viewer, file, status):
    assert (await room.ask("GET", f"/schema/{file}", token=viewer)).status == status
