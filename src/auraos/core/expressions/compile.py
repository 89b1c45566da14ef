"""From text to an `Expression`: a tree of closures over a plain dict of names. Nothing of the text ever reaches Python's own
compiler, and no attribute of a Python object can be named: a dot looks into a mapping, a call finds one of our functions.
"""

import ast
from collections.abc import Callable
from typing import Any

from auraos.core.expressions.access import missing_name, read_field, read_item, read_slice
from auraos.core.expressions.calls import compile_call
from auraos.core.expressions.code import Closure, Code, Scope, constant, fold
from auraos.core.expressions.displays import compile_list, compile_mapping, compile_text
from auraos.core.expressions.errors import Site
from auraos.core.expressions.expression import Expression
from auraos.core.expressions.fast import read_path
from auraos.core.expressions.library import LIBRARY
from auraos.core.expressions.loops import compile_list_loop, compile_mapping_loop
from auraos.core.expressions.operations import (
    compile_arithmetic,
    compile_choice,
    compile_comparison,
    compile_logic,
    compile_unary,
)
from auraos.core.expressions.parse import CONSTANT_NAMES, Tree, parse
from auraos.core.expressions.registry import Library
from auraos.core.values import LARGEST_INT

_FUNCTIONS = frozenset(LIBRARY.functions)


def compile_expression(source: str) -> Expression:
    """Return the expression that a text says; raise `ExpressionError` when it says none."""
    tree = parse(source)
    compiler = _Compiler(tree, LIBRARY)
    try:
        code = compiler.compile(tree.root)
    except RecursionError:
        raise tree.site(tree.root).refusal("too-deep", "This expression is nested too deeply.") from None
    return Expression(tree, code, has_loops=compiler.has_loops, has_growth=compiler.has_growth)


class _Compiler:
    """Compiles one tree; keeps the names of the loops around the part in hand."""

    def __init__(self, tree: Tree, library: Library) -> None:
        self.tree = tree
        self.library = library
        self.has_loops = False
        self.has_growth = tree.size > 200
        self._loop_names: list[tuple[str, str]] = []
        self._loop_count = 0

    def compile(self, node: ast.AST) -> Code:
        """Compile a part."""
        how = _HOW.get(type(node))
        if how is None:
            site = self.tree.site(node)
            raise site.refusal("not-in-the-language", f"{site.text} cannot stand here.")
        if type(node) in _GROWING:
            self.has_growth = True
        return how(self, node)

    def enter_loop_name(self, name: str) -> str:
        """Return the key under which a loop's name stands in the scope from now on; no source can spell it."""
        self._loop_count += 1
        key = f"{name}#{self._loop_count}"
        self._loop_names.append((name, key))
        return key

    def leave_loop_names(self, count: int) -> None:
        """Forget the latest loop names."""
        del self._loop_names[len(self._loop_names) - count :]

    def find_key(self, name: str) -> str:
        """Return the key in the scope that a name stands for here."""
        for known, key in reversed(self._loop_names):
            if known == name:
                return key
        return name


def _compile_constant(compiler: _Compiler, node: ast.Constant) -> Code:
    site = compiler.tree.site(node)
    if type(node.value) is int and node.value > LARGEST_INT:
        raise site.refusal(
            "number-too-large", "This whole number has more than 64 bits.", 'Write decimal("…").'
        )
    return constant(node.value, site)


def _compile_path(compiler: _Compiler, node: ast.expr) -> Code:
    """Compile a name with the constant fields behind it as one closure; begin anew behind anything else."""
    parts: list[tuple[str, ast.expr]] = []
    base: ast.expr = node
    while True:
        match base:
            case ast.Attribute():
                parts.append((base.attr, base))
                base = base.value
            case ast.Subscript(slice=ast.Constant(value=str() as name)):
                parts.append((name, base))
                base = base.value
            case _:
                break
    parts.reverse()
    site = compiler.tree.site(node)
    steps = [_step(compiler, name, part) for name, part in parts]
    if isinstance(base, ast.Name):
        if not steps and base.id in CONSTANT_NAMES and base.id == compiler.find_key(base.id):
            return constant(CONSTANT_NAMES[base.id], site)
        return _compile_named_path(compiler, base, [name for name, _ in parts], steps, site)
    owner = compiler.compile(base)
    load = owner.run

    def run(scope: Scope) -> Any:
        value = load(scope)
        for step in steps:
            value = step(value)
        return value

    return fold(Code(run, site), owner)


