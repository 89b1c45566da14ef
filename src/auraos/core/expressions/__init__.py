"""The expression language: Python's expression syntax over plain values, in `{{ … }}`, conditions, rules and templates."""

from auraos.core.expressions.compile import compile_expression
from auraos.core.expressions.errors import BudgetError, EvaluationError, ExpressionError, LocatedError
from auraos.core.expressions.expression import Expression
from auraos.core.expressions.infer import ExpressionProblem, infer
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
from auraos.core.expressions.types import (
    ANY,
    Type,
    always,
    forget_choices,
    list_of,
    mapping_of,
    type_from_schema,
    type_of_value,
    union,
)

__all__ = [
    "ANY",
    "BudgetError",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "ExpressionProblem",
    "FunctionDoc",
    "LocatedError",
    "Meter",
    "PlacedError",
    "PlacedExpression",
    "Template",
    "Type",
    "always",
    "compile_expression",
    "compile_template",
    "describe_functions",
    "find_expressions",
    "forget_choices",
    "infer",
    "list_of",
    "mapping_of",
    "scan_template_reads",
    "type_from_schema",
    "type_of_value",
    "union",
]
