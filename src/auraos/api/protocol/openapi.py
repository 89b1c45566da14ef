"""The description of the API (OpenAPI 3.1), made of the routes themselves: it cannot say what they do not do."""

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Any, get_args

import msgspec

from auraos.api.protocol.answers import Reply
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.events import STREAM
from auraos.api.protocol.names import plain
from auraos.api.protocol.problems import STATUSES, Trouble
from auraos.api.protocol.routes import ALWAYS, OPEN, SELF, Route, Routes

_PLACE = "#/components/schemas/{name}"
_TEXT = {"type": "string"}
NO_ZERO = r"^[^\x00]*$"
_WORKSPACE = {
    "name": "X-AuraOS-Workspace",
    "in": "header",
    "required": False,
    "description": "The workspace that is meant; without it, the one of the key, or `default`.",
    "schema": _TEXT,
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of what is changed, as it was read.",
    "schema": {"type": "string", "pattern": r'^((W/)?"[0-9]{1,15}(\.[A-Za-z0-9_-]{1,40})?"|[0-9]{1,15})$'},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what is known already: it is not sent again if it is the same.",
    "schema": _TEXT,
}
_ETAG = {
    "description": "Tells this answer from others, and begins with the revision where there is one.",
    "schema": _TEXT,
}
_HEADERS: dict[str, Any] = {
    "X-Request-Id": {"description": "The request, as the log and the audit trail name it.", "schema": _TEXT},
    "Retry-After": {
        "description": "After so many seconds it may be asked again.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Limit": {
        "description": "So many requests a second are taken, where there is a limit.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {
        "description": "So many may be made at once by now.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Reset": {
        "description": "After so many seconds without a request all may be made at once again.",
        "schema": {"type": "integer"},
    },
}
_PACED = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Under one key it is done once, however often it is asked for.",
    "schema": {"type": "string", "maxLength": 200},
}
_LAST = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The `id` of the last event that came: those after it follow.",
    "schema": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,15})$"},
}
OPENFEATURE = "/ofrep/"
"""Below it some of what goes wrong is told in the words of that protocol."""


def openapi_routes(routes: Iterable[Route]) -> Routes:
    """Return the route that describes these routes, and itself."""
    own = Routes()

    @own.get("/api/v1/openapi.json", may=SELF)
    async def describe_api(ask: Ask) -> dict[str, Any]:  # noqa: ARG001 (what it says is the same for all)
        """Describe the API."""
        return described

    described = describe([*routes, *own])
    return own


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of these routes."""
    routes = list(routes)
    kinds = {kind for route in routes for kind in (*_bodies(route), _answer(route)) if kind is not None}
    wanted = [Trouble, *sorted(kinds, key=str)]
    schemas, components = _short(*msgspec.json.schema_components(wanted, ref_template=_PLACE))
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
            "parameters": {"Workspace": _WORKSPACE, "IfNoneMatch": _IF_NONE_MATCH},
            "headers": _HEADERS,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _short(schemas: Any, components: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return schemas in which those of one name are told apart by the noun that each belongs to, as in `ProblemsEdit`."""
    long = {name: name.split(".") for name in components if "." in name}
    short = {name: f"{parts[-2].title().replace('_', '')}{parts[-1]}" for name, parts in long.items()}
    places = {_PLACE.format(name=name): _PLACE.format(name=told) for name, told in short.items()}

    def renamed(schema: Any) -> Any:
        if isinstance(schema, dict):
            return {key: renamed(value) for key, value in schema.items()}
        if isinstance(schema, list | tuple):
            return [renamed(each) for each in schema]
        return places.get(schema, schema) if isinstance(schema, str) else schema

    return renamed(schemas), {short.get(name, name): renamed(each) for name, each in components.items()}


