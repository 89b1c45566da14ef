"""The kind of flags: what the rest of the house needs to treat them like any other document."""

from typing import Any, Final

from auraos.core.catalogue import Catalogue, Schema
from auraos.core.document import Document
from auraos.core.graph.findings import Findings
from auraos.core.kind import OF_FLAGS, Kind, Meaning, Named, Others
from auraos.core.problems import Problem
from auraos.settings.flags.model import Flag
from auraos.settings.flags.names import version_of, workflow_of
from auraos.settings.flags.reading import MOST_GUARDED, MOST_RULES, MOST_VARIANTS, TYPES, read_flag

NAME: Final = OF_FLAGS
_WORKFLOW: Final = "workflow"
_SPLIT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100},
    "description": "How many of a hundred get each variant; together they are 100.",
}
_GUARD: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["failures"],
    "description": "When a flag that gives versions of a workflow is switched off by itself.",
    "properties": {
        "runs": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_GUARDED,
            "description": "So many of the last ended runs of a version are looked at, and no fewer; 50 unless said.",
        },
        "failures": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "description": "More than so many of a hundred failed.",
        },
        "margin": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "description": "And by so many of a hundred more than of the other version; 5 unless said.",
        },
    },
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
            "guard": _GUARD,
        },
    }


def _check(document: Document, _: Catalogue, others: Others | None = None) -> list[Problem]:
    flag, problems = read_flag(document)
    if flag is None or others is None or others.find is None:
        return problems
    findings = Findings(document.tree, document.text)
    for named in _versions(flag):
        if others.find(named.kind, named.name, named.version) is None:
            message = f"There is no published version {f'{named.name}@{named.version}'!r}."
            findings.add("unknown-workflow", named.path, message, hint="See which versions the workflow has.")
    return [*problems, *findings.problems]


def _read(document: Document, _: Catalogue) -> Meaning | None:
    flag = read_flag(document)[0]
    return None if flag is None else Meaning(names=_versions(flag))


def _versions(flag: Flag) -> tuple[Named, ...]:
    """Return the versions of a workflow that a flag gives."""
    workflow = workflow_of(flag.name)
    numbers = {name: version_of(value) for name, value in flag.variants.items()} if workflow else {}
    return tuple(
        Named(_WORKFLOW, workflow, ("spec", "variants", name), number)
        for name, number in numbers.items()
        if number is not None
    )


FLAG: Final = Kind(name=NAME, title="Feature flag", schema=_schema, check=_check, read=_read)
