"""Compiles operators: comparisons and their chains, `in`, logic, arithmetic."""

import ast
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from auraos.core.expressions import arithmetic
from auraos.core.expressions.code import Closure, Code, Compiling, Scope, constant, fold
from auraos.core.expressions.comparisons import Members, compare, contains, equal
from auraos.core.expressions.errors import Site
from auraos.core.expressions.fast import ORDERINGS, order_by_number
from auraos.core.expressions.meter import meter_of
from auraos.core.values import LARGEST_INT, SMALLEST_INT

_SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
_ARITHMETIC: dict[type[ast.AST], arithmetic.Arithmetic] = {
    ast.Add: arithmetic.add, ast.Sub: arithmetic.subtract, ast.Mult: arithmetic.multiply, ast.Div: arithmetic.divide,
    ast.FloorDiv: arithmetic.divide_down, ast.Mod: arithmetic.remainder, ast.Pow: arithmetic.power,
    ast.BitOr: arithmetic.join_mappings,
}  # fmt: skip
_REFUSED_SIGNS: dict[type[ast.AST], tuple[str, str]] = {
    ast.BitAnd: ("&", "Write `and`."),
    ast.BitXor: ("^", "For a power write `**`."),
    ast.LShift: ("<<", ""),
    ast.RShift: (">>", ""),
    ast.MatMult: ("@", ""),
    ast.Invert: ("~", "Write `not`."),
}
_PLAIN = (ast.Constant, ast.Name)
_SAME_ORDER = frozenset({int, float, str, Decimal, date, timedelta})


def compile_comparison(compiler: Compiling, node: ast.Compare) -> Code:
    """Compile a comparison; a chain such as `0 < a < b` evaluates each part once and stops at the first that fails."""
    parts = [compiler.compile(part) for part in (node.left, *node.comparators)]
    signs = [_SIGNS[type(sign)] for sign in node.ops]
    site = compiler.tree.site(node)
    if len(signs) == 1:
        return fold(Code(_compare(compiler, node, parts[0], signs[0], parts[1], site), site), *parts)
    compiler.has_growth = True
    relations = [_relation(sign, parts[index], parts[index + 1], site) for index, sign in enumerate(signs)]
    first = parts[0].run
    rest = [(relation, part.run) for relation, part in zip(relations, parts[1:], strict=True)]

    def chain(scope: Scope) -> bool:
        left = first(scope)
        for relation, load in rest:
            right = load(scope)
            if not relation(left, right, scope):
                return False
            left = right
        return True

    return fold(Code(chain, site), *parts)


def _relation(sign: str, left: Code, right: Code, site: Site) -> Callable[[Any, Any, Scope], bool]:
    names = (left.words, right.words)
    match sign:
        case "<" | "<=" | ">" | ">=":
            test = ORDERINGS[sign]
            return lambda one, two, _: compare(one, two, sign, test, site, names)
        case "==":
            return lambda one, two, scope: equal(one, two, meter_of(scope))
        case "!=":
            return lambda one, two, scope: not equal(one, two, meter_of(scope))
        case "in":
            return lambda one, two, scope: contains(one, two, scope, site, names)
        case "not in":
            return lambda one, two, scope: not contains(one, two, scope, site, names)
    raise site.refusal("not-in-the-language", f"`{sign}` stands in no chain.", "Write == or !=.")


def _compare(
    compiler: Compiling, node: ast.Compare, left: Code, sign: str, right: Code, site: Site
) -> Closure:
    match sign:
        case "<" | "<=" | ">" | ">=":
            return _order(left, sign, right, site)
        case "==":
            return _equality(compiler, left, right)
        case "!=":
            return _inverse(_equality(compiler, left, right))
        case "in":
            return _membership(compiler, node, left, right, site)
        case "not in":
            return _inverse(_membership(compiler, node, left, right, site))
    if right.is_constant and (right.value is None or type(right.value) is bool):
        return (
            _equality(compiler, left, right) if sign == "is" else _inverse(_equality(compiler, left, right))
        )
    raise site.refusal(
        "not-in-the-language", f"`{sign}` is for null, true and false only.", "Write == or !=."
    )


