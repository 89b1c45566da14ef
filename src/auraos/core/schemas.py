"""JSON Schemas that people write, for inputs and for what steps put out: the one place where values are held against them.

A schema stands for itself: a reference out of it is refused, never fetched, and its patterns run in linear time.
"""

from typing import Any, NoReturn

import jsonschema_rs
import msgspec

from auraos.core.catalogue import Schema
from auraos.core.errors import UserError
from auraos.core.values import Value, to_plain

MOST_MISMATCHES = 100
LONGEST_MESSAGE = 1000
DEEPEST_DEFAULT = 30


class Mismatch(msgspec.Struct, frozen=True):
    """Where a value is not as its schema says, and how: `.lines[2].qty`, `1.5 is not of type "integer"`."""

    path: str
    message: str


class SchemaRefusedError(UserError):
    """Something that is no JSON Schema, or points out of itself."""

    code = "bad-schema"


class SchemaCheck:
    """A schema, compiled. With a mask, what it finds wrong is told without the values."""

    def __init__(self, schema: Schema, *, mask: str = "") -> None:
        options = jsonschema_rs.RegexOptions()
        try:
            self._validator = jsonschema_rs.validator_for(
                schema, pattern_options=options, retriever=_refuse, mask=mask or None
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise SchemaRefusedError(f"This schema cannot be used: {str(error).splitlines()[0]}") from error

    def mismatches(self, value: Value) -> list[Mismatch]:
        """Return everything in a value that is not as the schema says, a hundred findings at most."""
        found: list[Mismatch] = []
        for error in self._validator.iter_errors(to_plain(value)):
            found.append(Mismatch(_place(error.instance_path), _short(error.message)))
            if len(found) == MOST_MISMATCHES:
                break
        return found

    def first(self, value: Value) -> Mismatch | None:
        """Return the first mismatch, None where the value fits."""
        plain = to_plain(value)
        if self._validator.is_valid(plain):
            return None
        error = next(iter(self._validator.iter_errors(plain)))
        return Mismatch(_place(error.instance_path), _short(error.message))


def given_input(schema: Schema | None, value: Value) -> Value:
    """Return an input as it counts: with the defaults of its schema for what is left out; and where none is given at all and
    the workflow wants a mapping, for an empty one.
    """
    return Defaults(schema).given(value) if schema else value


class Defaults:
    """Puts the defaults of a schema in the places of properties that are left out. What was given is not changed.

    A property that is there keeps its value, null too. Under `anyOf` and `oneOf` nothing is filled in: which of them is
    meant shows only when the value is held against them.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._has_some = "'default':" in repr(schema)
        definitions = schema.get("$defs")
        self._definitions: dict[str, Any] = definitions if isinstance(definitions, dict) else {}

    def given(self, value: Value) -> Value:
        """Return an input as it counts."""
        schema = self._schema
        if value is None:
            value = (
                schema["default"] if "default" in schema else {} if schema.get("type") == "object" else None
            )
        return self._fill(schema, value, ()) if self._has_some else value

    def _fill(self, schema: Any, value: Value, within: tuple[int, ...]) -> Value:
        """Return the value with the defaults of this schema; `within` are the schemas whose default it stands in."""
        schema = self._resolved(schema)
        if schema is None or len(within) > DEEPEST_DEFAULT:
            return value
        if isinstance(value, dict):
            value = self._fill_mapping(schema, value, within)
        elif isinstance(value, list):
            items = schema.get("items")
            filled = [self._fill(items, item, within) for item in value] if items else value
            value = filled if any(new is not old for new, old in zip(filled, value, strict=True)) else value
        parts = schema.get("allOf")
        for part in parts if isinstance(parts, list) else ():
            value = self._fill(part, value, within)
        return value

    def _fill_mapping(self, schema: Schema, value: dict[str, Any], within: tuple[int, ...]) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        properties = schema.get("properties")
        for name, inner in properties.items() if isinstance(properties, dict) else ():
            found = self._resolved(inner)
            if found is None:
                continue
            if name in value:
                filled = self._fill(found, value[name], within)
                if filled is not value[name]:
                    changed[name] = filled
            elif "default" in found and id(found) not in within:
                changed[name] = self._fill(found, found["default"], (*within, id(found)))
        return {**value, **changed} if changed else value

    def _resolved(self, schema: Any) -> Schema | None:
        for _ in range(DEEPEST_DEFAULT):
            if not isinstance(schema, dict):
                return None
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
                return schema
            beside = {key: part for key, part in schema.items() if key != "$ref"}
            target = self._definitions.get(reference.removeprefix("#/$defs/"))
            schema = {**target, **beside} if beside and isinstance(target, dict) else target
        return None


def _short(message: str) -> str:
    """Return a message that may tell of very much that somebody sent."""
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"


def _place(path: list[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _refuse(address: str) -> NoReturn:
    raise ValueError(f"A schema cannot point to {address}.")
