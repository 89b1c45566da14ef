"""Where the settings of a step name secrets: at the places that the schema of its type marks with `x-kind: secret`."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from auraos.core.catalogue import Schema
from auraos.core.graph.fields import has_template
from auraos.core.graph.schema_check import resolve
from auraos.core.problems import Path

_MOST_LEVELS = 30


class UsedSecret(NamedTuple):
    """A setting that names a secret, as it is written."""

    path: Path
    name: str
    goes_to: str
    """What the schema says of where it goes: another setting beside it, or `@local`."""
    beside: Mapping[str, Any]
    """The settings among which it stands."""


def used_secrets(schema: Schema, settings: Mapping[str, Any], path: Path = ()) -> Iterator[UsedSecret]:
    """Yield the settings that name a secret, wherever they stand: in lists and mappings of them, too. An expression that stands
    for all of such a mapping is one of them, for it would name one.
    """
    yield from _within([schema], settings, path, settings, schema.get("$defs", {}), 0)


def _within(
    schemas: list[Any], value: Any, path: Path, beside: Mapping[str, Any], definitions: Mapping[str, Schema], level: int
) -> Iterator[UsedSecret]:  # fmt: skip
    shapes = [shape for schema in schemas for shape in _shapes(schema, definitions, level)]
    if not shapes or level > _MOST_LEVELS:
        return
    match value:
        case str():
            marked = next((shape for shape in shapes if shape.get("x-kind") == "secret"), None)
            if marked is not None:
                yield UsedSecret(path, value, marked.get("x-goes-to", ""), beside)
            elif has_template(value) and _names_within(shapes, definitions, set()):
                yield UsedSecret(path, value, "", beside)
        case dict():
            for name, item in value.items():
                inner = [_of_field(shape, name) for shape in shapes]
                yield from _within(inner, item, (*path, name), value, definitions, level + 1)
        case list():
            for index, item in enumerate(value):
                inner = [_of_item(shape, index) for shape in shapes]
                yield from _within(inner, item, (*path, index), beside, definitions, level + 1)


def _shapes(schema: Any, definitions: Mapping[str, Schema], level: int) -> Iterator[Schema]:
    """Yield a schema and all that it says a value may, or must, be as well."""
    if not isinstance(schema, dict) or level > _MOST_LEVELS:
        return
    schema = resolve(schema, definitions)
    yield schema
    for words in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(words, ()):
            yield from _shapes(option, definitions, level + 1)


def _names_within(shapes: list[Schema], definitions: Mapping[str, Schema], seen: set[int]) -> bool:
    """Return whether a secret is named somewhere within what has these shapes."""
    for shape in shapes:
        if id(shape) in seen:
            continue
        seen.add(id(shape))
        inner = [*shape.get("properties", {}).values(), *shape.get("prefixItems", ())]
        inner += [shape.get("additionalProperties"), shape.get("items")]
        below = [found for one in inner for found in _shapes(one, definitions, 0)]
        if shape.get("x-kind") == "secret" or _names_within(below, definitions, seen):
            return True
    return False


def _of_field(shape: Schema, name: str) -> Any:
    properties = shape.get("properties", {})
    return properties[name] if name in properties else shape.get("additionalProperties")


def _of_item(shape: Schema, index: int) -> Any:
    first = shape.get("prefixItems", ())
    return first[index] if index < len(first) else shape.get("items")
