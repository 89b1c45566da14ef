"""Types of operators: which kinds go together, what comes of them, and which comparisons have only one answer."""

import ast
import itertools

from auraos.core.expressions.comparisons import are_ordered, equal
from auraos.core.expressions.fast import ORDERINGS
from auraos.core.expressions.inferring import Inferring
from auraos.core.expressions.meter import Meter
from auraos.core.expressions.types import ANY, BOOL, NUMBER, Type, always, type_of_value, union
from auraos.core.problems import Severity

_NUMBERS = ("int", "float", "decimal")
_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.BitOr: "|",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_SPECIAL: dict[str, dict[tuple[str, str], str]] = {
    "+": {("text", "text"): "text", ("list", "list"): "list", ("datetime", "duration"): "datetime", ("date", "duration"): "date",
          ("duration", "duration"): "duration", ("duration", "datetime"): "datetime", ("duration", "date"): "date"},
    "-": {("datetime", "datetime"): "duration", ("date", "date"): "duration", ("datetime", "duration"): "datetime",
          ("date", "duration"): "date", ("duration", "duration"): "duration"},
    "*": {("text", "int"): "text", ("int", "text"): "text", ("list", "int"): "list", ("int", "list"): "list",
          **{("duration", number): "duration" for number in _NUMBERS},
          **{(number, "duration"): "duration" for number in _NUMBERS}},
    "/": {("duration", "duration"): "float", **{("duration", number): "duration" for number in _NUMBERS}},
    "//": {("duration", "duration"): "int"},
    "%": {("duration", "duration"): "duration"},
    "**": {},
    "|": {("mapping", "mapping"): "mapping"},
}  # fmt: skip
_ORDERED = ("text", "date", "datetime", "duration")


def _result(sign: str, left: str, right: str) -> str | None:
    if left in _NUMBERS and right in _NUMBERS and sign != "|":
        if {left, right} == {"float", "decimal"}:
            return None
        if "decimal" in (left, right):
            return "decimal"
        return "float" if "float" in (left, right) or sign == "/" else "int"
    return _SPECIAL[sign].get((left, right))


def infer_arithmetic(inference: Inferring, node: ast.BinOp) -> Type:
    """Return the type of a sum and its like; kinds that never go together are a problem."""
    left, right = inference.infer(node.left), inference.infer(node.right)
    sign = _SIGNS[type(node.op)]
    if left.kinds is None or right.kinds is None:
        return _guess(sign, left, right)
    kinds = {_result(sign, one, two) for one, two in itertools.product(left.kinds, right.kinds)} - {None}
    if not kinds:
        if left.kinds and right.kinds:
            inference.report(
                node, "wrong-type",
                f"{inference.words(node.left)} is {left.words} and {inference.words(node.right)} is {right.words}: "
                f"`{sign}` does not go with them.",
                'Write f"…{…}…" or text(…) to join texts.' if sign == "+" and "text" in left.kinds | right.kinds else "",
            )  # fmt: skip
        return ANY
    found = frozenset(kind for kind in kinds if kind)
    if sign == "**" and "int" in found:
        found |= {"float"}
    item = union(left.items, right.items) if "list" in found else None
    return Type(kinds=found, item=item)


def _guess(sign: str, left: Type, right: Type) -> Type:
    known = left.kinds or right.kinds
    if sign in ("-", "/", "//", "**") and known is not None and known <= set(_NUMBERS):
        return NUMBER if sign in ("/", "//", "**") else ANY
    return ANY


def infer_unary(inference: Inferring, node: ast.UnaryOp) -> Type:
    """Return the type of `not x` and `-x`."""
    kind = inference.infer(node.operand)
    if isinstance(node.op, ast.Not):
        answer = always(kind)
        return BOOL if answer is None else type_of_value(not answer)
    if kind.choices is not None and len(kind.choices) == 1 and type(kind.choices[0]) in (int, float):
        return type_of_value(-kind.choices[0] if isinstance(node.op, ast.USub) else kind.choices[0])
    if kind.kinds is not None and not kind.kinds & {*_NUMBERS, "duration"}:
        inference.report(
            node,
            "wrong-type",
            f"{inference.words(node.operand)} is {kind.words}: there is no negative of it.",
        )
        return ANY
    return Type(kinds=None if kind.kinds is None else kind.kinds & {*_NUMBERS, "duration"})


