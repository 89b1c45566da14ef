"""The parts of the workflow schema that do not depend on which step types are installed."""

from collections.abc import Mapping
from typing import Any, Final

from auraos.core.catalogue import Schema
from auraos.core.graph.read_step import ERROR_CLASSES

STEP_NAME: Final = "^[a-z][a-z0-9_]*$"
_LINK: Final = r"^\s*[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?\s*->\s*[a-z][a-z0-9_]*\s*$"
_DURATION: Final = (
    r"^(([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+(\.[0-9]{1,6})?s)?([0-9]+ms)?"
    r"|P([0-9]+W)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]{1,6})?S)?)?)$"
)
_TEMPLATE: Final[Schema] = {"type": "string", "pattern": r"\{\{", "description": "An expression in `{{ }}`."}


def shared_definitions() -> dict[str, Schema]:
    """Return what the schemas of steps and of the spec refer to."""
    return {
        "template": _TEMPLATE,
        "duration": {
            "type": "string",
            "minLength": 2,
            "pattern": _DURATION,
            "examples": ["30s", "5m", "1h30m", "5d"],
        },
        "schema": {"type": ["object", "boolean"]},
        "steps": {
            "type": "object",
            "propertyNames": {"pattern": STEP_NAME},
            "additionalProperties": {"$ref": "#/$defs/step"},
        },
        "links": said(
            {"type": ["array", "null"], "items": {"type": "string", "pattern": _LINK}},
            "From a step's port to a step: `a.port -> b`.",
        ),
        "scope": closed(
            {"steps": {"$ref": "#/$defs/steps"}, "links": {"$ref": "#/$defs/links"}}, required=["steps"]
        ),
        "retry": _retry_schema(),
        "verify": {
            **closed(
                {
                    "type": {"$ref": "#/$defs/type"},
                    "with": {"type": "object"},
                    "done": {"type": ["string", "boolean"]},
                },
                required=["type", "done"],
            ),
            "$ref": "#/$defs/inner_step",
        },
        "undo": {
            **closed(
                {
                    "type": {"$ref": "#/$defs/type"},
                    "with": {"type": "object"},
                    "retry": {"$ref": "#/$defs/retry"},
                    "timeout": {"$ref": "#/$defs/duration"},
                },
                required=["type"],
            ),
            "$ref": "#/$defs/inner_step",
        },
        "cache": closed({"ttl": {"$ref": "#/$defs/duration"}, "key": {}}, required=["ttl"]),
        "settings": _settings_schema(),
        "test": _test_schema(),
        "layout": _layout_schema(),
    }


def _retry_schema() -> Schema:
    return closed(
        {
            "attempts": said({"type": "integer", "minimum": 1, "maximum": 1000}, "How many attempts in all."),
            "first": duration_schema("The wait before the second attempt."),
            "factor": said({"type": "number", "minimum": 1, "maximum": 100}, "How much longer each wait is."),
            "max": duration_schema("The longest wait."),
            "jitter": {"type": "number", "minimum": 0, "maximum": 1},
            "on": said(
                {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            {"enum": list(ERROR_CLASSES)},
                            {"type": "string", "pattern": "^[a-z][a-z0-9_-]*$"},
                        ]
                    },
                },
                "Classes or codes of errors that are worth another attempt.",
            ),
        },
        required=["attempts"],
    )


def _settings_schema() -> Schema:
    shape: dict[str, Any] = {
        "key": {
            "description": "Counts apart for each value of this expression over `input`, `vars`, `run` and `trigger`."
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000000},
        "per": duration_schema("The time that the limit speaks of."),
    }
    full = "What becomes of a start that there is no room for."
    runs = said({"enum": ["wait", "skip", "cancel_oldest", "fail"]}, full)
    called = {"type": "string", "pattern": "^[a-z][a-z0-9-]*(@[1-9][0-9]*)?$"}
    flows: dict[str, Any] = {
        name: said(
            closed(
                {**{field: shape[field] for field in fields}, **more},
                required=["per"] if "per" in fields else [],
            ),
            words,
        )
        for name, words, fields, more in (
            ("concurrency", "How many runs go on at the same time.", ("key", "limit"), {"when_full": runs}),
            (
                "singleton",
                "The same, beside `concurrency` with another key.",
                ("key", "limit"),
                {"when_full": runs},
            ),
            (
                "throttle",
                "How many runs begin in this time; further ones wait.",
                ("key", "limit", "per"),
                {"when_full": said({"enum": ["wait", "skip", "fail"]}, full)},
            ),
            (
                "rate",
                "How many starts are taken in this time; further ones are not.",
                ("key", "limit", "per"),
                {"when_full": said({"enum": ["skip", "fail"]}, full)},
            ),
            (
                "debounce",
                "Of starts that follow each other within this time the last one runs.",
                ("key", "per"),
                {},
            ),
            (
                "batch",
                "Starts are gathered into one run, whose `input` is their list.",
                ("key", "limit", "per"),
                {},
            ),
        )
    }
    return closed(
        {
            "timeout": duration_schema("How long a run may take."),
            **flows,
            "priority": {"type": "integer", "minimum": 0, "maximum": 9},
            "on_failure": said(
                {"anyOf": [called, closed({"workflow": called}, required=["workflow"])]},
                "The workflow to start when a run fails.",
            ),
            "retention": duration_schema("How long finished runs are kept."),
            "timezone": text_schema("The zone in which times of day are meant, as `Europe/Berlin`."),
        }
    )


def _test_schema() -> Schema:
    listed: Schema = {"type": "array", "items": {"type": "object"}}
    return closed(
        {
            "name": text_schema("What the case proves, as a sentence."),
            "input": {},
            "variables": {"type": "object"},
            "trigger": {},
            "mocks": said({"type": "object"}, "Outputs of steps by their path, instead of effects."),
            "answers": said({"type": "object"}, "What people answer, by the path of the step that asks."),
            "signals": listed,
            "events": listed,
            "control": listed,
            "order": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Who finishes first of those that run at once.",
            },
            "at": text_schema("The time at which the run starts, as 2026-01-02T03:04:05Z."),
            "expect": {"type": "object"},
        },
        required=["name"],
    )


def _layout_schema() -> Schema:
    position = {"type": "array", "items": {"type": "number"}, "minItems": 2}
    return {
        "type": ["object", "null"],
        "description": "Positions and notes of the drawing; no part of a version's meaning.",
        "properties": {
            "steps": {"type": "object", "additionalProperties": position},
            "groups": {"type": "object"},
            "notes": {"type": "object"},
        },
    }


def closed(properties: Mapping[str, Any], required: list[str] | None = None) -> Schema:
    """Return the schema of a mapping that has these fields and no others."""
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def said(schema: Schema, description: str) -> Schema:
    """Return a schema with a description."""
    return {**schema, "description": description}


def text_schema(description: str) -> Schema:
    """Return the schema of a text."""
    return {"type": "string", "description": description}


def duration_schema(description: str) -> Schema:
    """Return the schema of a duration."""
    return {"$ref": "#/$defs/duration", "description": description}
