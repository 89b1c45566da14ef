"""A compiled expression: evaluate it over a scope, and ask what it reads."""

import ast
from functools import cached_property

from auraos.core.expressions.code import Closure, Code, Scope
from auraos.core.expressions.errors import BudgetError, CallError, EvaluationError
from auraos.core.expressions.meter import SMALL, Meter, NeedsMeterError, measure
from auraos.core.expressions.parse import Tree
from auraos.core.expressions.reads import find_reads
from auraos.core.values import Value


class Expression:
    """An expression that was understood.

    `evaluate(scope)` returns its value over a plain dict of names, which it leaves as it is. Besides the names, the scope may
    hold `$now` (a datetime with zone, or what returns it), `$seed` (a text that ids are derived from) and `$meter` (a `Meter`;
    without one, each evaluation gets one of its own). It raises `EvaluationError`, or `BudgetError` when it would take too
    much.
    """

    def __init__(self, tree: Tree, code: Code, *, has_loops: bool, has_growth: bool) -> None:
        self.source = tree.source
        self.tree = tree
        self.is_constant = code.is_constant
        self.may_grow = (has_loops or has_growth) and not code.is_constant
        self._run = code.run
        self.evaluate: Closure = code.run
        if has_loops:
            self.evaluate = self._evaluate_metered
        elif self.may_grow:
            self.evaluate = _careful(code.run, self._evaluate_metered)

    @cached_property
    def reads(self) -> frozenset[tuple[str, ...]]:
        """The names it reads, each with its constant fields: ("steps", "total", "amount")."""
        return find_reads(self.tree.root)

    @property
    def root(self) -> ast.expr:
        """The root of its syntax tree."""
        return self.tree.root

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def _evaluate_metered(self, scope: Scope) -> Value:
        scope = scope.copy()
        meter: Meter | None = scope.get("$meter")
        if meter is None:
            scope["$meter"] = meter = Meter()
        spent = meter.spent
        try:
            value = self._run(scope)
            if meter.spent - spent > SMALL and (type(value) is list or type(value) is dict):
                measure(value, meter)  # the same large part may stand in it many times
        except BudgetError as error:
            raise error if error.source else error.place(self.source, 0, len(self.source)) from None
        except CallError as error:
            raise self._failure(error.code, error.message, error.hint) from None
        except (RecursionError, MemoryError):
            raise self._too_deep() from None
        return value

    def _too_deep(self) -> EvaluationError:
        return self._failure("too-deep", "This data is nested too deeply.", "Work on a part of it.")

    def _failure(self, code: str, message: str, hint: str) -> EvaluationError:
        return EvaluationError(code, message, hint=hint, source=self.source, end=len(self.source))


def _careful(run: Closure, metered: Closure) -> Closure:
    """Return the closure that begins without a meter and begins again with one when much is asked."""

    def evaluate(scope: Scope) -> Value:
        try:
            return run(scope)
        except (NeedsMeterError, CallError, RecursionError):
            return metered(scope)

    return evaluate
