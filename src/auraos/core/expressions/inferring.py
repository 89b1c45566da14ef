"""What the parts of the inference ask of the whole."""

import ast
from typing import Protocol

from auraos.core.expressions.types import Type
from auraos.core.problems import Severity


class Inferring(Protocol):
    """One walk over one expression."""

    def infer(self, node: ast.AST) -> Type:
        """Return the type of a part."""
        ...

    def words(self, node: ast.AST) -> str:
        """Return a part's source, to be quoted."""
        ...

    def report(
        self, node: ast.AST, code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR
    ) -> None:
        """Add a problem at a part."""
        ...