def _operation(route: Route, known: dict[Any, Any]) -> dict[str, Any]:
    trouble = {"application/problem+json": {"schema": plain(known[Trouble])}}
    if route.path.startswith(OPENFEATURE):
        trouble["application/json"] = {"schema": {"type": "object"}}
    good = _good(route, known)
    told: dict[str, Any] = {str(route.status): good}
    if route.keyed:
        told["200"] = {**good, "description": "It was done under this key before."}
    for other in route.also:
        told[str(other)] = {**good, "description": "It was done, or looked at, at once."}
    for code in route.tells:
        status = str(STATUSES.get(code, 422))
        words = told.get(status, {}).get("description", "")
        told[status] = {"description": f"{words}, {code}" if words else code, "content": trouble}
    if is_marked(route):
        told["304"] = {"description": "It is what whoever asks has already.", "headers": {"ETag": _ETAG}}
    told["default"] = {"description": "A problem.", "content": trouble}
    if route.may != ALWAYS:
        told = {status: _with_headers(status, each) for status, each in told.items()}
    said: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.noun],
        "summary": route.title,
        "responses": told,
        "parameters": _parameters(route),
        "x-may": route.may,
    }
    if route.body is not None:
        schema = plain(known[route.body])
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.deprecated is not None:
        said["deprecated"] = True
    said["security"] = [] if route.may in (OPEN, ALWAYS) else [{"key": []}]
    return said


def _with_headers(status: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of an answer with the headers that every one has, or may have."""
    passing = ("Retry-After",) if status in ("429", "503", "default") else ()
    names = ("X-Request-Id", *_PACED, *passing)
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {**told, "headers": {**headers, **told.get("headers", {})}}


def _good(route: Route, known: dict[Any, Any]) -> dict[str, Any]:
    """Return what is told of the answer where all went well."""
    good: dict[str, Any] = {"description": route.title}
    answer = _answer(route)
    if answer is not None:
        good["content"] = {"application/json": {"schema": plain(known[answer])}}
        if is_marked(route) or "revision" in getattr(answer, "__struct_fields__", ()):
            good["headers"] = {"ETag": _ETAG}
    if route.gives:
        schema = {} if route.gives == STREAM else {"type": "string", "contentMediaType": route.gives}
        good.setdefault("content", {})[route.gives] = {"schema": schema}
    elif route.status == 303:
        good["headers"] = {"Location": {"description": "Where to go on.", "schema": _TEXT}}
    return good


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if route.at is not None:
        (schema,), components = msgspec.json.schema_components([route.at], ref_template=_PLACE)
        own = components[schema["$ref"].rpartition("/")[2]]
        for name, each in own.get("properties", {}).items():
            place = "path" if name in route.in_path else "query"
            is_needed = place == "path" or name in own.get("required", ())
            schema = _without_zero(plain(each))
            found.append({"name": name, "in": place, "required": is_needed, "schema": schema})
    if route.over:
        found.append(_IF_MATCH)
    if route.keyed:
        found.append(_KEY)
    if route.gives == STREAM:
        found.append(_LAST)
    if is_marked(route):
        found.append({"$ref": "#/components/parameters/IfNoneMatch"})
    if route.may not in (OPEN, ALWAYS) and not route.everywhere:
        found.append({"$ref": "#/components/parameters/Workspace"})
    return found


def _without_zero(schema: Any) -> Any:
    """Return the schema of a parameter in which no text holds the character 0: none is read that does."""
    if isinstance(schema, list | tuple):
        return [_without_zero(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "const"}:
        return {**schema, "pattern": NO_ZERO}
    return {key: _without_zero(told) if key in ("items", "anyOf") else told for key, told in schema.items()}


def is_marked(route: Route) -> bool:
    """Return whether a route answers what need not be sent again to those who have it."""
    return route.is_safe and route.may != ALWAYS and _answer(route) is not None


def _bodies(route: Route) -> tuple[Any, ...]:
    return (route.body,) if route.body is not None else ()


def _answer(route: Route) -> Any:
    """Return the type of what a route answers; None where it is nothing, or nothing that has a schema."""
    is_union = isinstance(route.answer, UnionType)
    for kind in get_args(route.answer) if is_union else (route.answer,):
        is_reply = kind is NoneType or (isinstance(kind, type) and issubclass(kind, Reply))
        if kind is not None and not is_reply:
            return kind
    return None