def infer_comparison(inference: Inferring, node: ast.Compare) -> Type:
    """Return bool; comparisons that must fail, or have only one answer, are problems."""
    nodes = [node.left, *node.comparators]
    kinds = [inference.infer(part) for part in nodes]
    answer: Type = BOOL
    for index, sign in enumerate(node.ops):
        one, two = kinds[index], kinds[index + 1]
        parts = (nodes[index], nodes[index + 1])
        if type(sign) in _SIGNS:
            answer = _ordering(inference, node, _SIGNS[type(sign)], (one, two), parts)
        elif isinstance(sign, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            answer = _equality(inference, node, (one, two), parts, wanted=isinstance(sign, ast.Eq | ast.Is))
        else:
            answer = _membership(inference, node, (one, two), parts)
    return answer if len(node.ops) == 1 else BOOL


def _ordering(
    inference: Inferring,
    node: ast.Compare,
    sign: str,
    kinds: tuple[Type, Type],
    parts: tuple[ast.expr, ast.expr],
) -> Type:
    left, right = kinds
    if left.kinds is None or right.kinds is None or not left.kinds or not right.kinds:
        return BOOL
    pairs = itertools.product(left.kinds, right.kinds)
    if not any(
        (one in _NUMBERS and two in _NUMBERS) or (one == two and one in _ORDERED) for one, two in pairs
    ):
        inference.report(
            node, "wrong-type",
            f"{inference.words(parts[0])} is {left.words} and {inference.words(parts[1])} is {right.words}: "
            f"they cannot be compared with `{sign}`.",
        )  # fmt: skip
        return BOOL
    if left.choices and right.choices and len(left.choices) == len(right.choices) == 1:
        one, two = left.choices[0], right.choices[0]
        if are_ordered(one, two):
            return type_of_value(bool(ORDERINGS[sign](one, two)))
    return BOOL


def _equality(
    inference: Inferring,
    node: ast.Compare,
    kinds: tuple[Type, Type],
    parts: tuple[ast.expr, ast.expr],
    *,
    wanted: bool,
) -> Type:
    left, right = kinds
    if left.kinds is None or right.kinds is None or not left.kinds or not right.kinds:
        return BOOL
    never = not _overlap(left.kinds, right.kinds)
    detail = f"{inference.words(parts[0])} is {left.words}, {inference.words(parts[1])} is {right.words}"
    if left.choices and right.choices and not never:
        if len(left.choices) == len(right.choices) == 1:
            return type_of_value(equal(left.choices[0], right.choices[0], Meter()) is wanted)
        never = not any(equal(one, two, Meter()) for one in left.choices for two in right.choices)
        many = left.choices if len(left.choices) > 1 else right.choices
        detail = "possible are " + ", ".join(
            "null" if choice is None else repr(choice) for choice in many[:8]
        )
    if not never:
        return BOOL
    word = "false" if wanted else "true"
    inference.report(
        node,
        "constant-condition",
        f"{inference.words(node)} is always {word}: {detail}.",
        "",
        Severity.WARNING,
    )
    return type_of_value(not wanted)


def _overlap(left: frozenset[str], right: frozenset[str]) -> bool:
    if left & right:
        return True
    return bool(left & set(_NUMBERS)) and bool(right & set(_NUMBERS))


def _membership(
    inference: Inferring, node: ast.Compare, kinds: tuple[Type, Type], parts: tuple[ast.expr, ast.expr]
) -> Type:
    left, right = kinds
    if right.kinds is None or not right.kinds:
        return BOOL
    if not right.kinds & {"list", "mapping", "text"}:
        inference.report(
            node,
            "wrong-type",
            f"{inference.words(parts[1])} is {right.words}: nothing can be looked for in it.",
        )
    elif right.kinds == frozenset({"text"}) and left.kinds is not None and "text" not in left.kinds:
        inference.report(
            node, "wrong-type", f"{inference.words(parts[0])} is {left.words}: only a text can be in a text."
        )
    return BOOL
