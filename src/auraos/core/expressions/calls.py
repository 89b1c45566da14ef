"""Compiles calls: of registered functions by name, and of our methods by the type of the value before the dot."""

import ast
from typing import Any, NamedTuple

from auraos.core.errors import UserError
from auraos.core.expressions.arithmetic import check_float, check_int
from auraos.core.expressions.code import Closure, Code, Compiling, Scope
from auraos.core.expressions.comparisons import at, describe
from auraos.core.expressions.errors import CallError, LocatedError, Site, suggest
from auraos.core.expressions.meter import SMALL, meter_of
from auraos.core.expressions.registry import TYPE_WORDS, Function, Parameter, bind
from auraos.core.values import type_name

_SIZED = frozenset({str, list, dict})
_UNCHARGED = 32
_COMPLAINTS = (CallError, UserError, ValueError, ArithmeticError, RecursionError)


class _Argument(NamedTuple):
    parameter: Parameter
    code: Code


def compile_call(compiler: Compiling, node: ast.Call) -> Code:
    """Compile `name(…)` or `value.name(…)`."""
    site = compiler.tree.site(node)
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            raise compiler.tree.site(argument).refusal("not-in-the-language", "`*` spreads no list into arguments.",
                                                       "Give the list itself.")  # fmt: skip
    if any(keyword.arg is None for keyword in node.keywords):
        raise site.refusal("not-in-the-language", "`**` spreads no mapping into arguments.")
    match node.func:
        case ast.Name():
            return _compile_function(compiler, node, node.func, site)
        case ast.Attribute():
            return _compile_method(compiler, node, node.func, site)
    raise site.refusal("not-callable", "Only a function's name can be called.")


def _arguments(compiler: Compiling, node: ast.Call) -> tuple[list[Code], tuple[str, ...]]:
    codes = [
        compiler.compile(argument) for argument in (*node.args, *(keyword.value for keyword in node.keywords))
    ]
    return codes, tuple(keyword.arg or "" for keyword in node.keywords)


def _compile_function(compiler: Compiling, node: ast.Call, name: ast.Name, site: Site) -> Code:
    function = compiler.library.functions.get(name.id)
    if function is None:
        raise compiler.tree.site(name).refusal("unknown-function", f"There is no function {name.id!r}.",
                                               _function_hint(compiler, name.id))  # fmt: skip
    codes, keywords = _arguments(compiler, node)
    try:
        slots = _fill(function, codes, bind(function, len(node.args), keywords))
    except CallError as error:
        raise site.refusal(error.code, error.message, error.hint) from None
    return Code(_caller(function, slots, site), site)


def _function_hint(compiler: Compiling, name: str) -> str:
    owners = sorted(TYPE_WORDS[kind] for kind, methods in compiler.library.methods.items() if name in methods)
    return suggest(name, set(compiler.library.functions)) or (
        f"{name} is a method of {' and '.join(owners)}: write value.{name}(…)." if owners else ""
    )


def _fill(function: Function, codes: list[Code], places: tuple[int | None, ...]) -> list[_Argument | Any]:
    slots: list[_Argument | Any] = []
    for parameter, place in zip(function.parameters, places, strict=True):
        if parameter.repeated:
            rest = codes[place:] if place is not None else []
            slots.extend(_Argument(parameter, code) for code in rest)
        else:
            slots.append(parameter.default if place is None else _Argument(parameter, codes[place]))
    while slots and not isinstance(slots[-1], _Argument):
        slots.pop()
    return slots


def _caller(function: Function, slots: list[_Argument | Any], site: Site) -> Closure:
    run, needs_scope = function.run, function.needs_scope
    if len(slots) == 1 and not needs_scope:
        return _call_with_one(function, slots[0], site)
    loads = [_load(function, slot) if isinstance(slot, _Argument) else _known(slot) for slot in slots]

    def call(scope: Scope) -> Any:
        values = [load(scope) for load in loads]
        try:
            return _kept(run(scope, *values) if needs_scope else run(*values), scope, site)
        except _COMPLAINTS as error:
            raise _explain(error, function, site) from None

    return call


def _call_with_one(function: Function, slot: _Argument, site: Site) -> Closure:
    run, load = function.run, _load(function, slot)

    def call(scope: Scope) -> Any:
        value = load(scope)
        try:
            return _kept(run(value), scope, site)
        except _COMPLAINTS as error:
            raise _explain(error, function, site) from None

    return call


