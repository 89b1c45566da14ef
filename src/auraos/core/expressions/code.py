"""What compiling yields: a closure over the scope, and what is known of it before it runs."""

import ast
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from auraos.core.expressions.errors import EvaluationError, Site
from auraos.core.expressions.meter import NeedsMeterError
from auraos.core.expressions.parse import Tree
from auraos.core.expressions.registry import Library

Scope: TypeAlias = dict[str, Any]
Closure: TypeAlias = Callable[[Scope], Any]

_FOLDED = frozenset({int, float, bool, str, type(None)})


class Code:
    """A compiled part: how to run it; its value where that is known already; its key in the scope where it is a plain name."""

    __slots__ = ("is_constant", "key", "run", "site", "value")

    def __init__(self, run: Closure, site: Site, *, key: str = "") -> None:
        self.run = run
        self.site = site
        self.key = key
        self.is_constant = False
        self.value: Any = None

    @property
    def words(self) -> str:
        """The source of this part, to be quoted."""
        return self.site.text


class Compiling(Protocol):
    """What the parts of the compiler ask of the whole."""

    tree: Tree
    library: Library
    has_loops: bool
    has_growth: bool

    def compile(self, node: ast.AST) -> Code:
        """Compile a part."""
        ...

    def enter_loop_name(self, name: str) -> str:
        """Return the key under which a loop's name stands in the scope from now on."""
        ...

    def leave_loop_names(self, count: int) -> None:
        """Forget the latest loop names."""
        ...


def constant(value: Any, site: Site) -> Code:
    """Return the code of a value that is known."""

    def run(_: Scope) -> Any:
        return value

    code = Code(run, site)
    code.is_constant = True
    code.value = value
    return code


def fold(code: Code, *parts: Code) -> Code:
    """Work the code out at once when all its parts are constants and its result is small and plain."""
    if not all(part.is_constant for part in parts):
        return code
    try:
        value = code.run({})
    except (EvaluationError, NeedsMeterError):
        return code
    return constant(value, code.site) if type(value) in _FOLDED else code
