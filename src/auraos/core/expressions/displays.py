"""Compiles what is written out in place: lists, sets (lists without repetition), mappings, f-strings."""

import ast
from collections.abc import Callable
from typing import Any

from auraos.core.expressions.code import Closure, Code, Compiling, Scope, fold
from auraos.core.expressions.comparisons import at, unique
from auraos.core.expressions.errors import CallError, Site
from auraos.core.expressions.loops import items_of, refuse_key
from auraos.core.expressions.meter import SMALL, meter_of
from auraos.core.expressions.texts import to_text, write_formatted
from auraos.core.values import type_name


def compile_list(compiler: Compiling, node: ast.List | ast.Tuple | ast.Set) -> Code:
    """Compile `[a, *b]`; round brackets make a list too, and braces one without repetition."""
    site = compiler.tree.site(node)
    if any(isinstance(item, ast.Starred) for item in node.elts):
        compiler.has_growth = True
        run = _spread_list(compiler, node.elts)
    else:
        parts = [compiler.compile(item).run for item in node.elts]

        def run(scope: Scope) -> list[Any]:
            return [part(scope) for part in parts]

    if isinstance(node, ast.Set):
        compiler.has_growth = True
        return Code(lambda scope: unique(run(scope), meter_of(scope)), site)
    return Code(run, site)


def _spread_list(compiler: Compiling, items: list[ast.expr]) -> Closure:
    parts: list[tuple[bool, Code]] = []
    for item in items:
        spread = isinstance(item, ast.Starred)
        parts.append((spread, compiler.compile(item.value if isinstance(item, ast.Starred) else item)))

    def run(scope: Scope) -> list[Any]:
        result: list[Any] = []
        for spread, part in parts:
            if spread:
                added = items_of(part.run(scope), part.site)
                if len(added) > SMALL:
                    meter_of(scope).grow(8 * len(added), part.site)
                result.extend(added)
            else:
                result.append(part.run(scope))
        return result

    return run


def compile_mapping(compiler: Compiling, node: ast.Dict) -> Code:
    """Compile `{"key": value, **other}`; keys are texts."""
    site = compiler.tree.site(node)
    keys = [compiler.compile(key) if key else None for key in node.keys]
    if None in keys:
        compiler.has_growth = True
    values = [compiler.compile(value) for value in node.values]
    for key in keys:
        if key and key.is_constant and type(key.value) is not str:
            raise key.site.refusal("wrong-type", f"The keys of a mapping are texts, not {type_name(key.value)}.",
                                   f'Write "{key.words}".')  # fmt: skip
    if all(key and key.is_constant for key in keys):
        pairs = [(key.value, value.run) for key, value in zip(keys, values, strict=True) if key]
        return Code(lambda scope: {name: run(scope) for name, run in pairs}, site)
    return Code(_mapping(list(zip(keys, values, strict=True))), site)


def _mapping(parts: list[tuple[Code | None, Code]]) -> Closure:
    def run(scope: Scope) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in parts:
            if key is None:
                result.update(_spread_mapping(value, scope))
                continue
            name = key.run(scope)
            if type(name) is not str:
                raise refuse_key(name, key)
            result[name] = value.run(scope)
        return result

    return run


def _spread_mapping(part: Code, scope: Scope) -> dict[str, Any]:
    added = part.run(scope)
    if not isinstance(added, dict):
        raise part.site.error(
            "wrong-type", f"{part.words} is {type_name(added)}: only a mapping can be spread with **."
        )
    if len(added) > SMALL:
        meter_of(scope).grow(16 * len(added), part.site)
    return added


def compile_text(compiler: Compiling, node: ast.JoinedStr) -> Code:
    """Compile an f-string; its parts are written as a template writes them, or by their format."""
    site = compiler.tree.site(node)
    parts: list[Closure] = []
    codes: list[Code] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            parts.append(_compile_part(compiler, part, codes))
        else:
            code = compiler.compile(part)
            parts.append(code.run)

    def run(scope: Scope) -> str:
        texts: list[str] = []
        for part in parts:
            text = part(scope)
            if len(text) > SMALL:
                meter_of(scope).grow(len(text), site)
            texts.append(text)
        return "".join(texts)

    return fold(Code(run, site), *codes)


def _compile_part(compiler: Compiling, part: ast.FormattedValue, codes: list[Code]) -> Closure:
    code = compiler.compile(part.value)
    codes.append(code)
    load, site = code.run, code.site
    if part.format_spec is None:
        return lambda scope: to_text(load(scope), meter_of(scope))
    form = compiler.compile(part.format_spec)
    codes.append(form)
    return _formatted(load, form.run, site)


def _formatted(load: Closure, form: Callable[[Scope], Any], site: Site) -> Closure:
    def run(scope: Scope) -> str:
        try:
            return write_formatted(load(scope), form(scope), meter_of(scope))
        except CallError as error:
            raise at(site, error) from None

    return run
