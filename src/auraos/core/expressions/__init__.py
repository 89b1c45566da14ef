"""The expression language: Python's expression syntax over plain values, in `{{ … }}`, conditions, rules and templates."""

from auraos.core.expressions.compile import compile_expression
from auraos.core.expressions.errors import BudgetError, EvaluationError, ExpressionError, LocatedError
from auraos.core.expressions.expression import Expression
from auraos.core.expressions.library import describe_functions
from auraos.core.expressions.meter import Meter
from auraos.core.expressions.registry import FunctionDoc
from auraos.core.expressions.templates import (
    PlacedError,
    PlacedExpression,
    Template,
    compile_template,
    find_expressions,
    scan_template_reads,
)

__all__ = [
    "BudgetError",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "FunctionDoc",
    "LocatedError",
    "Meter",
    "PlacedError",
    "PlacedExpression",
    "Template",
    "compile_expression",
    "compile_template",
    "describe_functions",
    "find_expressions",
    "scan_template_reads",
]
