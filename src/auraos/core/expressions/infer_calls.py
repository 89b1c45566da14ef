"""Types of calls: arguments that are certain to be refused, methods that no value there has, and what comes back."""

import ast

from auraos.core.expressions.errors import CallError, suggest
from auraos.core.expressions.inferring import Inferring
from auraos.core.expressions.library import LIBRARY
from auraos.core.expressions.registry import TYPE_WORDS, Function, bind
from auraos.core.expressions.types import ANY, NULL, Type, union

_BY_WORD = {word: kind for kind, word in TYPE_WORDS.items()}


def infer_call(inference: Inferring, node: ast.Call) -> Type:
    """Return the type of what a call gives back."""
    parts = [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node.func, ast.Attribute):
        owner = inference.infer(node.func.value)
        kinds = [inference.infer(part) for part in parts]
        return _infer_method(inference, node, node.func, owner, parts, kinds)
    assert isinstance(node.func, ast.Name)
    function = LIBRARY.functions[node.func.id]
    kinds = [inference.infer(part) for part in parts]
    return _infer_function(inference, node, function, parts, kinds, None)


def _infer_function(
    inference: Inferring,
    node: ast.Call,
    function: Function,
    parts: list[ast.expr],
    kinds: list[Type],
    owner: Type | None,
) -> Type:
    keywords = tuple(keyword.arg or "" for keyword in node.keywords)
    try:
        places = bind(function, len(node.args), keywords)
    except CallError as error:
        inference.report(node, error.code, error.message, error.hint)
        return ANY
    given: dict[str, Type] = {}
    for parameter, place in zip(function.parameters, places, strict=True):
        if place is None:
            continue
        mine = range(place, len(node.args)) if parameter.repeated else [place]
        if parameter.accepts is not None:
            accepted = {TYPE_WORDS[kind] for kind in parameter.accepts}
            for index in mine:
                found = kinds[index].kinds
                if found and not found & accepted:
                    inference.report(
                        parts[index], "wrong-type",
                        f"{function.name}() takes {parameter.words} as {parameter.name!r}, and "
                        f"{inference.words(parts[index])} is {kinds[index].words}.",
                    )  # fmt: skip
        given[parameter.name] = union(*(kinds[index] for index in mine)) if mine else ANY
    return _result(function, given, owner)


def _result(function: Function, given: dict[str, Type], owner: Type | None) -> Type:
    if not function.result_like:
        return (
            ANY
            if function.result is None
            else Type(kinds=frozenset(TYPE_WORDS[kind] for kind in function.result))
        )
    name, _, part = function.result_like.partition(".")
    source = owner or ANY if name in ("self", "item") else given.get(name, ANY)
    if "item" in (name, part):
        found = source.items
        if found.is_any:
            return ANY
        return union(found, Type(kinds=frozenset({"int"}))) if function.name == "sum" else found.or_null()
    if name == "values":
        found = source.items if source.kinds == frozenset({"list"}) else source
        return found.or_null()
    if source.kinds is None:
        return ANY
    return Type(kinds=source.kinds - {"null"}, item=source.item)


def _infer_method(
    inference: Inferring,
    node: ast.Call,
    target: ast.Attribute,
    owner: Type,
    parts: list[ast.expr],
    kinds: list[Type],
) -> Type:
    name, words = target.attr, inference.words(target.value)
    if owner.kinds is None:
        results = {methods[name].result for methods in LIBRARY.methods.values() if name in methods}
        only = results.pop() if len(results) == 1 else None
        return ANY if only is None else Type(kinds=frozenset(TYPE_WORDS[kind] for kind in only)).or_null()
    present = [_BY_WORD[kind] for kind in sorted(owner.kinds - {"null"})]
    if not present:
        return NULL
    methods = [LIBRARY.methods[kind][name] for kind in present if name in LIBRARY.methods.get(kind, {})]
    if not methods:
        known = {method for kind in present for method in LIBRARY.methods.get(kind, {})}
        inference.report(
            node,
            "unknown-method",
            f"{words} is {owner.words}, which has no method {name!r}.",
            suggest(name, known),
        )
        return ANY
    if len(methods) > 1:
        found = [_result(method, {}, owner.without_null()) for method in methods]
    else:
        found = [_infer_function(inference, node, methods[0], parts, kinds, owner.without_null())]
    result = union(*found)
    return result.or_null() if "null" in owner.kinds else result
