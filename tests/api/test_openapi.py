"""The description of the API says of every route what it takes and answers, and nothing else."""

import json
import re

from auraos.api.protocol.openapi import describe


async def test_it_describes_every_route_to_whoever_is_known(room):
    _, token = await room.house.signed_in("viewer")
    told = (await room.ask("GET", "/api/v1/openapi.json", token=token)).json
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in room.routes.routes}
    assert (await room.ask("GET", "/api/v1/openapi.json")).status == 401


async def test_all_that_it_refers_to_is_there_and_operations_have_names_of_their_own(room):
    told = describe(room.routes.routes)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(told)))
    assert named <= told["components"]["schemas"].keys()
    names = [each["operationId"] for methods in told["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names))
    assert r"\\Z" not in json.dumps(told)


async def test_parameters_bodies_and_problems_are_those_of_the_route(room):
    start = describe(room.routes.routes)["paths"]["/api/v1/workflows/{name}/runs"]["post"]
    named = {(each["name"], each["in"]) for each in start["parameters"] if "name" in each}
    assert named >= {("name", "path"), ("wait", "query"), ("Idempotency-Key", "header")}
    assert {"$ref": "#/components/parameters/Workspace"} in start["parameters"]
    assert start["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Start"
    }
    assert start["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/Ended")
    assert "key-taken" in start["responses"]["409"]["description"]


async def test_what_is_answered_is_described_as_it_is_answered(room):
    told = describe(room.routes.routes)["paths"]

    def good(path, status="200", method="get"):
        return told[path][method]["responses"][status]

    roles = good("/api/v1/access/roles")["content"]["application/json"]["schema"]
    assert roles == {"type": "array", "items": {"$ref": "#/components/schemas/RoleDetail"}}
    assert list(good("/api/v1/definitions/export")["content"]) == ["application/zip"]
    assert list(good("/api/v1/stream")["content"]) == ["text/event-stream"]
    assert "Location" in good("/api/v1/sign-in/with/{name}", "303")["headers"]
    assert "ETag" in good("/api/v1/definitions/{kind}/{name}")["headers"]
    assert "ETag" in good("/api/v1/definitions", "304")["headers"]
    assert {"$ref": "#/components/parameters/IfNoneMatch"} in told["/api/v1/definitions"]["get"]["parameters"]
    assert "content" not in good("/api/v1/secrets/{name}", "204", "delete")
    assert {"200", "201"} <= told["/api/v1/workflows/{name}/runs"]["post"]["responses"].keys()
    everywhere = told["/api/v1/people"]["get"]["parameters"]
    assert {"$ref": "#/components/parameters/Workspace"} not in everywhere


async def test_the_headers_that_an_answer_has_or_may_have_are_described(room):
    described = describe(room.routes.routes)
    start = described["paths"]["/api/v1/workflows/{name}/runs"]["post"]["responses"]
    paced = {"X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    assert set(start["201"]["headers"]) == paced
    assert set(start["default"]["headers"]) == {*paced, "Retry-After"}
    assert described["components"]["headers"].keys() == set(start["default"]["headers"])
    draft = described["paths"]["/api/v1/definitions/{kind}/{name}"]["get"]["responses"]["200"]
    assert set(draft["headers"]) == {*paced, "ETag"}
    assert "headers" not in described["paths"]["/health/live"]["get"]["responses"]["200"]


async def test_no_text_of_a_parameter_may_hold_the_character_zero(room):
    """Which is refused wherever it stands, so the description must not allow it."""
    told = describe(room.routes.routes)["paths"]
    allowed = [
        (path, each["name"])
        for path, methods in told.items()
        for operation in methods.values()
        for each in operation["parameters"]
        if each.get("in") in ("path", "query") and any(takes_zero(text) for text in texts_in(each["schema"]))
    ]
    assert allowed == []


def texts_in(schema):
    """Yield the schemas of texts within the one of a parameter."""
    inner = [*([schema["items"]] if "items" in schema else []), *schema.get("anyOf", ())]
    for one in inner:
        yield from texts_in(one)
    if schema.get("type") == "string":
        yield schema


def takes_zero(schema):
    if "enum" in schema or "const" in schema:
        return False
    return any(re.search(schema.get("pattern", ""), text) for text in ("\0", "a\0", "a/\0", "a=\0"))
