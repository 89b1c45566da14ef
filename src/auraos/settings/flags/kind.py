"""The kind of flags: what the rest of the house needs to treat them like any other document."""

from typing import Any, Final

from auraos.core.catalogue import Catalogue, Schema
from auraos.core.document import Document
from auraos.core.kind import Kind, Meaning, Others
from auraos.core.problems import Problem
from auraos.settings.flags.reading import MOST_RULES, MOST_VARIANTS, TYPES, read_flag

NAME: Final = "flag"
_SPLIT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100},
    "description": "How many of a hundred get each variant; together they are 100.",
}
_VARIANT: Final[dict[str, Any]] = {"type": ["string", "boolean"], "description": "The name of a variant."}


def _schema(_: Catalogue) -> Schema:
    rule = {
        "type": "object",
        "additionalProperties": False,
        "required": ["when"],
        "properties": {
            "name": {"type": "string"},
            "when": {"type": "string", "description": "For whom it fits: an expression over `context`."},
            "variant": _VARIANT,
            "split": _SPLIT,
        },
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["type", "default"],
        "properties": {
            "type": {"enum": list(TYPES)},
            "variants": {
                "type": "object",
                "maxProperties": MOST_VARIANTS,
                "description": "Values by name; a boolean flag has on and off without saying so.",
            },
            "default": {"anyOf": [_VARIANT, _SPLIT]},
            "off": _VARIANT,
            "rules": {"type": "array", "maxItems": MOST_RULES, "items": rule},
            "unit": {
                "type": "string",
                "description": "The field of the context by which a split tells people apart.",
            },
            "seed": {
                "type": "string",
                "description": "Flags with one seed give the same people the same shares.",
            },
            "expires": {"type": "string", "format": "date"},
        },
    }


def _check(document: Document, _: Catalogue, __: Others | None = None) -> list[Problem]:
    return read_flag(document)[1]


def _read(document: Document, _: Catalogue) -> Meaning | None:
    return Meaning() if read_flag(document)[0] is not None else None


FLAG: Final = Kind(name=NAME, title="Feature flag", schema=_schema, check=_check, read=_read)