def _order(left: Code, sign: str, right: Code, site: Site) -> Closure:
    names = (left.words, right.words)
    test = ORDERINGS[sign]
    load_left, load_right = left.run, right.run
    if right.is_constant and type(right.value) in (int, float):
        bound = right.value

        def judge(value: Any, _: Scope) -> bool:
            return compare(value, bound, sign, test, site, names)

        return order_by_number(load_left, left.key, sign, bound, judge)

    def order(scope: Scope) -> Any:
        one = load_left(scope)
        two = load_right(scope)
        kind = type(one)
        if kind is type(two) and kind in _SAME_ORDER:
            return test(one, two)
        return compare(one, two, sign, test, site, names)

    return order


def _equality(compiler: Compiling, left: Code, right: Code) -> Closure:
    if left.is_constant and not right.is_constant:
        left, right = right, left
    load, key = left.run, left.key
    if right.is_constant and (right.value is None or type(right.value) is str):
        expected = right.value
        if key:

            def is_name_equal(scope: Scope) -> Any:
                return (scope[key] if key in scope else load(scope)) == expected

            return is_name_equal
        return lambda scope: load(scope) == expected
    if right.is_constant and type(right.value) is bool:
        truth = right.value
        return lambda scope: load(scope) is truth
    if right.is_constant and type(right.value) in (int, float):
        number = right.value

        def is_number(scope: Scope) -> bool:
            value = load(scope)
            return value == number and type(value) is not bool

        return is_number
    other = right.run
    compiler.has_growth = True

    def are_equal(scope: Scope) -> bool:
        one = load(scope)
        two = other(scope)
        kind = type(one)
        if kind is type(two) and (kind is int or kind is bool):
            return bool(one == two)
        return equal(one, two, meter_of(scope))

    return are_equal


def _inverse(test: Closure) -> Closure:
    return lambda scope: not test(scope)


def _membership(compiler: Compiling, node: ast.Compare, left: Code, right: Code, site: Site) -> Closure:
    load, key = left.run, left.key
    members = _constant_members(compiler, node)
    if members is None:
        whole = right.run
        compiler.has_growth = True
        names = (left.words, right.words)
        return lambda scope: contains(load(scope), whole(scope), scope, site, names)
    if not members.only_text:
        holds = members.holds
        return lambda scope: holds(load(scope))
    texts = members.values
    if key:

        def is_name_in(scope: Scope) -> bool:
            value = scope[key] if key in scope else load(scope)
            return type(value) is str and value in texts

        return is_name_in

    def is_in(scope: Scope) -> bool:
        value = load(scope)
        return type(value) is str and value in texts

    return is_in


def _constant_members(compiler: Compiling, node: ast.Compare) -> Members | None:
    whole = node.comparators[-1]
    if len(node.ops) != 1 or not isinstance(whole, ast.List | ast.Tuple | ast.Set):
        return None
    if not all(isinstance(getattr(item, "operand", item), _PLAIN) for item in whole.elts):
        return None  # what is nested is compiled once, by whom it belongs to
    parts = [compiler.compile(item) for item in whole.elts]
    if not all(part.is_constant for part in parts):
        return None
    return Members([part.value for part in parts])


def compile_logic(compiler: Compiling, node: ast.BoolOp) -> Code:
    """Compile `and` and `or`: as in Python, the answer is the part that decided."""
    parts = [compiler.compile(part) for part in node.values]
    site = compiler.tree.site(node)
    runs = [part.run for part in parts]
    first, second = runs[0], runs[1]
    if isinstance(node.op, ast.And):
        if len(runs) == 2:
            return fold(Code(lambda scope: first(scope) and second(scope), site), *parts)

        def every(scope: Scope) -> Any:
            value = None
            for run in runs:
                value = run(scope)
                if not value:
                    return value
            return value

        return fold(Code(every, site), *parts)
    if len(runs) == 2:
        return fold(Code(lambda scope: first(scope) or second(scope), site), *parts)

    def some(scope: Scope) -> Any:
        value = None
        for run in runs:
            value = run(scope)
            if value:
                return value
        return value

    return fold(Code(some, site), *parts)


def compile_choice(compiler: Compiling, node: ast.IfExp) -> Code:
    """Compile `a if condition else b`."""
    condition, then, otherwise = (compiler.compile(part) for part in (node.test, node.body, node.orelse))
    test, one, two = condition.run, then.run, otherwise.run
    site = compiler.tree.site(node)
    return fold(
        Code(lambda scope: one(scope) if test(scope) else two(scope), site), condition, then, otherwise
    )


