"""Why a condition came out as it did: its terms, each with the values it met, as far as they were looked at."""

import ast
from typing import Any, TypeAlias

import msgspec

from auraos.core.expressions.compile import compile_expression
from auraos.core.expressions.errors import EvaluationError
from auraos.core.expressions.expression import Expression
from auraos.core.values import Value

Scope: TypeAlias = dict[str, Any]


class Term(msgspec.Struct, frozen=True):
    """One term of a condition: its source and place, its value, and the parts it compared with theirs.

    `error` says why it has no value; the condition's evaluation ended there.
    """

    source: str
    start: int
    end: int
    value: Value
    parts: tuple[tuple[str, Value], ...] = ()
    error: str = ""


def explain(expression: Expression, scope: Scope) -> list[Term]:
    """Return the terms of a condition in the order they were looked at: `amount > 1000` is false, for `amount` is 950."""
    terms: list[Term] = []
    try:
        _explain(expression, expression.root, scope, terms)
    except EvaluationError:
        return terms
    return terms


def _explain(expression: Expression, node: ast.expr, scope: Scope, terms: list[Term]) -> Value:
    match node:
        case ast.BoolOp():
            value: Value = None
            for part in node.values:
                value = _explain(expression, part, scope, terms)
                if bool(value) is isinstance(node.op, ast.Or):
                    break
            return value
        case ast.UnaryOp(op=ast.Not()):
            return not _explain(expression, node.operand, scope, terms)
        case ast.IfExp():
            chosen = node.body if _explain(expression, node.test, scope, terms) else node.orelse
            return _explain(expression, chosen, scope, terms)
    return _look_at(expression, node, scope, terms)


def _look_at(expression: Expression, node: ast.expr, scope: Scope, terms: list[Term]) -> Value:
    site = expression.tree.site(node)
    operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
    parts: list[tuple[str, Value]] = []
    try:
        parts.extend(
            (expression.tree.site(operand).text, _value(expression, operand, scope))
            for operand in operands
            if not isinstance(operand, ast.Constant)
        )
        value = _value(expression, node, scope)
    except EvaluationError as error:
        terms.append(Term(site.text, site.start, site.end, None, tuple(parts), error.message))
        raise
    terms.append(Term(site.text, site.start, site.end, value, tuple(parts)))
    return value


def _value(expression: Expression, node: ast.expr, scope: Scope) -> Value:
    site = expression.tree.site(node)
    return compile_expression(expression.source[site.start : site.end]).evaluate(scope)