def _compile_named_path(
    compiler: _Compiler, base: ast.Name, names: list[str], steps: list[Callable[[Any], Any]], site: Site
) -> Code:
    key, name, base_site = compiler.find_key(base.id), base.id, compiler.tree.site(base)
    if name in CONSTANT_NAMES and key == name:
        owner = constant(CONSTANT_NAMES[name], base_site).run
    else:
        owner = _named(key, name, base_site)

    def slow(scope: Scope) -> Any:
        value = owner(scope)
        for step in steps:
            value = step(value)
        return value

    if not names:
        return Code(read_path((key,), owner), site, key=key)
    return Code(read_path((key, *names), slow), site)


def _named(key: str, name: str, site: Site) -> Closure:
    def read(scope: Scope) -> Any:
        if key in scope:
            return scope[key]
        raise missing_name(scope, name, site, _FUNCTIONS)

    return read


def _step(compiler: _Compiler, name: str, part: ast.expr) -> Callable[[Any], Any]:
    assert isinstance(part, ast.Attribute | ast.Subscript)
    site, owner = compiler.tree.site(part), compiler.tree.site(part.value).text
    if isinstance(part, ast.Attribute):
        return lambda value: read_field(value, name, site, owner)
    return lambda value: read_item(value, name, site, (owner, f'"{name}"'))


def _compile_subscript(compiler: _Compiler, node: ast.Subscript) -> Code:
    if isinstance(node.slice, ast.Constant) and type(node.slice.value) is str:
        return _compile_path(compiler, node)
    if isinstance(node.slice, ast.Slice):
        return _compile_slice(compiler, node, node.slice)
    if isinstance(node.slice, ast.Tuple | ast.Starred):
        raise compiler.tree.site(node.slice).refusal(
            "not-in-the-language", "One place at a time stands in […]."
        )
    owner, key = compiler.compile(node.value), compiler.compile(node.slice)
    site = compiler.tree.site(node)
    load, pick, names = owner.run, key.run, (owner.words, key.words)

    def run(scope: Scope) -> Any:
        value = load(scope)
        place = pick(scope)
        if type(value) is list and type(place) is int:
            return value[place] if -len(value) <= place < len(value) else None
        return read_item(value, place, site, names)

    return fold(Code(run, site), owner, key)


def _compile_slice(compiler: _Compiler, node: ast.Subscript, part: ast.Slice) -> Code:
    compiler.has_growth = True
    owner = compiler.compile(node.value)
    site = compiler.tree.site(node)
    bounds = [
        compiler.compile(bound) if bound else constant(None, site)
        for bound in (part.lower, part.upper, part.step)
    ]
    load, words = owner.run, owner.words
    lower, upper, step = (bound.run for bound in bounds)
    return fold(
        Code(lambda scope: read_slice(load(scope), (lower(scope), upper(scope), step(scope)), scope, site, words), site),
        owner, *bounds,
    )  # fmt: skip


_GROWING = frozenset({ast.BinOp, ast.JoinedStr, ast.Call, ast.Starred})
_HOW: dict[type[ast.AST], Callable[[Any, Any], Code]] = {
    ast.Constant: _compile_constant,
    ast.Name: _compile_path,
    ast.Attribute: _compile_path,
    ast.Subscript: _compile_subscript,
    ast.Call: compile_call,
    ast.BinOp: compile_arithmetic,
    ast.UnaryOp: compile_unary,
    ast.BoolOp: compile_logic,
    ast.Compare: compile_comparison,
    ast.IfExp: compile_choice,
    ast.List: compile_list,
    ast.Tuple: compile_list,
    ast.Set: compile_list,
    ast.Dict: compile_mapping,
    ast.JoinedStr: compile_text,
    ast.ListComp: compile_list_loop,
    ast.SetComp: compile_list_loop,
    ast.GeneratorExp: compile_list_loop,
    ast.DictComp: compile_mapping_loop,
}