def compile_unary(compiler: Compiling, node: ast.UnaryOp) -> Code:
    """Compile `not x`, `-x` and `+x`."""
    site = compiler.tree.site(node)
    if isinstance(node.op, ast.Invert):
        raise _refuse_sign(node.op, site)
    if (
        isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and type(node.operand.value) is int
    ):
        return constant(-node.operand.value, site)
    part = compiler.compile(node.operand)
    run, words = part.run, part.words
    if isinstance(node.op, ast.Not):
        return fold(Code(lambda scope: not run(scope), site), part)
    if isinstance(node.op, ast.USub):
        return fold(Code(lambda scope: arithmetic.negate(run(scope), site, words), site), part)
    return fold(
        Code(lambda scope: arithmetic.negate(arithmetic.negate(run(scope), site, words), site, words), site),
        part,
    )


def compile_arithmetic(compiler: Compiling, node: ast.BinOp) -> Code:
    """Compile `+ - * / // % **` and `|`, each with a short way for two numbers of one kind."""
    site = compiler.tree.site(node)
    operation = _ARITHMETIC.get(type(node.op))
    if operation is None:
        raise _refuse_sign(node.op, site)
    left, right = compiler.compile(node.left), compiler.compile(node.right)
    return fold(Code(_arithmetic(node.op, operation, left, right, site), site), left, right)


def _arithmetic(
    sign: ast.operator, operation: arithmetic.Arithmetic, left: Code, right: Code, site: Site
) -> Closure:
    names = (left.words, right.words)
    one, two = left.run, right.run
    quick = {ast.Add: _quick_add, ast.Sub: _quick_subtract, ast.Mult: _quick_multiply}.get(type(sign))

    def whole(scope: Scope, first: Any, second: Any) -> Any:
        return operation(first, second, scope, site, names)

    if type(right.value) is int and quick is not None:
        return _QUICK_BY[type(sign)](one, right.value, whole)
    if quick:
        return quick(one, two, whole)
    return lambda scope: operation(one(scope), two(scope), scope, site, names)


_Whole = Callable[[Scope, Any, Any], Any]


def _quick_add(one: Closure, two: Closure, whole: _Whole) -> Closure:
    def run(scope: Scope) -> Any:
        first = one(scope)
        second = two(scope)
        if type(first) is int and type(second) is int:
            result = first + second
            if SMALLEST_INT <= result <= LARGEST_INT:
                return result
        return whole(scope, first, second)

    return run


def _quick_subtract(one: Closure, two: Closure, whole: _Whole) -> Closure:
    def run(scope: Scope) -> Any:
        first = one(scope)
        second = two(scope)
        if type(first) is int and type(second) is int:
            result = first - second
            if SMALLEST_INT <= result <= LARGEST_INT:
                return result
        return whole(scope, first, second)

    return run


def _quick_multiply(one: Closure, two: Closure, whole: _Whole) -> Closure:
    def run(scope: Scope) -> Any:
        first = one(scope)
        second = two(scope)
        if type(first) is int and type(second) is int:
            result = first * second
            if SMALLEST_INT <= result <= LARGEST_INT:
                return result
        return whole(scope, first, second)

    return run


def _add_number(one: Closure, number: int, whole: _Whole) -> Closure:
    def run(scope: Scope) -> Any:
        first = one(scope)
        if type(first) is int and SMALLEST_INT <= (result := first + number) <= LARGEST_INT:
            return result
        return whole(scope, first, number)

    return run


def _subtract_number(one: Closure, number: int, whole: _Whole) -> Closure:
    def run(scope: Scope) -> Any:
        first = one(scope)
        if type(first) is int and SMALLEST_INT <= (result := first - number) <= LARGEST_INT:
            return result
        return whole(scope, first, number)

    return run


def _multiply_by_number(one: Closure, number: int, whole: _Whole) -> Closure:
    def run(scope: Scope) -> Any:
        first = one(scope)
        if type(first) is int and SMALLEST_INT <= (result := first * number) <= LARGEST_INT:
            return result
        return whole(scope, first, number)

    return run


_QUICK_BY = {ast.Add: _add_number, ast.Sub: _subtract_number, ast.Mult: _multiply_by_number}
"""The short ways for a number that stands in the expression itself."""


def _refuse_sign(sign: ast.AST, site: Site) -> Exception:
    written, hint = _REFUSED_SIGNS[type(sign)]
    return site.refusal("not-in-the-language", f"`{written}` is no operator of the language.", hint)