def _load(function: Function, argument: _Argument) -> Closure:
    accepts, load = argument.parameter.accepts, argument.code.run

    def read(scope: Scope) -> Any:
        value = load(scope)
        kind = type(value)
        if accepts is not None and kind not in accepts:
            raise _wrong(function, argument, value)
        if kind in _SIZED and len(value) > _UNCHARGED:
            charge(value, scope, argument.code.site)
        return value

    return read


def _known(value: Any) -> Closure:
    return lambda _: value


def charge(value: Any, scope: Scope, site: Site) -> None:
    """Let a call pay for what it is going to walk over."""
    meter_of(scope).spend(len(value) >> 5 if type(value) is str else len(value) >> 1, site)


def _kept(result: Any, scope: Scope, site: Site) -> Any:
    """Return a result that is a value of the language, and let it pay for its size."""
    kind = type(result)
    if kind in _SIZED:
        if len(result) > SMALL:
            meter_of(scope).grow(len(result) if kind is str else 8 * len(result), site)
    elif kind is int:
        return check_int(result, site)
    elif kind is float:
        return check_float(result, site)
    return result


def _wrong(function: Function, argument: _Argument, value: Any) -> Exception:
    words = argument.code.words
    hint = f"Say what stands in its place, as in `({words} or …)`." if value is None else ""
    if type(value) is str and argument.parameter.accepts and {int, float} & argument.parameter.accepts:
        hint = f"Convert it: number({words})."
    elif argument.parameter.accepts == frozenset({str}) and value is not None:
        hint = f"Convert it: text({words})."
    return argument.code.site.error(
        "null" if value is None else "wrong-type",
        f"{function.name}() takes {argument.parameter.words} as {argument.parameter.name!r}, and {describe(value, words)}.",
        hint,
    )


def _explain(error: Exception, function: Function, site: Site) -> Exception:
    if isinstance(error, LocatedError):
        return error if error.source else error.place(site.source, site.start, site.end)
    if isinstance(error, CallError | UserError):
        return site.error(error.code, error.message, error.hint)
    if isinstance(error, RecursionError):
        return site.error("too-deep", "This data is nested too deeply.", "Work on a part of it.")
    return site.error(
        "call-failed",
        f"{function.name}() has no answer for these values.",
        f"Its form is {function.doc.signature}.",
    )


def _compile_method(compiler: Compiling, node: ast.Call, target: ast.Attribute, site: Site) -> Code:
    name = target.attr
    receiver = compiler.compile(target.value)
    found = {kind: methods[name] for kind, methods in compiler.library.methods.items() if name in methods}
    if not found:
        known = {method for methods in compiler.library.methods.values() for method in methods}
        hint = suggest(name, known) or (f"Write {name}(…)." if name in compiler.library.functions else "")
        raise site.refusal("unknown-method", f"No value has a method {name!r}.", hint)
    codes, keywords = _arguments(compiler, node)
    callers: dict[type, Closure] = {}
    refused: dict[type, CallError] = {}
    for kind, method in found.items():
        try:
            callers[kind] = _method_caller(
                method, _fill(method, codes, bind(method, len(node.args), keywords)), site
            )
        except CallError as error:
            refused[kind] = error
    if not callers:
        first = next(iter(refused.values()))
        raise site.refusal(first.code, first.message, first.hint)
    return Code(_dispatch(compiler, receiver, name, callers, refused, site), site)


def _dispatch(
    compiler: Compiling,
    receiver: Code,
    name: str,
    callers: dict[type, Any],
    refused: dict[type, CallError],
    site: Site,
) -> Closure:
    load, words = receiver.run, receiver.words
    library = compiler.library

    def call(scope: Scope) -> Any:
        value = load(scope)
        if value is None:
            return None
        caller = callers.get(type(value))
        if caller is None:
            if type(value) in refused:
                raise at(site, refused[type(value)])
            hint = suggest(name, set(library.methods.get(type(value), {})))
            raise site.error(
                "unknown-method", f"{words} is {type_name(value)}, which has no method {name!r}.", hint
            )
        if type(value) in _SIZED and len(value) > _UNCHARGED:
            charge(value, scope, receiver.site)
        return caller(scope, value)

    return call


def _method_caller(function: Function, slots: list[_Argument | Any], site: Site) -> Any:
    run, needs_scope = function.run, function.needs_scope
    loads = [_load(function, slot) if isinstance(slot, _Argument) else _known(slot) for slot in slots]

    def call(scope: Scope, receiver: Any) -> Any:
        values = [load(scope) for load in loads]
        try:
            return _kept(
                run(scope, receiver, *values) if needs_scope else run(receiver, *values), scope, site
            )
        except _COMPLAINTS as error:
            raise _explain(error, function, site) from None

    return call
