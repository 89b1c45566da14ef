"""Every expression of a workflow, with where it stands, who evaluates it, and the names it may use there."""

import ast
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.catalogue import Behaviour
from auraos.core.expressions import Expression, PlacedError, find_expressions
from auraos.core.graph.findings import Findings
from auraos.core.graph.views import ScopeView, StepView, WorkflowView
from auraos.core.problem_codes import PROBLEM_CODES
from auraos.core.problems import Path, Place
from auraos.core.workflow import FLOW_SETTINGS

Role: TypeAlias = Literal[
    "settings", "condition", "undo", "verify", "done", "key", "fallback", "cache", "output", "flow"
]

WORKFLOW_NAMES = ("input", "vars", "steps", "errors", "run", "trigger")
FLOW_NAMES = ("input", "vars", "run", "trigger")
CONDITIONS = frozenset({"condition", "where", "match", "cases", "enough"})
"""Fields whose deferred expressions answer yes or no."""

_COMPARED_TO_NOTHING = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)
_STAND_INS = frozenset({"coalesce", "default", "first", "exists", "is_null", "defined"})


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One expression in its place. `reader` is the step that evaluates it, None for the scope's output and settings."""

    expression: Expression
    path: Path
    offset: int
    is_whole: bool
    role: Role
    scope: ScopeView
    reader: StepView | None
    extra: tuple[str, ...] = ()

    def place(self, findings: Findings, node: ast.AST | None = None) -> Place | None:
        """Return where the expression, or a part of it, stands in the document."""
        site = self.expression.tree.site(node or self.expression.root)
        return findings.place_within(self.path, self.offset, self.expression.source, site.start, site.end)

    def names(self) -> set[str]:
        """Return the names that may be used here."""
        if self.role == "flow":
            return set(FLOW_NAMES)
        own = arrival_names(self.reader) if self.reader is not None else ()
        return {*WORKFLOW_NAMES, *self.extra, *own, *loop_names(self.scope)}


def collect_uses(view: WorkflowView) -> list[Use]:
    """Return all expressions that can be read, and report those that cannot."""
    uses: list[Use] = []
    for step in view.steps:
        for role, path, value, extra in _templates_of(step):
            uses.extend(_read(view.findings, value, path, role, step.scope, step, extra))
    workflow = view.workflow
    if workflow.output is not msgspec.UNSET:
        uses.extend(_read(view.findings, workflow.output, ("spec", "output"), "output", view.root, None, ()))
    for name in FLOW_SETTINGS:
        flow = getattr(workflow.settings, name)
        if flow is not None and flow.key is not None:
            path = ("spec", "settings", name, "key")
            uses.extend(_read(view.findings, flow.key, path, "flow", view.root, None, ()))
    return uses


def arrival_names(step: StepView) -> tuple[str, ...]:
    """Return the name that a step which collects has besides."""
    return ("arrived",) if step.step.join == "collect" else ()


def loop_names(scope: ScopeView) -> set[str]:
    """Return the names that the loops around a scope bring."""
    names: set[str] = set()
    for around in scope.chain():
        if around.owner and around.owner.behaviour is Behaviour.FOREACH:
            names |= {"item", "index"}
        elif around.owner and around.owner.behaviour is Behaviour.WHILE:
            names |= {"last", "index"}
    return names


def is_guarded(use: Use, path: tuple[str, ...]) -> bool:
    """Return whether an expression reckons with a null at a path: it chooses, compares with null, or stands in for it."""
    root = use.expression.root
    if use.role == "condition":
        return True
    for node in ast.walk(root):
        match node:
            case ast.IfExp(test=test) if _mentions(test, path):
                return True
            case ast.BoolOp() if _mentions(node, path):
                return True
            case ast.Compare(ops=ops) if _mentions(node, path) and _is_about_null(node, ops):
                return True
            case ast.Call(func=ast.Name(id=name)) if name in _STAND_INS and _mentions(node, path):
                return True
            case ast.Call(func=ast.Attribute(attr=name)) if name in _STAND_INS and _mentions(node, path):
                return True
    return False


def _templates_of(step: StepView) -> Iterator[tuple[Role, Path, Any, tuple[str, ...]]]:
    own, path = step.step, step.path
    deferred = step.type.deferred if step.type else {}
    for name, value in own.settings.items():
        is_condition = name in deferred and name in CONDITIONS
        role: Role = "condition" if is_condition else "settings"
        yield role, (*path, "with", name), value, tuple(deferred.get(name, ()))
    if own.key is not None:
        loop = ("item", "index") if step.behaviour is Behaviour.FOREACH else ()
        yield "key", (*path, "key"), own.key, loop
    if own.fallback is not msgspec.UNSET:
        yield "fallback", (*path, "fallback"), own.fallback, ()
    if own.undo is not None:
        yield "undo", (*path, "undo", "with"), own.undo.settings, ()
    if own.verify is not None:
        yield "verify", (*path, "verify", "with"), own.verify.settings, ()
        yield "done", (*path, "verify", "done"), own.verify.done, ("output",)
    if own.cache is not None and own.cache.key is not None:
        yield "cache", (*path, "cache", "key"), own.cache.key, ()


def _read(
    findings: Findings,
    value: Any,
    path: Path,
    role: Role,
    scope: ScopeView,
    reader: StepView | None,
    extra: tuple[str, ...],
) -> Iterator[Use]:
    found, errors = find_expressions(value)
    for error in errors:
        _report(findings, error, path)
    for placed in found:
        full = (*path, *placed.path)
        yield Use(
            expression=placed.expression,
            path=full,
            offset=placed.offset,
            is_whole=_is_whole(findings, full, placed.offset, placed.expression.source),
            role=role,
            scope=scope,
            reader=reader,
            extra=extra,
        )


def _is_whole(findings: Findings, path: Path, offset: int, source: str) -> bool:
    node = findings.tree.find(path)
    return (
        node is not None
        and isinstance(node.value, str)
        and offset == 2
        and len(node.value) == len(source) + 4
    )


def _report(findings: Findings, placed: PlacedError, path: Path) -> None:
    error = placed.error
    full = (*path, *placed.path)
    code = error.code if error.code in PROBLEM_CODES else "expression-syntax"
    place = findings.place_within(full, placed.offset, error.source, error.start, error.end)
    fix = findings.fix_from_hint(place, error.hint)
    findings.add(code, full, error.message, hint=error.hint, place=place, fix=fix)


def _mentions(node: ast.AST, path: tuple[str, ...]) -> bool:
    return any(
        _path_of(part) == path for part in ast.walk(node) if isinstance(part, ast.Attribute | ast.Subscript)
    )


def _path_of(node: ast.AST) -> tuple[str, ...] | None:
    names: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=owner, attr=name):
                names.append(name)
            case ast.Subscript(value=owner, slice=ast.Constant(value=str() as name)):
                names.append(name)
            case ast.Name(id=name):
                return (name, *reversed(names))
            case _:
                return None
        node = owner


def find_part(use: Use, path: tuple[str, ...]) -> ast.AST | None:
    """Return the part of an expression that reads a path (or begins to)."""
    for node in ast.walk(use.expression.root):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Name) and _path_of(node) == path:
            return node
    return None


def _is_about_null(node: ast.Compare, signs: list[ast.cmpop]) -> bool:
    if not any(isinstance(sign, _COMPARED_TO_NOTHING) for sign in signs):
        return False
    return any(
        (isinstance(part, ast.Constant) and part.value is None)
        or (isinstance(part, ast.Name) and part.id == "null")
        for part in (node.left, *node.comparators)
    )
