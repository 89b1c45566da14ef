"""The JSON Schemas of documents, for editors: the envelope, and the workflow with the settings of every step type."""

from typing import Any, Final

from auraos.core.catalogue import Behaviour, Catalogue, Schema, StepType
from auraos.core.document.envelope import LONGEST_NAME, NAME
from auraos.core.graph.read_step import CONTAINER_FIELDS, UNCERTAIN
from auraos.documents.schema_parts import (
    STEP_NAME,
    closed,
    duration_schema,
    said,
    shared_definitions,
    text_schema,
)
from auraos.documents.written_settings import merge_alternative, permit_templates

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REQUIRED_FIELDS: Final = {
    Behaviour.FOREACH: ["steps"],
    Behaviour.WHILE: ["steps"],
    Behaviour.TRY: ["steps"],
    Behaviour.RACE: ["branches"],
}
_INNER: Final = ("steps", "links", "catch", "finally", "branches")


def envelope_schema(kind: str, spec: Schema) -> Schema:
    """Return the JSON Schema of a whole document of one kind, given that of its spec; `$defs` of the spec move to the top."""
    definitions = spec.get("$defs", {})
    cases = {"items": {"$ref": "#/$defs/test"}} if "test" in definitions else {}
    drawing: Schema = {"$ref": "#/$defs/layout"} if "layout" in definitions else {"type": ["object", "null"]}
    own = {key: value for key, value in spec.items() if key not in ("$defs", "$schema")}
    return {
        "$schema": DIALECT,
        "title": f"AuraOS {kind}",
        **closed(
            {
                "kind": said({"const": kind}, "What this document is."),
                "name": said(
                    {"type": "string", "pattern": f"^{NAME.pattern}$", "maxLength": LONGEST_NAME},
                    "The name by which others speak of this document.",
                ),
                "title": text_schema("What people read instead of the name."),
                "description": text_schema("What it is for."),
                "labels": said(
                    {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
                    "Words to find and group documents by.",
                ),
                "spec": own,
                "layout": said(drawing, "Positions and notes of the drawing; no part of its meaning."),
                "tests": said(
                    {"type": ["array", "null"], **cases},
                    "Cases that prove what it does; no part of its meaning.",
                ),
            },
            required=["kind", "name", "spec"],
        ),
        "$defs": definitions,
    }


def workflow_schema(catalogue: Catalogue) -> Schema:
    """Return the JSON Schema of a workflow document: language.md as far as a schema can say it, `with` for each step type."""
    return envelope_schema("workflow", workflow_spec_schema(catalogue))


def workflow_spec_schema(catalogue: Catalogue) -> Schema:
    """Return the JSON Schema of the spec of a workflow."""
    return {
        **closed(
            {
                "input": said({"$ref": "#/$defs/schema"}, "What a run takes; checked before there is a run."),
                "variables": said(
                    {"type": ["object", "null"], "propertyNames": {"pattern": STEP_NAME}},
                    "Values by name, read as `vars.<name>`; fixed when a run starts.",
                ),
                "settings": {"$ref": "#/$defs/settings"},
                "steps": {"$ref": "#/$defs/steps"},
                "links": {"$ref": "#/$defs/links"},
                "output": {"description": "What a run gives; that of the only end step when left out."},
            },
            required=["steps"],
        ),
        "$defs": {**shared_definitions(), **_step_definitions(catalogue)},
    }


def _step_definitions(catalogue: Catalogue) -> dict[str, Schema]:
    definitions: dict[str, Schema] = {}
    rules: list[Schema] = []
    for step_type in catalogue.all():
        newest = catalogue.find(step_type.name)
        is_newest = newest is not None and newest.version == step_type.version
        definitions.update(_with_definitions(step_type))
        rules.append(
            {
                "if": {"properties": {"type": _type_pattern(step_type, is_newest)}, "required": ["type"]},
                "then": _type_rule(step_type),
            }
        )
    definitions["step"] = {**closed(_step_fields(), required=["type"]), "allOf": rules}
    definitions["type"] = _type_schema(catalogue)
    definitions["inner_step"] = {
        "allOf": [
            {
                "if": {
                    "properties": {"type": _type_pattern(kind, catalogue.find(kind.name) is kind)},
                    "required": ["type"],
                },
                "then": {"properties": {"with": {"$ref": f"#/$defs/{_with_name(kind)}"}}},
            }
            for kind in catalogue.all()
        ]
    }
    return definitions


def _with_definitions(step_type: StepType) -> dict[str, Schema]:
    name = _with_name(step_type)
    settings = {key: value for key, value in step_type.settings.items() if key not in ("$defs", "$schema")}
    inner = {
        f"{name}.{key}": permit_templates(value, f"{name}.")
        for key, value in step_type.settings.get("$defs", {}).items()
    }
    body = merge_alternative(settings, f"{name}.") or {}
    return {name: {"description": step_type.summary, **body, "type": "object"}, **inner}


def _with_name(step_type: StepType) -> str:
    return f"with.{step_type.name}@{step_type.version}"


def _type_pattern(step_type: StepType, is_newest: bool) -> Schema:
    written = [f"{step_type.name}@{step_type.version}"]
    return {"enum": [step_type.name, *written] if is_newest else written}


def _type_schema(catalogue: Catalogue) -> Schema:
    choices: list[Schema] = []
    for name in catalogue.names():
        newest = catalogue.find(name)
        if newest is not None:
            choices.append({"const": name, "title": newest.title, "description": newest.summary})
    pinned = [f"{kind.name}@{kind.version}" for kind in catalogue.all()]
    return {"description": "What the step does.", "anyOf": [*choices, {"enum": pinned}]}


def _type_rule(step_type: StepType) -> Schema:
    allowed = CONTAINER_FIELDS.get(step_type.behaviour, ())
    properties: dict[str, Any] = {name: False for name in _INNER if name not in allowed}
    properties["with"] = {"$ref": f"#/$defs/{_with_name(step_type)}"}
    required = list(_REQUIRED_FIELDS.get(step_type.behaviour, []))
    if step_type.settings.get("required"):
        required.append("with")
    return {"properties": properties, **({"required": required} if required else {})}


def _step_fields() -> dict[str, Any]:
    scope = {"$ref": "#/$defs/scope"}
    return {
        "type": {"$ref": "#/$defs/type"},
        "title": text_schema("What people read on the card."),
        "notes": text_schema("What people should know about it."),
        "with": {"type": ["object", "null"], "description": "The settings of the type."},
        "join": said(
            {
                "anyOf": [
                    {"enum": ["all", "any", "collect"]},
                    {"type": "integer", "minimum": 1, "maximum": 10000},
                ]
            },
            "How many links must be live for the step to start; `collect` starts it once all are decided.",
        ),
        "retry": {"$ref": "#/$defs/retry"},
        "timeout": duration_schema("How long one attempt may take."),
        "deadline": duration_schema("How long all attempts may take together."),
        "key": said(
            {"type": ["string", "integer", "array"]},
            "The same for every attempt: the other side does it once.",
        ),
        "uncertain": said(
            {"enum": list(UNCERTAIN)}, "What to do when nobody knows whether an attempt took effect."
        ),
        "verify": {"$ref": "#/$defs/verify"},
        "fallback": {"description": "The output when the step fails, instead of the failure."},
        "undo": {"$ref": "#/$defs/undo"},
        "expect": said({"$ref": "#/$defs/schema"}, "What the output must look like."),
        "pool": said(
            {"type": "string", "pattern": "^[a-z][a-z0-9_-]*$"},
            "The capacity that the step shares with others.",
        ),
        "resources": {
            "type": "object",
            "description": "How many units the step takes of which pools, as `{cpu: 2}`; `pool` is one unit of one.",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_-]*$"},
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 1000000},
        },
        "priority": {"type": "integer", "minimum": 0, "maximum": 9},
        "cache": {"$ref": "#/$defs/cache"},
        "disabled": said({"type": "boolean"}, "Passes null on and does nothing."),
        "steps": {"$ref": "#/$defs/steps"},
        "links": {"$ref": "#/$defs/links"},
        "catch": said(scope, "What runs after a failure inside; sees `errors`."),
        "finally": said(scope, "What always runs at the end."),
        "branches": {
            "type": "object",
            "propertyNames": {"pattern": STEP_NAME},
            "additionalProperties": scope,
        },
    }
