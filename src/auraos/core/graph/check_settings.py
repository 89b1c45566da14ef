"""Checks of `with` against the settings of step types, of variables, and of the size of the whole."""

import re
from typing import Any

import jsonschema_rs

from auraos.core.catalogue import Behaviour, Fault, Schema, StepType
from auraos.core.graph.schema_check import SchemaCheck, WholeTemplate
from auraos.core.graph.uses import Use
from auraos.core.graph.views import StepView, WorkflowView, ask_type
from auraos.core.problem_codes import PROBLEM_CODES
from auraos.core.problems import Path, Place, Severity

MANY_STEPS = 200
MOST_STEPS = 2_000
MOST_EXPRESSIONS = 20_000

_SAID_ELSEWHERE = {Behaviour.WHILE: frozenset({"limit"})}
_LIKE_A_PATH = re.compile(
    r"(?:input|vars|steps|item|trigger|errors|last|run)(?:\.[A-Za-z_]\w*|\[[^\]\n]{1,40}\])+", re.ASCII
)


def check_settings(view: WorkflowView, whole: WholeTemplate) -> None:
    """Report settings that the step types do not take."""
    for step in view.steps:
        if step.type is None:
            continue
        _check(view, step.type, step.step.settings, (*step.path, "with"), step.path, whole)
        _check_lookalikes(view, step)
        for name, attached in (("undo", step.step.undo), ("verify", step.step.verify)):
            attached_type = (
                view.catalogue.find(attached.type, attached.version) if attached and attached.type else None
            )
            if attached and attached_type:
                path = (*step.path, name)
                _check(view, attached_type, attached.settings, (*path, "with"), path, whole)


def _check(
    view: WorkflowView,
    step_type: StepType,
    settings: dict[str, Any],
    path: Path,
    owner: Path,
    whole: WholeTemplate,
) -> None:
    schema = step_type.settings
    ignore = _SAID_ELSEWHERE.get(step_type.behaviour, frozenset())
    if view.findings.tree.find(path) is None:
        missing = [name for name in schema.get("required", ()) if name not in ignore]
        if missing:
            names = ", ".join(f"{name}: …" for name in missing)
            message = f"A {step_type.name!r} step needs settings."
            view.findings.add("missing-field", owner, message, hint=f"Write `with: {{{names}}}`.", key=True)
        return
    SchemaCheck(schema, view.findings, whole=whole, ignore=ignore).check(
        settings, path, f"'with' of {step_type.name!r}"
    )
    _ask_type(view, step_type, settings, path)


def _ask_type(view: WorkflowView, step_type: StepType, settings: dict[str, Any], path: Path) -> None:
    """Report what the step type itself finds wrong with its settings."""
    check = step_type.check
    faults = None if check is None else ask_type(lambda: tuple(check(settings)))
    for fault in faults or ():
        where = (*path, fault.field) if fault.field else path
        view.findings.add(
            fault.code if fault.code in PROBLEM_CODES else "settings-refused",
            where,
            fault.message,
            hint=fault.hint,
            place=_place_in_text(view, fault, where),
            severity=None if fault.is_certain else Severity.WARNING,
        )


def _place_in_text(view: WorkflowView, fault: Fault, path: Path) -> Place | None:
    """Return the place of a part of a text that may go over many lines."""
    node = view.findings.tree.find(path)
    if not fault.line or node is None or not isinstance(node.value, str):
        return None
    lines = node.value.replace("\r\n", "\n").split("\n")
    line = lines[fault.line - 1] if fault.line <= len(lines) else ""
    if not line:
        return None
    offset = sum(len(before) + 1 for before in lines[: fault.line - 1])
    start = min(max(fault.column - 1, 0), len(line))
    return view.findings.place_within(path, offset, line, start, min(start + fault.width, len(line)))


