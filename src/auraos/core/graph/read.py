"""Reads a workflow out of a document: every field, all problems at once.

Input of any shape gives problems, never an error.
"""

from typing import Any

import msgspec

from auraos.core.catalogue import Catalogue
from auraos.core.document import Node
from auraos.core.graph.fields import Fields, describe, has_template
from auraos.core.graph.findings import Findings, did_you_mean, join_names, nearest
from auraos.core.graph.names import say_why_no_name, split_called
from auraos.core.graph.read_scope import ScopeReader, Written
from auraos.core.graph.read_step import read_schema
from auraos.core.problems import Path
from auraos.core.workflow import FlowControl, Scope, Settings, WhenFull, Workflow

SPEC_FIELDS = ("input", "variables", "settings", "steps", "links", "output")
SETTINGS_FIELDS = (
    "timeout",
    "concurrency",
    "throttle",
    "rate",
    "debounce",
    "batch",
    "singleton",
    "priority",
    "on_failure",
    "retention",
    "timezone",
)
FLOW_FIELDS = ("key", "limit", "per", "when_full")
_FLOWS: dict[str, tuple[str, ...]] = {
    "concurrency": ("key", "limit", "when_full"),
    "throttle": ("key", "limit", "per", "when_full"),
    "rate": ("key", "limit", "per", "when_full"),
    "debounce": ("key", "per"),
    "batch": ("key", "limit", "per"),
    "singleton": ("key", "limit", "when_full"),
}
_WHEN_FULL: dict[str, tuple[WhenFull, ...]] = {
    "concurrency": ("wait", "skip", "cancel_oldest", "fail"),
    "singleton": ("wait", "skip", "cancel_oldest", "fail"),
    "throttle": ("wait", "skip", "fail"),
    "rate": ("skip", "fail"),
}
"""What may be done with a start that there is no room for; what is done where nothing is written stands first."""
BATCH_LIMIT = 100
_NEEDS_PER = ("throttle", "rate", "debounce", "batch")
_VARIABLE_FIELDS = frozenset(
    (
        "type", "default", "title", "description", "enum", "format", "items", "properties", "required",
        "minimum", "maximum", "minLength", "maxLength", "pattern", "secret",
    )
)  # fmt: skip
_SCHEMA_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")


class Reading(msgspec.Struct, kw_only=True):
    """What reading gave: the workflow as far as it could be made out, and where everything is written."""

    workflow: Workflow
    written: Written
    variable_types: dict[str, dict[str, Any]] = {}


def read_tree(tree: Node, catalogue: Catalogue, findings: Findings) -> Reading:
    """Read the workflow that a document's tree writes, adding what is wrong to the findings."""
    spec_node = tree.child("spec")
    written = Written()
    if spec_node is None or spec_node.kind != "mapping":
        if spec_node is not None:
            message = f"'spec' must be a mapping, not {describe(spec_node.value)}."
            findings.add(
                "wrong-type", ("spec",), message, hint="It holds steps, links and the rest of the workflow."
            )
        else:
            findings.add(
                "missing-field",
                (),
                "A workflow needs a field 'spec'.",
                hint="Write its steps under `spec: steps:`.",
            )
        return Reading(workflow=_make(tree, Scope(steps={})), written=written)
    spec = Fields(spec_node, ("spec",), findings)
    spec.refuse_unknown(SPEC_FIELDS, "A workflow's spec", _settings_belong_below())
    reader = ScopeReader(catalogue, findings, written)
    scope = reader.read_scope(spec, "A workflow")
    if "steps" in spec and not scope.steps and isinstance(spec.value("steps"), dict):
        findings.add("no-steps", ("spec", "steps"), "This workflow has no steps.", key=True)
    variables, types = _read_variables(spec, findings)
    workflow = _make(
        tree,
        scope,
        input=read_schema(spec, "input"),
        variables=variables,
        settings=_read_settings(spec, findings),
        output=spec.value("output") if "output" in spec else msgspec.UNSET,
    )
    return Reading(workflow=workflow, written=written, variable_types=types)


def _make(tree: Node, scope: Scope, **fields: Any) -> Workflow:
    name, title = tree.child("name"), tree.child("title")
    return Workflow(
        name=name.value if name and isinstance(name.value, str) else "",
        title=title.value if title and isinstance(title.value, str) else "",
        scope=scope,
        **fields,
    )


def _settings_belong_below() -> dict[str, str]:
    hints = {
        name: f"It belongs under `settings`: write `settings: {{{name}: …}}`." for name in SETTINGS_FIELDS
    }
    hints |= {
        name: f"{name!r} stands beside `spec`, not in it."
        for name in ("tests", "layout", "labels", "title", "description")
    }
    hints["vars"] = "Did you mean 'variables'?"
    return hints


