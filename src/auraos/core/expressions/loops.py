"""Compiles comprehensions. A loop's names stand in the scope under keys that no source can spell, so nothing is shadowed.

Evaluations with loops work on a copy of the scope, and each loop pays for all its rounds at once (see `meter`).
"""

import ast
from collections.abc import Callable
from typing import Any

from auraos.core.expressions.code import Closure, Code, Compiling, Scope
from auraos.core.expressions.comparisons import describe, unique
from auraos.core.expressions.errors import Site
from auraos.core.values import type_name

_NODES_A_STEP = 3
_CALL_NODES = 10

Emit = Callable[[Scope], None]
Walk = Callable[[Scope, Emit], None]


def compile_list_loop(compiler: Compiling, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Code:
    """Compile `[… for … in …]`, the same in round brackets, and in braces (which keeps the first of equal items)."""
    site = compiler.tree.site(node)
    compiler.has_loops = True
    steps = _weigh(node)
    if len(node.generators) == 1 and isinstance(node.generators[0].target, ast.Name):
        run = _single(compiler, node.elt, node.generators[0], steps)
    else:
        run = _nested_list(compiler, node, steps)
    if isinstance(node, ast.SetComp):
        return Code(lambda scope: unique(run(scope), scope["$meter"]), site)
    return Code(run, site)


def _single(compiler: Compiling, element: ast.expr, generator: ast.comprehension, steps: int) -> Closure:
    source = compiler.compile(generator.iter)
    walked, site = source.run, source.site
    assert isinstance(generator.target, ast.Name)
    key = compiler.enter_loop_name(generator.target.id)
    test = _condition(compiler, generator.ifs)
    produce = compiler.compile(element).run
    compiler.leave_loop_names(1)

    def every(scope: Scope) -> list[Any]:
        items = items_of(walked(scope), site)
        scope["$meter"].spend(len(items) * steps, site)
        return [produce(scope) for scope[key] in items]

    def chosen(scope: Scope) -> list[Any]:
        items = items_of(walked(scope), site)
        scope["$meter"].spend(len(items) * steps, site)
        return [produce(scope) for scope[key] in items if test and test(scope)]

    return chosen if test else every


def _nested_list(
    compiler: Compiling, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, steps: int
) -> Closure:
    walk, names = _compile_walk(compiler, node.generators, steps)
    produce = compiler.compile(node.elt).run
    compiler.leave_loop_names(names)

    def run(scope: Scope) -> list[Any]:
        results: list[Any] = []
        walk(scope, lambda inner: results.append(produce(inner)))
        return results

    return run


def compile_mapping_loop(compiler: Compiling, node: ast.DictComp) -> Code:
    """Compile `{key: value for … in …}`; keys are texts, a later equal key wins."""
    site = compiler.tree.site(node)
    compiler.has_loops = True
    walk, names = _compile_walk(compiler, node.generators, _weigh(node))
    key, produce = compiler.compile(node.key), compiler.compile(node.value).run
    compiler.leave_loop_names(names)
    read_key = key.run

    def run(scope: Scope) -> dict[str, Any]:
        result: dict[str, Any] = {}

        def emit(inner: Scope) -> None:
            name = read_key(inner)
            if type(name) is not str:
                raise refuse_key(name, key)
            result[name] = produce(inner)

        walk(scope, emit)
        return result

    return Code(run, site)


def refuse_key(name: Any, key: Code) -> Exception:
    """Return the error for a key that is no text."""
    return key.site.error(
        "wrong-type",
        f"The keys of a mapping are texts, and {describe(name, key.words)}.",
        f"Write text({key.words}).",
    )


def _compile_walk(compiler: Compiling, generators: list[ast.comprehension], steps: int) -> tuple[Walk, int]:
    source = compiler.compile(generators[0].iter)
    target = generators[0].target
    names = [target] if isinstance(target, ast.Name) else _names(compiler, target)
    keys = [compiler.enter_loop_name(name.id) for name in names]
    test = _condition(compiler, generators[0].ifs)
    inner: Walk | None = None
    count = len(keys)
    if len(generators) > 1:
        inner, more = _compile_walk(compiler, generators[1:], steps)
        count += more
    assign = (
        _assign_one(keys[0])
        if isinstance(target, ast.Name)
        else _assign_many(keys, compiler.tree.site(target))
    )
    return _walk(source, assign, test, inner, steps), count


def _walk(
    source: Code, assign: Callable[[Scope, Any], None], test: Closure | None, inner: Walk | None, steps: int
) -> Walk:
    walked, site = source.run, source.site

    def walk(scope: Scope, emit: Emit) -> None:
        items = items_of(walked(scope), site)
        scope["$meter"].spend(len(items) * steps, site)
        for item in items:
            assign(scope, item)
            if test is None or test(scope):
                if inner:
                    inner(scope, emit)
                else:
                    emit(scope)

    return walk


def _names(compiler: Compiling, target: ast.expr) -> list[ast.Name]:
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    names = [part for part in parts if isinstance(part, ast.Name)]
    if not parts or len(names) != len(parts):
        raise compiler.tree.site(target).refusal(
            "not-in-the-language",
            "A loop gives its items to a name, or to names in a row.",
            "Write `for key, value in …`.",
        )
    return names


def _assign_one(key: str) -> Callable[[Scope, Any], None]:
    def assign(scope: Scope, item: Any) -> None:
        scope[key] = item

    return assign


def _assign_many(keys: list[str], site: Site) -> Callable[[Scope, Any], None]:
    def assign(scope: Scope, item: Any) -> None:
        if type(item) is not list or len(item) != len(keys):
            found = f"a list of {len(item)}" if type(item) is list else type_name(item)
            raise site.error("wrong-type", f"Each item must be a list of {len(keys)} to fill {site.text}, and one is {found}.",
                             "For a mapping, walk over m.items().")  # fmt: skip
        for key, part in zip(keys, item, strict=True):
            scope[key] = part

    return assign


def _condition(compiler: Compiling, tests: list[ast.expr]) -> Closure | None:
    if not tests:
        return None
    if len(tests) == 1:
        return compiler.compile(tests[0]).run
    return compiler.compile(ast.BoolOp(op=ast.And(), values=tests)).run


def _weigh(node: ast.AST) -> int:
    nodes = sum(_CALL_NODES if isinstance(part, ast.Call | ast.JoinedStr) else 1 for part in ast.walk(node))
    return 1 + nodes // _NODES_A_STEP


def items_of(value: Any, site: Site) -> list[Any]:
    """Return what a loop walks over: a list's items or a mapping's keys."""
    if type(value) is list:
        return value
    if isinstance(value, dict | list | tuple):
        return list(value)
    name = site.text
    if value is None:
        raise site.error(
            "null", f"{name} is null: there is nothing to walk over.", f"Write `({name} or [])`."
        )
    hint = f"For its characters, write {name}.chars()." if isinstance(value, str) else ""
    raise site.error(
        "wrong-type", f"{describe(value, name)}: only lists and mappings can be walked over.", hint
    )
