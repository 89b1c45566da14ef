"""JSON Schemas that people write, for inputs and for what steps put out: the one place where values are held against them.

A schema stands for itself: a reference out of it is refused, never fetched, and its patterns run in linear time.
"""

from typing import NoReturn

import jsonschema_rs
import msgspec

from auraos.core.catalogue import Schema
from auraos.core.errors import UserError
from auraos.core.values import Value, to_plain

MOST_MISMATCHES = 100


class Mismatch(msgspec.Struct, frozen=True):
    """Where a value is not as its schema says, and how: `.lines[2].qty`, `1.5 is not of type "integer"`."""

    path: str
    message: str


class SchemaRefusedError(UserError):
    """Something that is no JSON Schema, or points out of itself."""

    code = "bad-schema"


class SchemaCheck:
    """A schema, compiled."""

    def __init__(self, schema: Schema) -> None:
        options = jsonschema_rs.RegexOptions()
        try:
            self._validator = jsonschema_rs.validator_for(schema, pattern_options=options, retriever=_refuse)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise SchemaRefusedError(f"This schema cannot be used: {str(error).splitlines()[0]}") from error

    def mismatches(self, value: Value) -> list[Mismatch]:
        """Return everything in a value that is not as the schema says, a hundred findings at most."""
        found: list[Mismatch] = []
        for error in self._validator.iter_errors(to_plain(value)):
            found.append(Mismatch(_place(error.instance_path), error.message))
            if len(found) == MOST_MISMATCHES:
                break
        return found

    def first(self, value: Value) -> Mismatch | None:
        """Return the first mismatch, None where the value fits."""
        plain = to_plain(value)
        if self._validator.is_valid(plain):
            return None
        error = next(iter(self._validator.iter_errors(plain)))
        return Mismatch(_place(error.instance_path), error.message)


def given_input(schema: Schema | None, value: Value) -> Value:
    """Return an input as it counts: where none is given and the workflow wants a mapping, it is an empty one."""
    return {} if value is None and schema is not None and schema.get("type") == "object" else value


def _place(path: list[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _refuse(address: str) -> NoReturn:
    raise ValueError(f"A schema cannot point to {address}.")