def _read_variables(spec: Fields, findings: Findings) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    values: dict[str, Any] = {}
    types: dict[str, dict[str, Any]] = {}
    variables = spec.fields("variables")
    if variables is None:
        return values, types
    for name, entry in variables.node.entries.items():
        path = (*variables.path, name)
        reason = say_why_no_name(name)
        if reason:
            findings.add(reason[0], path, f"A variable cannot be named {name!r}. {reason[1]}", key=True)
        value = entry.value.value
        _refuse_secret(value, path, findings)
        if is_typed(value):
            types[name] = {key: part for key, part in value.items() if key not in ("default", "secret")}
            value = value["default"]
            path = (*path, "default")
        _refuse_templates(value, path, findings)
        values[name] = value
    return values, types


def _refuse_secret(value: Any, path: Path, findings: Findings) -> None:
    """A variable is a value, kept in every journal: nothing could keep one secret."""
    is_declared = isinstance(value, dict) and value.get("type") in _SCHEMA_TYPES
    if is_declared and value.get("secret", False) is not False and _VARIABLE_FIELDS.issuperset(value):
        findings.add(
            "secret-variable",
            (*path, "secret"),
            f"A variable cannot be a secret: the value of {path[-1]!r} would stand in the journal of every run.",
            hint="Name a secret where a step takes one, as `secret: stock-api`; its value never enters the workflow.",
            key=True,
        )


def is_typed(value: Any) -> bool:
    """Return whether a variable is written with its type, as `{type: string, default: EUR}`."""
    return (
        isinstance(value, dict)
        and "default" in value
        and value.get("type") in _SCHEMA_TYPES
        and _VARIABLE_FIELDS.issuperset(value)
    )


def _refuse_templates(value: Any, path: Path, findings: Findings) -> None:
    if has_template(value):
        findings.add(
            "no-expression-here",
            path,
            "The value of a variable is fixed when the run starts; it cannot be an expression.",
            hint="Compute it in a `transform` step.",
        )
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_templates(item, (*path, key), findings)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_templates(item, (*path, index), findings)


def _read_settings(spec: Fields, findings: Findings) -> Settings:
    settings = spec.fields("settings")
    if settings is None:
        return Settings()
    settings.refuse_unknown(SETTINGS_FIELDS, "The settings of a workflow")
    return Settings(
        timeout=settings.duration("timeout"),
        priority=settings.whole("priority", 5, 0, 9),
        on_failure=_read_on_failure(settings, findings),
        retention=settings.duration("retention"),
        timezone=_read_timezone(settings, findings),
        **{name: _read_flow(settings, name, findings) for name in _FLOWS},
    )


def _read_flow(settings: Fields, name: str, findings: Findings) -> FlowControl | None:
    flow = settings.fields(name)
    if flow is None:
        return None
    flow.refuse_unknown(FLOW_FIELDS, f"{name!r}")
    for field in flow.names():
        if field in FLOW_FIELDS and field not in _FLOWS[name]:
            findings.add(
                "field-without-effect",
                (*flow.path, field),
                f"{field!r} has no effect on {name!r}.",
                key=True,
                hint=f"{name!r} has {join_names(_FLOWS[name])}.",
            )
    if name in _NEEDS_PER:
        flow.require("per", f"{name!r}", "It is the time that the limit speaks of: `per: 1m`.")
    choices: tuple[WhenFull, ...] = _WHEN_FULL.get(name, ("wait",))
    is_batch = name == "batch"
    return FlowControl(
        key=flow.value("key"),
        limit=flow.whole("limit", BATCH_LIMIT if is_batch else 1, 1, 10_000 if is_batch else 1_000_000),
        per=flow.duration("per"),
        when_full=flow.choice("when_full", choices, choices[0]) if name in _WHEN_FULL else choices[0],
    )


def _read_on_failure(settings: Fields, findings: Findings) -> str | None:
    value = settings.value("on_failure")
    if value is None:
        return None
    path: Path = (*settings.path, "on_failure")
    if isinstance(value, dict):
        fields = settings.fields("on_failure")
        if fields is None or not fields.require("workflow", "'on_failure'"):
            return None
        fields.refuse_unknown(("workflow",), "'on_failure'")
        value, path = fields.text("workflow"), (*path, "workflow")
        if not value:
            return None
    if not isinstance(value, str):
        settings.wrong_type("on_failure", "the name of a workflow", value)
        return None
    if split_called(value) is None:
        findings.add(
            "bad-name",
            path,
            f"{value!r} cannot be the name of a workflow.",
            hint="Write small letters, digits and -.",
        )
        return None
    return value


def _read_timezone(settings: Fields, findings: Findings) -> str:
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 (most workflows say none)

    name = settings.text("timezone", "UTC")
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        hint = did_you_mean(name, available_timezones(), lambda _: "Write it as Europe/Berlin or UTC.")
        path = (*settings.path, "timezone")
        near = nearest(name, available_timezones())
        fix = findings.fix_value(path, f"Write {near}", near) if near else None
        findings.add("unknown-timezone", path, f"There is no time zone {name!r}.", hint=hint, fix=fix)
        return "UTC"
    return name
