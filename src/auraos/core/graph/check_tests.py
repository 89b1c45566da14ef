"""Checks of a document's `tests`: cases that say what goes in, what stands in for the world, and what must come of it."""

import re
from typing import Any

import jsonschema_rs

from auraos.core.catalogue import Behaviour
from auraos.core.document import Node
from auraos.core.graph.fields import Fields, describe
from auraos.core.graph.findings import did_you_mean, join_names, nearest
from auraos.core.graph.views import StepView, WorkflowView
from auraos.core.problems import Path
from auraos.core.schemas import given_input
from auraos.core.values import Value, ValueRefusedError, parse_datetime
from auraos.core.workflow import TestCase

FIELDS = TestCase.__struct_fields__
_LISTED_STEPS = ("path", "ran", "not_run")
_ACTIVATION = re.compile(r"\[[^\]]*\]|!(?:undo|verify)$")


def check_tests(view: WorkflowView) -> None:
    """Report cases that could not run, prove nothing, or speak of steps that are not there."""
    node = view.findings.tree.child("tests")
    if node is None or node.kind != "sequence":
        return
    paths = static_paths(view)
    names: dict[str, int] = {}
    for number, item in enumerate(node.items):
        _check_case(view, item, ("tests", number), paths, names)


def static_paths(view: WorkflowView) -> dict[str, StepView]:
    """Return all steps by the paths that runs and tests name them with, as `each_line/price`."""
    paths: dict[str, StepView] = {}
    for step in view.steps:
        names = [step.id]
        names += [scope.owner.id for scope in step.scope.chain() if scope.owner]
        paths["/".join(reversed(names))] = step
    return paths


def _check_case(
    view: WorkflowView, node: Node, path: Path, paths: dict[str, StepView], names: dict[str, int]
) -> None:
    findings = view.findings
    if node.kind != "mapping":
        findings.add(
            "wrong-type",
            path,
            f"A test is a mapping, not {describe(node.value)}.",
            hint="It has name, input, expect.",
        )
        return
    case = Fields(node, path, findings)
    case.refuse_unknown(FIELDS, "A test")
    case.require("name", "A test", "It says in words what must hold.")
    name = case.text("name")
    if name in names:
        findings.add(
            "duplicate-test", (*path, "name"), f"There is a test of this name already, number {names[name]}."
        )
    elif name:
        names[name] = path[-1] + 1 if isinstance(path[-1], int) else 0
    _check_input(view, case)
    _check_variables(view, case)
    for field in ("mocks", "answers"):
        for step in case.mapping(field):
            _check_step(view, step, (*path, field, step), paths, key=True)
    _check_at(case)
    for item in case.items("signals"):
        if item.kind != "mapping":
            findings.add(
                "wrong-type", (*path, "signals"), f"A signal is a mapping, not {describe(item.value)}."
            )
    _check_expect(view, case, paths)


def _check_input(view: WorkflowView, case: Fields) -> None:
    schema = view.workflow.input
    if not schema:
        return
    path = (*case.path, "input")
    try:
        if view.workflow.settings.batch is not None:  # a case plays the one run, whose input is the list
            schema = {"type": "array", "items": schema}
        validator = jsonschema_rs.validator_for(schema)
        for error in validator.iter_errors(given_input(schema, case.value("input"))):
            where = (*path, *error.instance_path)
            view.findings.add("test-input", where, f"The workflow would refuse this input: {error.message}.")
    except ValueError:
        return  # the schema itself is at fault, which is reported where it stands


def _check_variables(view: WorkflowView, case: Fields) -> None:
    for name in case.mapping("variables"):
        if name not in view.workflow.variables:
            path = (*case.path, "variables", name)
            hint = did_you_mean(name, view.workflow.variables)
            view.findings.add(
                "unknown-variable", path, f"There is no variable {name!r}.", hint=hint, key=True
            )


def _check_at(case: Fields) -> None:
    at = case.text("at")
    if not at:
        return
    try:
        parse_datetime(at)
    except ValueRefusedError as error:
        case.findings.add("bad-datetime", (*case.path, "at"), error.message, hint=error.hint)


def _check_expect(view: WorkflowView, case: Fields, paths: dict[str, StepView]) -> None:
    if "expect" not in case or not case.value("expect"):
        message = "This test expects nothing, so it proves only that nothing breaks."
        view.findings.add(
            "test-without-expect", case.path, message, hint="Write `expect: {output: …}`.", key=True
        )
        return
    expect = case.fields("expect")
    for field in _LISTED_STEPS if expect is not None else ():
        listed = expect.value(field) if expect is not None else None
        for index, name in enumerate(listed if isinstance(listed, list) else ()):
            _check_step(view, name, (*case.path, "expect", field, index), paths)


def _check_step(
    view: WorkflowView, name: Value, path: Path, paths: dict[str, StepView], *, key: bool = False
) -> None:
    findings = view.findings
    if not isinstance(name, str):
        findings.add("wrong-type", path, f"This must be the path of a step, not {describe(name)}.")
        return
    bare = _ACTIVATION.sub("", name)
    if bare in paths or _is_in_called_run(bare, paths) or _is_on_failure(view, bare):
        return
    step, _, port = bare.partition(".")
    if step in paths:
        _check_port(view, paths[step], port, path)
        return
    inner = [full for full in paths if full.endswith("/" + step)]
    near = inner[0] if len(inner) == 1 else nearest(bare, paths)
    hint = f"Did you mean {near!r}?" if near else did_you_mean(bare, paths)
    fix = None
    if near and not key and "[" not in name:
        fix = findings.fix_value(path, f"Write {near}", near)
    findings.add("unknown-step", path, f"There is no step {name!r}.", hint=hint, fix=fix, key=key)


def _is_on_failure(view: WorkflowView, path: str) -> bool:
    """Return whether a path names the workflow that runs after a failure, or a step of it."""
    return path.partition("/")[0] == "on_failure" and view.workflow.settings.on_failure is not None


def _is_in_called_run(path: str, paths: dict[str, StepView]) -> bool:
    """Return whether a path leads on into the run of a workflow that one of the steps calls."""
    parts = path.split("/")
    before = (paths.get("/".join(parts[:length])) for length in range(1, len(parts)))
    return any(step is not None and step.behaviour is Behaviour.CALL for step in before)


def _check_port(view: WorkflowView, step: StepView, port: str, path: Path) -> None:
    ports: list[Any] = [*(step.ports or ()), "error"]
    if step.ports is not None and port not in ports:
        near = nearest(port, ports)
        hint = f"Did you mean {near!r}?" if near else f"Its ports are {join_names(ports)}."
        view.findings.add("dangling-port", path, f"{step.id!r} has no port {port!r}.", hint=hint)
