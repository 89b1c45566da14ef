"""The expression language: Python's expression syntax over plain values, in `{{ … }}`, conditions, rules and templates."""

from auraos.core.expressions.codes import EXPRESSION_CODES
from auraos.core.expressions.compile import compile_expression
from auraos.core.expressions.errors import BudgetError, EvaluationError, ExpressionError, LocatedError
from auraos.core.expressions.explain import Term, explain
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
    "EXPRESSION_CODES",
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
    "Term",
    "Type",
    "always",
    "compile_expression",
    "compile_template",
    "describe_functions",
    "explain",
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
