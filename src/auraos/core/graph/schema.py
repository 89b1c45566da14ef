"""The JSON Schema of a workflow's spec, for editors and other tools; the step types that are installed are part of it."""

from typing import Any

from auraos.core.catalogue import Behaviour, Catalogue, Schema, StepType
from auraos.core.graph.read_step import UNCERTAIN

_DURATION: Schema = {"type": "string", "x-kind": "duration", "examples": ["30s", "5m", "72h"]}
_ID = "^[a-z][a-z0-9_]*$"
_LINK = r"^\s*[^\s.>]+(\.[^\s>]+)?\s*->\s*[^\s>]+\s*$"


def workflow_schema(catalogue: Catalogue) -> Schema:
    """Return the schema of `spec`. It says less than the checks do: it knows no names and no order."""
    return {
        **_object(
            {
                "input": {"type": "object", "description": "A JSON Schema; checked before a run exists."},
                "variables": {"type": "object", "propertyNames": {"pattern": _ID}},
                "settings": {"$ref": "#/$defs/settings"},
                "steps": {"$ref": "#/$defs/steps"},
                "links": {"$ref": "#/$defs/links"},
                "output": {"description": "What a run puts out; that of the only end step when left out."},
            },
            "steps",
        ),
        "$defs": {
            "steps": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": _ID},
                "additionalProperties": {"$ref": "#/$defs/step"},
            },
            "links": {"type": "array", "items": {"type": "string", "pattern": _LINK}},
            "scope": _object(
                {"steps": {"$ref": "#/$defs/steps"}, "links": {"$ref": "#/$defs/links"}}, "steps"
            ),
            "flow": _object(
                {
                    "key": {},
                    "limit": {"type": "integer", "minimum": 1},
                    "per": _DURATION,
                    "when_full": {"enum": ["wait", "skip", "cancel_oldest", "fail"]},
                }
            ),
            "settings": _settings(),
            "retry": _retry(),
            "step": _step(catalogue),
            **{
                f"settings of {one.name}@{one.version}": one.settings
                for one in catalogue.all()
                if one.settings
            },
        },
    }


def _object(properties: dict[str, Any], *required: str) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _settings() -> Schema:
    flows = ("concurrency", "throttle", "rate", "debounce", "batch", "singleton")
    return _object(
        {
            "timeout": _DURATION,
            **{name: {"$ref": "#/$defs/flow"} for name in flows},
            "priority": {"type": "integer", "minimum": 0, "maximum": 9},
            "on_failure": {
                "anyOf": [{"type": "string"}, _object({"workflow": {"type": "string"}}, "workflow")]
            },
            "retention": _DURATION,
            "timezone": {"type": "string"},
        }
    )


def _retry() -> Schema:
    return _object(
        {
            "attempts": {"type": "integer", "minimum": 1, "maximum": 1000},
            "first": _DURATION,
            "factor": {"type": "number", "minimum": 1, "maximum": 100},
            "max": _DURATION,
            "jitter": {"type": "number", "minimum": 0, "maximum": 1},
            "on": {"type": "array", "items": {"type": "string"}},
        },
        "attempts",
    )


def _step(catalogue: Catalogue) -> Schema:
    settings = {"type": "object"}
    verify = {"type": {"type": "string"}, "with": settings, "done": {"type": ["string", "boolean"]}}
    undo = {
        "type": {"type": "string"},
        "with": settings,
        "retry": {"$ref": "#/$defs/retry"},
        "timeout": _DURATION,
    }
    written = sorted({name for one in catalogue.all() for name in (one.name, f"{one.name}@{one.version}")})
    return {
        **_object(
            {
                "type": {"type": "string", "enum": written},
                "title": {"type": "string"},
                "notes": {"type": "string"},
                "with": settings,
                "join": {"anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}]},
                "retry": {"$ref": "#/$defs/retry"},
                "timeout": {**_DURATION, "description": "Of each attempt."},
                "deadline": {**_DURATION, "description": "Over all attempts."},
                "key": {"description": "Makes the effect repeatable, if the other side honours it."},
                "uncertain": {"enum": list(UNCERTAIN)},
                "verify": _object(verify, "type", "done"),
                "fallback": {"description": "The output instead of a failure."},
                "undo": _object(undo, "type"),
                "expect": {"type": "object", "description": "The JSON Schema of the output."},
                "pool": {"type": "string"},
                "resources": {"type": "object"},
                "priority": {"type": "integer", "minimum": 0, "maximum": 9},
                "cache": _object({"ttl": _DURATION, "key": {}}, "ttl"),
                "disabled": {"type": "boolean"},
                "steps": {"$ref": "#/$defs/steps"},
                "links": {"$ref": "#/$defs/links"},
                "catch": {"$ref": "#/$defs/scope"},
                "finally": {"$ref": "#/$defs/scope"},
                "branches": {"type": "object", "additionalProperties": {"$ref": "#/$defs/scope"}},
            },
            "type",
        ),
        "allOf": [_of_type(one) for one in catalogue.all()],
    }


def _of_type(step_type: StepType) -> Schema:
    """Return what a step of one type has besides: its settings by reference, its title for lists to choose from."""
    names = [f"{step_type.name}@{step_type.version}", step_type.name]
    then: Schema = {"title": step_type.title, "description": step_type.summary}
    if step_type.behaviour in (Behaviour.FOREACH, Behaviour.WHILE, Behaviour.TRY):
        then["required"] = ["steps"]
    elif step_type.behaviour is Behaviour.RACE:
        then["required"] = ["branches"]
    if step_type.settings:
        then["x-settings"] = f"#/$defs/settings of {names[0]}"
    return {"if": {"properties": {"type": {"enum": names}}}, "then": then}
