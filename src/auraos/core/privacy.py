"""Field tags: what a schema says of fields that tell of a person, and of others that are not for everybody.

    email: {type: string, personal: true, subject: true}     the person whom the data is about
    note:  {type: string, personal: true}                    tells of that person
    code:  {type: string, secret: true}                      is not for everybody, though about nobody

A schema with a tag anywhere makes all payloads of a run private: where the data flows to from there nobody can say.
"""

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from auraos.core.catalogue import Schema
from auraos.core.values import Value

TAGS: Final = ("personal", "secret", "subject")
DEEPEST: Final = 30
HIDDEN: Final = "(hidden)"
"""Stands for a private value in what is said of it."""
MOST_SUBJECTS: Final = 100
"""So many persons the input of one run may be about."""
_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "contains", "if", "then", "else", "unevaluatedProperties")


def schemas_in(
    schema: Any, path: tuple[str | int, ...] = (), level: int = 0
) -> Iterator[tuple[Schema, tuple[str | int, ...]]]:
    """Yield every schema in a schema, itself first, each with its path."""
    if not isinstance(schema, dict) or level > DEEPEST:
        return
    yield schema, path
    for field in _MAPS:
        inner = schema.get(field)
        for name, part in inner.items() if isinstance(inner, dict) else ():
            yield from schemas_in(part, (*path, field, name), level + 1)
    for field in _LISTS:
        listed = schema.get(field)
        for number, part in enumerate(listed if isinstance(listed, list) else ()):
            yield from schemas_in(part, (*path, field, number), level + 1)
    for field in _SINGLE:
        yield from schemas_in(schema.get(field), (*path, field), level + 1)


def has_tags(schema: Schema | None) -> bool:
    """Return whether a field of this schema tells of a person, or is secret."""
    return bool(schema) and any(part.get(tag) is True for part, _ in schemas_in(schema) for tag in TAGS)


def tagged_values(schema: Schema, value: Value, tag: str) -> list[Value]:
    """Return the values in the places of a tag."""
    definitions = schema.get("$defs")
    found: list[Value] = []
    _gather(schema, value, tag, definitions if isinstance(definitions, dict) else {}, found, 0)
    return found


def subjects_in(schema: Schema, value: Value) -> list[str]:
    """Return whom a value is about: each person once, named so that spelling makes no difference."""
    named = (name_of_subject(one) for one in tagged_values(schema, value, "subject"))
    return list(dict.fromkeys(name for name in named if name))[:MOST_SUBJECTS]


def name_of_subject(value: Value) -> str:
    """Return the name under which a person is found, whatever case and spaces it was written with; empty for none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())


def _gather(
    schema: Any, value: Value, tag: str, definitions: dict[str, Any], found: list[Value], level: int
) -> None:
    if not isinstance(schema, dict) or level > DEEPEST:
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        _gather(
            definitions.get(reference.removeprefix("#/$defs/")), value, tag, definitions, found, level + 1
        )
    if schema.get(tag) is True and value is not None:
        found.append(value)
    for field in _LISTS[:3]:
        listed = schema.get(field)
        for part in listed if isinstance(listed, list) else ():
            _gather(part, value, tag, definitions, found, level + 1)
    if isinstance(value, dict):
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        for name, item in value.items():
            _gather(
                known.get(name, schema.get("additionalProperties")), item, tag, definitions, found, level + 1
            )
    elif isinstance(value, list):
        for item in value:
            _gather(schema.get("items"), item, tag, definitions, found, level + 1)
