"""JSON Schemas in words: the tables of settings, and the types in their cells."""

from collections.abc import Iterator
from typing import Any

from auraos.cli.fields import inside
from markdown import code, in_line

Schema = dict[str, Any]
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "pattern `{}`",
    "format": "{}",
}
LONGEST_BOUND = 40
MOST_CHOICES = 12
PLURALS = {"text": "texts", "number": "numbers", "whole number": "whole numbers", "mapping": "mappings"}
NAMES = {
    "string": "text",
    "integer": "whole number",
    "array": "list",
    "object": "mapping",
    "boolean": "true or false",
}


def fields(schema: Schema) -> list[tuple[str, str, str, str, str]]:
    """Return a row per field: name, type, whether it must be there, default, description; nested fields by path."""
    return list(_fields(schema, schema.get("$defs", {}), ""))


def type_words(schema: Schema, definitions: Schema) -> str:
    """Return the type of a value in words."""
    if schema.get("$ref", "").endswith("/duration"):
        return "duration"
    schema = resolve(schema, definitions)
    if "x-kind" in schema:
        return str(schema["x-kind"])
    if "enum" in schema:
        return " or ".join(code(in_line(choice)) for choice in schema["enum"])
    if "const" in schema:
        return code(in_line(schema["const"]))
    for way in ("anyOf", "oneOf"):
        if way in schema:
            choices = dict.fromkeys(type_words(choice, definitions) for choice in schema[way])
            return " or ".join(choices) if len(choices) <= MOST_CHOICES else "a name from a list"
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(type_words({**schema, "type": one}, definitions) for one in kind)
    name = NAMES.get(kind, kind)
    if kind == "array" and schema.get("items"):
        inner = type_words(schema["items"], definitions)
        name = f"list of {PLURALS.get(inner, inner)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner = type_words(schema["additionalProperties"], definitions)
        name = f"mapping of {PLURALS.get(inner, inner)}" if inner != "anything" else "mapping"
    bounds = [words.format(schema[bound]) for bound, words in BOUNDS.items() if is_told(schema.get(bound))]
    return f"{name} ({', '.join(bounds)})" if bounds else name


def is_told(bound: Any) -> bool:
    """Return whether a bound is there, and short enough for people."""
    return bound is not None and len(str(bound)) <= LONGEST_BOUND


def resolve(schema: Schema, definitions: Schema) -> Schema:
    """Return the schema that a reference names, or the schema itself."""
    reference = schema.get("$ref", "")
    if not reference:
        return schema
    named = definitions.get(reference.rpartition("/")[2], {})
    return {**named, **{key: value for key, value in schema.items() if key != "$ref"}}


def _fields(schema: Schema, definitions: Schema, above: str) -> Iterator[tuple[str, str, str, str, str]]:
    required = schema.get("required", [])
    for name, written in schema.get("properties", {}).items():
        field = resolve(written, definitions)
        default = code(in_line(field["default"])) if "default" in field and name not in required else ""
        words = field.get("description", "")
        if "x-deferred" in field:
            names = " and ".join(code(each) for each in field["x-deferred"])
            more = f" They may also read {names}." if names else ""
            words = f"{words} Its expressions are evaluated by the step itself.{more}".strip()
        yield (
            code(above + name),
            type_words(written, definitions),
            "yes" if name in required else "",
            default,
            words,
        )
        inner, each = inside(field, definitions)
        if inner and above.count(".") < 1:
            yield from _fields(inner, definitions, f"{above}{name}.{each and each + '.'}")
