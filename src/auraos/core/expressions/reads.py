"""Which names an expression reads, each as far as constant fields follow it: known without evaluating anything."""

import ast

from auraos.core.expressions.parse import CONSTANT_NAMES


def find_reads(root: ast.AST) -> frozenset[tuple[str, ...]]:
    """Return the paths that are read from the scope; the names of loops are none of them."""
    found: set[tuple[str, ...]] = set()
    _visit(root, frozenset(), found)
    return frozenset(found)


def _visit(node: ast.AST, loop_names: frozenset[str], found: set[tuple[str, ...]]) -> None:
    match node:
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            _visit_loop(node, loop_names, found)
        case ast.Call():
            if isinstance(node.func, ast.Attribute):
                _visit(node.func.value, loop_names, found)
            for part in (*node.args, *node.keywords):
                _visit(part, loop_names, found)
        case ast.Name() | ast.Attribute() | ast.Subscript():
            _visit_path(node, loop_names, found)
        case _:
            for part in ast.iter_child_nodes(node):
                _visit(part, loop_names, found)


def _visit_path(node: ast.expr, loop_names: frozenset[str], found: set[tuple[str, ...]]) -> None:
    names: list[str] = []
    base = node
    while True:
        match base:
            case ast.Attribute():
                names.append(base.attr)
            case ast.Subscript(slice=ast.Constant(value=str() as name)):
                names.append(name)
            case ast.Subscript():
                names.clear()
                _visit(base.slice, loop_names, found)
            case _:
                break
        base = base.value
    if isinstance(base, ast.Name):
        if base.id not in loop_names and base.id not in CONSTANT_NAMES:
            found.add((base.id, *reversed(names)))
        return
    _visit(base, loop_names, found)


def _visit_loop(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
    loop_names: frozenset[str],
    found: set[tuple[str, ...]],
) -> None:
    for generator in node.generators:
        _visit(generator.iter, loop_names, found)
        loop_names |= {part.id for part in ast.walk(generator.target) if isinstance(part, ast.Name)}
        for test in generator.ifs:
            _visit(test, loop_names, found)
    for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
        _visit(part, loop_names, found)
