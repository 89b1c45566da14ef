"""Shapes: what is known of values before anything runs, as JSON Schemas. A path is followed into a shape field by field.

A mapping whose schema lists `properties` is closed, and reading another field of it a mistake, when it says
`additionalProperties: false` or `x-closed: true`; an open one may hold more than it lists.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from auraos.core.catalogue import Schema

ANYTHING: Schema = {}
_MOST_STEPS = 40


class Lost(NamedTuple):
    """A path left a shape: the name that is not there, how far it led, the names that are, and whether that is certain."""

    name: str
    depth: int
    known: tuple[str, ...]
    is_closed: bool


class Shape(NamedTuple):
    """A schema and the definitions that references in it speak of."""

    schema: Schema
    definitions: Mapping[str, Any]
    closed: bool = False
    """Whether mappings that do not say so are closed: true of outputs that a step type declares."""

    def options(self) -> Iterator[Schema]:
        """Yield the schemas one of which describes the value, references followed, null left out."""
        waiting = [(self.schema, 0)]
        while waiting:
            schema, level = waiting.pop()
            if not isinstance(schema, dict) or level > _MOST_STEPS:
                yield ANYTHING
                continue
            reference = schema.get("$ref")
            if isinstance(reference, str):
                found = self.definitions.get(reference.rpartition("/")[2])
                waiting.append((found if isinstance(found, dict) else ANYTHING, level + 1))
                continue
            alternatives = schema.get("anyOf") or schema.get("oneOf")
            if isinstance(alternatives, list):
                waiting.extend((option, level + 1) for option in alternatives)
            elif schema.get("type") != "null":
                yield schema

    def field(self, name: str) -> "Shape | Lost":
        """Return the shape of a field, or that there is none."""
        found: list[Any] = []
        known: dict[str, None] = {}
        options = list(self.options())
        is_closed = bool(options)
        for schema in options:
            properties = schema.get("properties")
            others = schema.get("additionalProperties")
            if "allOf" in schema or "patternProperties" in schema or not isinstance(properties, dict):
                if isinstance(others, dict):
                    found.append(others)
                else:
                    return Shape(ANYTHING, {})
            elif name in properties:
                found.append(properties[name])
            elif isinstance(others, dict):
                found.append(others)
            else:
                known |= dict.fromkeys(properties)
                stays_open = others is True or schema.get("x-closed") is False
                is_closed = is_closed and (others is False or (self.closed and not stays_open))
        if len(found) == 1:
            return Shape(found[0], self.definitions, self.closed)
        if found:
            return Shape({"anyOf": found}, self.definitions, self.closed)
        if not options:
            return Shape(ANYTHING, {})
        return Lost(name, 0, tuple(known), is_closed)

    def item(self) -> "Shape":
        """Return the shape of an item of a list."""
        options = list(self.options())
        if len(options) != 1 or not isinstance(options[0].get("items"), dict):
            return Shape(ANYTHING, {})
        return Shape(options[0]["items"], self.definitions, self.closed)

    def follow(self, names: tuple[str, ...]) -> "Shape | Lost":
        """Return the shape at the end of a path of fields, or where it was lost."""
        shape = self
        for depth, name in enumerate(names):
            found = shape.field(name)
            if isinstance(found, Lost):
                return found._replace(depth=depth)
            shape = found
        return shape

    @property
    def is_known(self) -> bool:
        """Return whether anything at all is known."""
        return bool(self.schema)


def shape_of_schema(schema: Schema | None, *, closed: bool = False) -> Shape:
    """Return the shape that a whole schema describes."""
    if not schema:
        return Shape(ANYTHING, {})
    definitions = schema.get("$defs", schema.get("definitions", {}))
    return Shape(schema, definitions if isinstance(definitions, dict) else {}, closed)


def shape_of_value(value: Any) -> Shape:
    """Return the shape of a plain value."""
    return Shape(_schema_of_value(value), {}, closed=True)


def _schema_of_value(value: Any) -> Schema:
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case dict():
            return {
                "type": "object",
                "properties": {str(key): _schema_of_value(item) for key, item in value.items()},
            }
        case list() if value:
            first = [_schema_of_value(item) for item in value[:20]]
            same = all(schema == first[0] for schema in first) and len(value) <= 20
            return {"type": "array", "items": first[0]} if same else {"type": "array"}
        case list():
            return {"type": "array"}
    return ANYTHING
