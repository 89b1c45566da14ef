"""Settings and outputs in words: the fields of a JSON Schema, nested ones under their own."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

Schema = dict[str, Any]
_DEEPEST = 3


class Field(NamedTuple):
    """A field as it is listed: how deep it lies, its name, its kind, whether it must be there, and what it means."""

    depth: int
    name: str
    kind: str
    required: bool
    words: str


def list_fields(schema: Schema) -> list[Field]:
    """Return the fields of a mapping's schema, each followed by those inside of it."""
    return list(_fields(schema, schema.get("$defs", {}), 0))


def kind_words(schema: Schema, definitions: Schema) -> str:
    """Return the kind of a value in words, as `text | null`."""
    schema = _resolved(schema, definitions)
    if "enum" in schema:
        return " | ".join(_written(one) for one in schema["enum"])
    if "const" in schema:
        return _written(schema["const"])
    for way in ("anyOf", "oneOf"):
        if way in schema:
            return " | ".join(dict.fromkeys(kind_words(one, definitions) for one in schema[way]))
    kind = schema.get("x-kind") or schema.get("type") or "any"
    return kind if isinstance(kind, str) else " | ".join(kind)


def _fields(schema: Schema, definitions: Schema, depth: int) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, written in schema.get("properties", {}).items():
        field = _resolved(written, definitions)
        words = " ".join([field.get("description", ""), _default_words(field, name in required)]).strip()
        yield Field(depth, name, kind_words(field, definitions), name in required, words)
        inner, each = inside(field, definitions)
        if inner and depth < _DEEPEST:
            if each:
                yield Field(depth + 1, each, "object", False, "")
            yield from _fields(inner, definitions, depth + 1 + bool(each))


def inside(field: Schema, definitions: Schema) -> tuple[Schema, str]:
    """Return the schema of the mapping that a field holds, and how its place is named if it may hold several."""
    choices = field.get("anyOf") or field.get("oneOf") or [field]
    resolved = [_resolved(one, definitions) for one in choices]
    for one in resolved:
        if one.get("properties"):
            return one, ""
        for way, each in (("items", "each"), ("additionalProperties", "NAME")):
            inner = one.get(way)
            inner = _resolved(inner, definitions) if isinstance(inner, dict) else {}
            if inner.get("properties"):
                return inner, each
    return {}, ""


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    reference = schema.get("$ref", "")
    if not reference:
        return schema
    named = definitions.get(reference.rpartition("/")[2], {})
    return {**named, **{key: value for key, value in schema.items() if key != "$ref"}}


def _default_words(field: Schema, required: bool) -> str:
    default = field.get("default")
    if required or default in (None, "", [], {}):
        return ""
    return f"Default: {_written(default)}."


def _written(value: Any) -> str:
    plain = isinstance(value, str) and value.replace("-", "a").replace("_", "a").isalnum()
    return str(value) if plain else msgspec.json.encode(value).decode()