def _check_lookalikes(view: WorkflowView, step: StepView) -> None:
    """Report texts that are written like an expression, but without braces."""
    deferred = step.type.deferred if step.type else {}
    for name, value in step.step.settings.items():
        if name not in deferred:
            _find_lookalikes(view, value, (*step.path, "with", name))


def _find_lookalikes(view: WorkflowView, value: Any, path: Path) -> None:
    if isinstance(value, str):
        if value[:1] in "ivsterl" and _LIKE_A_PATH.fullmatch(value) and _names_something(view, value):
            message = f"This is the text {value!r}, not the value of that name."
            fix = (
                view.findings.fix_value(path, "Put it between {{ and }}", f'"{{{{ {value} }}}}"')
                if '"' not in value
                else None
            )
            view.findings.add(
                "text-like-expression", path, message, hint=f"Write '{{{{ {value} }}}}'.", fix=fix
            )
    elif isinstance(value, dict):
        for key, item in value.items():
            _find_lookalikes(view, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _find_lookalikes(view, item, (*path, index))


def _names_something(view: WorkflowView, text: str) -> bool:
    root, _, rest = text.partition(".")
    name = re.split(r"[.\[]", rest, maxsplit=1)[0]
    match root:
        case "steps" | "errors":
            return name in view.by_id
        case "vars":
            return name in view.workflow.variables
        case "input":
            return bool(rest)
    return root == "item" and bool(rest)


def check_variables(view: WorkflowView, uses: list[Use]) -> None:
    """Report variables that nobody reads, and defaults that are not of the variable's type."""
    read = {path[1] for use in uses for path in use.expression.reads if path[0] == "vars" and len(path) > 1}
    reads_all = any(path == ("vars",) for use in uses for path in use.expression.reads)
    for name, value in view.workflow.variables.items():
        path: Path = ("spec", "variables", name)
        if name not in read and not reads_all:
            view.findings.add("unused-variable", path, f"Nobody reads the variable {name!r}.", key=True)
        schema = view.variable_types.get(name)
        if schema is not None:
            _check_default(view, schema, value, path)


def _check_default(view: WorkflowView, schema: Schema, value: Any, path: Path) -> None:
    try:
        errors = list(jsonschema_rs.validator_for(schema).iter_errors(value))
    except ValueError as error:
        view.findings.add("bad-schema", path, f"This is no type of a variable: {str(error).splitlines()[0]}.")
        return
    for wrong in errors:
        where = (*path, "default", *wrong.instance_path)
        view.findings.add("wrong-type", where, f"The default is not of the variable's type: {wrong.message}.")


def check_size(view: WorkflowView) -> bool:
    """Report workflows that are too large to be understood, or to be run; return whether it is one that cannot be run.

    Its expressions are counted as they begin in the text: reading so many would take long.
    """
    count, expressions = len(view.steps), view.findings.text.count("{{")
    for found, most, what in ((count, MOST_STEPS, "steps"), (expressions, MOST_EXPRESSIONS, "expressions")):
        if found > most:
            said = f"a workflow has at most {most:,}, so nothing else of it was checked"
            _report_size(view, "too-large-workflow", f"This workflow has {found:,} {what}; {said}.")
            return True
    if count > MANY_STEPS:
        said = f"more than {MANY_STEPS} are hard to understand"
        _report_size(view, "large-workflow", f"This workflow has {count:,} steps; {said}.")
    return False


def _report_size(view: WorkflowView, code: str, message: str) -> None:
    largest = sorted(view.scopes[1:], key=lambda scope: -len(scope.steps))[:3]
    owners = [
        f"{scope.owner.id!r} ({len(scope.steps)})"
        for scope in largest
        if scope.owner and len(scope.steps) > 10
    ]
    hint = "Move a part into a workflow of its own and `call` it."
    if owners:
        hint += f" The largest parts are {', '.join(owners)}."
    view.findings.add(code, ("spec", "steps"), message, hint=hint, key=True)
