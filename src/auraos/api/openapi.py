"""The description of the API (OpenAPI 3.1), made of the routes themselves: it cannot say what they do not do."""

from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from auraos.api.answers import Answer, Reply
from auraos.api.asking import Ask
from auraos.api.names import plain
from auraos.api.problems import STATUSES, Trouble
from auraos.api.routes import ALWAYS, OPEN, SELF, Route, Routes

_PLACE = "#/components/schemas/{name}"


def openapi_routes(routes: Iterable[Route]) -> Routes:
    """Return the route that describes these routes, and itself."""
    own = Routes()

    @own.get("/api/v1/openapi.json", may=SELF)
    async def describe_api(ask: Ask) -> Answer:  # noqa: ARG001 (what it says is the same for all)
        """Describe the API."""
        return Answer.of(described)

    described = describe([*routes, *own])
    return own


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of these routes."""
    routes = list(routes)
    kinds = {kind for route in routes for kind in (*_bodies(route), _answer(route)) if kind is not None}
    wanted = [Trouble, *sorted(kinds, key=str)]
    schemas, components = msgspec.json.schema_components(wanted, ref_template=_PLACE)
    known = dict(zip(wanted, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "AuraOS Automation", "version": "v1"},
        "paths": paths,
        "components": {
            "schemas": plain(components),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, known: dict[Any, Any]) -> dict[str, Any]:
    answer = _answer(route)
    good: dict[str, Any] = {"description": route.title}
    if answer is not None:
        good["content"] = {"application/json": {"schema": plain(known[answer])}}
    trouble = {"application/problem+json": {"schema": plain(known[Trouble])}}
    told: dict[str, Any] = {str(route.status): good}
    for code in route.tells:
        status = str(STATUSES.get(code, 422))
        words = told.get(status, {}).get("description", "")
        told[status] = {"description": f"{words}, {code}" if words else code, "content": trouble}
    told["default"] = {"description": "A problem.", "content": trouble}
    said: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.title,
        "responses": told,
        "parameters": _parameters(route),
        "x-may": route.may,
    }
    if route.body is not None:
        schema = plain(known[route.body])
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    said["security"] = [] if route.may in (OPEN, ALWAYS) else [{"key": []}]
    return said


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if route.at is not None:
        (schema,), components = msgspec.json.schema_components([route.at], ref_template=_PLACE)
        own = components[schema["$ref"].rpartition("/")[2]]
        for name, each in own.get("properties", {}).items():
            place = "path" if name in route.in_path else "query"
            is_needed = place == "path" or name in own.get("required", ())
            found.append({"name": name, "in": place, "required": is_needed, "schema": plain(each)})
    if route.over:
        found.append({"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}})
    return found


def _bodies(route: Route) -> tuple[Any, ...]:
    return (route.body,) if route.body is not None else ()


def _answer(route: Route) -> Any:
    """Return the type of what a route answers; None where it is nothing, or nothing that has a schema."""
    for kind in get_args(route.answer) or (route.answer,):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and not issubclass(kind, Reply):
            return kind
    return None
