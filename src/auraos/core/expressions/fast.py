"""Closures for the commonest shapes, written out so that each costs one call: fields of names, a name against a constant."""

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from auraos.core.expressions.code import Closure, Scope

Slow: TypeAlias = Callable[[Scope], Any]
Judge: TypeAlias = Callable[[Any, Scope], bool]
"""Decides what the fast way did not, or raises the error that explains."""

ORDERINGS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def read_path(keys: tuple[str, ...], slow: Slow) -> Closure:
    """Return the closure that reads name.field.field…; whatever is unusual goes the slow way, which explains it."""
    match keys:
        case (first,):
            return _read_name(first, slow)
        case (first, second):
            return _read_field(first, second, slow)
        case (first, second, third):
            return _read_second_field(first, second, third, slow)
    return _read_far(keys[0], keys[1:], slow)


def _read_name(first: str, slow: Slow) -> Closure:
    def read(scope: Scope) -> Any:
        try:
            return scope[first]
        except KeyError:
            return slow(scope)

    return read


def _read_field(first: str, second: str, slow: Slow) -> Closure:
    def read(scope: Scope) -> Any:
        try:
            return scope[first][second]
        except (KeyError, TypeError):
            return slow(scope)

    return read


def _read_second_field(first: str, second: str, third: str, slow: Slow) -> Closure:
    def read(scope: Scope) -> Any:
        try:
            return scope[first][second][third]
        except (KeyError, TypeError):
            return slow(scope)

    return read


def _read_far(first: str, rest: tuple[str, ...], slow: Slow) -> Closure:
    def read(scope: Scope) -> Any:
        try:
            value = scope[first]
            for key in rest:
                value = value[key]
        except (KeyError, TypeError):
            return slow(scope)
        return value

    return read


def order_by_number(load: Closure, key: str, sign: str, bound: float | Decimal, judge: Judge) -> Closure:
    """Return the closure for `x < 100` and its like: x a plain name (its key given) or any part."""
    if key:
        return _order_name(key, load, sign, bound, judge)
    test = ORDERINGS[sign]

    def order(scope: Scope) -> Any:
        value = load(scope)
        kind = type(value)
        if kind is int or kind is float:
            return test(value, bound)
        return judge(value, scope)

    return order


def _order_name(key: str, load: Closure, sign: str, bound: Any, judge: Judge) -> Closure:
    def less(scope: Scope) -> Any:
        value = scope[key] if key in scope else load(scope)
        kind = type(value)
        return value < bound if kind is int or kind is float else judge(value, scope)

    def less_or_equal(scope: Scope) -> Any:
        value = scope[key] if key in scope else load(scope)
        kind = type(value)
        return value <= bound if kind is int or kind is float else judge(value, scope)

    def greater(scope: Scope) -> Any:
        value = scope[key] if key in scope else load(scope)
        kind = type(value)
        return value > bound if kind is int or kind is float else judge(value, scope)

    def greater_or_equal(scope: Scope) -> Any:
        value = scope[key] if key in scope else load(scope)
        kind = type(value)
        return value >= bound if kind is int or kind is float else judge(value, scope)

    return {"<": less, "<=": less_or_equal, ">": greater, ">=": greater_or_equal}[sign]
