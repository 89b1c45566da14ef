"""From text to a checked syntax tree: Python's expression syntax, of which only a known part is let through."""

import ast
import math
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

from auraos.core.expressions.errors import ExpressionError, Site, find_line_starts
from auraos.core.expressions.source import check_brackets
from auraos.core.values import LARGEST_INT

MAX_SOURCE = 10_000
MAX_DEPTH = 100
CONSTANT_NAMES = {"true": True, "false": False, "null": None}

_MAY_WARN = re.compile(r"\\|[0-9][a-zA-Z]")
_REFUSED: dict[type[ast.AST], str] = {
    ast.Lambda: "`lambda`",
    ast.NamedExpr: "`:=`",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
    ast.YieldFrom: "`yield`",
}
_ALLOWED = frozenset({
    ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Call, ast.keyword, ast.BinOp, ast.UnaryOp,
    ast.BoolOp, ast.Compare, ast.IfExp, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.JoinedStr, ast.FormattedValue, ast.Starred,
})  # fmt: skip
_SIGNS = frozenset({
    ast.Load, ast.Store, *ast.operator.__subclasses__(), *ast.unaryop.__subclasses__(), *ast.boolop.__subclasses__(),
    *ast.cmpop.__subclasses__(),
})  # fmt: skip
_POSITIONS_INSIDE_TEXT = sys.version_info >= (3, 12)


class Tree:
    """A parsed expression: its source, its root, the number of its nodes, and where each node stands."""

    def __init__(self, source: str, root: ast.expr) -> None:
        self.source = source
        self.root = root
        self.size = 0
        self._starts = find_line_starts(source)
        self.is_ascii = source.isascii()
        self._lines: list[bytes] | None = None
        self._whole_texts: dict[ast.AST, ast.AST] = {}

    def site(self, node: ast.AST) -> Site:
        """Return the stretch of the source that a node was read from."""
        node = self._whole_texts.get(node, node)
        if not hasattr(node, "lineno"):
            return Site(self.source, 0, len(self.source))
        start = self._offset(node.lineno, getattr(node, "col_offset", 0))
        end = self._offset(
            getattr(node, "end_lineno", None) or node.lineno, getattr(node, "end_col_offset", 0) or 0
        )
        return Site(self.source, start, max(start, end))

    def keep_whole(self, text: ast.JoinedStr) -> None:
        """Let the parts of an f-string stand where the whole stands, for older Pythons misplace them."""
        if not _POSITIONS_INSIDE_TEXT:
            for part in ast.walk(text):
                self._whole_texts.setdefault(part, text)

    def is_inside_text(self, node: ast.AST) -> bool:
        """Return whether a node is a part of an f-string and stands where the whole stands."""
        return node in self._whole_texts

    def _offset(self, line: int, column: int) -> int:
        if line == 1 and self.is_ascii:
            return min(max(0, column - 1), len(self.source))
        index = min(line, len(self._starts)) - 1
        if line == 1:
            column -= 1  # the bracket put before the source
        start = self._starts[index]
        if not self.is_ascii:
            if self._lines is None:
                ends = [*self._starts[1:], len(self.source)]
                self._lines = [self.source[a:b].encode() for a, b in zip(self._starts, ends, strict=True)]
            column = len(self._lines[index][: max(0, column)].decode(errors="ignore"))
        return min(start + max(0, column), len(self.source))


def parse(source: str) -> Tree:
    """Return the checked tree of an expression; raise `ExpressionError` for anything outside the language."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(
            "too-long",
            f"This expression has {len(source):,} characters; {MAX_SOURCE:,} are the most.",
            hint="Divide it into steps.",
            source=source,
        )
    if not source.strip():
        raise ExpressionError("empty", "There is no expression here.", source=source)
    check_brackets(source)
    tree = Tree(source, _parse_python(source))
    _check(tree)
    return tree


def _parse_python(source: str) -> ast.expr:
    wrapped = f"({source}\n)"
    try:
        if not _MAY_WARN.search(source):
            return ast.parse(wrapped, mode="eval").body
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(wrapped, mode="eval").body
    except SyntaxError as error:
        raise _explain(source, error) from None
    except (MemoryError, RecursionError):
        raise ExpressionError(
            "too-deep",
            "This expression is nested too deeply.",
            hint="Divide it into steps.",
            source=source,
            end=len(source),
        ) from None
    except (ValueError, OverflowError):
        raise ExpressionError(
            "expression-syntax",
            "This holds characters that no expression has.",
            source=source,
            end=len(source),
        ) from None


def _explain(source: str, error: SyntaxError) -> ExpressionError:
    start, end = _place_of(source, error)
    message = (error.msg or "invalid syntax").partition(" (")[0]
    hint = ""
    if start == len(source.rstrip()):
        message, start = "something is missing at its end", max(0, start - 1)
    elif re.search(r"(?<![=!<>:])=(?!=)", source[max(0, start - 2) : start + 3]) or "'='" in message:
        message, hint = "`=` is no part of one", "To compare, write == instead of =."
    elif "&&" in source or "||" in source:
        hint = "Write `and` for &&, `or` for ||."
    elif source.lstrip().startswith("{{") or "${" in source:
        hint = "Inside {{ … }} the names stand alone, without further signs."
    elif "?" in source:
        hint = "Write `a if condition else b`."
    elif re.search(r"(^|[^!])!(?!=)", source):
        hint = "Write `not` for !."
    elif "forgot a comma" in message:
        message, hint = "two values stand side by side", "Put an operator or a comma between them."
    if message == "invalid syntax":
        message = f"`{source[start:end]}` is not expected here"
    return ExpressionError(
        "expression-syntax", f"This cannot be read as an expression: {message.rstrip('.?')}.", hint=hint, source=source,
        start=start, end=end,
    )  # fmt: skip


def _place_of(source: str, error: SyntaxError) -> tuple[int, int]:
    """Return where an error begins and ends in the source; one behind its last line is at its end."""
    starts = find_line_starts(source)
    line, offset = error.lineno or 1, error.offset or 1
    written = len(source.rstrip())
    if line > len(starts):
        return written, written
    start = min(starts[line - 1] + max(0, offset - 1 - (line == 1)), written)
    on_one_line = error.end_lineno == error.lineno and (error.end_offset or 0) > offset
    length = (error.end_offset or 0) - offset if on_one_line else 1
    return start, min(start + length, written)


def _check(tree: Tree) -> None:
    """Walk the whole tree level by level: each kind of node must be known, and some are looked at closely."""
    level: list[ast.AST] = [tree.root]
    for _ in range(MAX_DEPTH):
        tree.size += len(level)
        for node in level:
            kind = type(node)
            if kind not in _ALLOWED:
                written = _REFUSED.get(kind, kind.__name__)
                raise tree.site(node).refusal("not-in-the-language", f"{written} is no part of the language.")
            look = _LOOK_AT.get(kind)
            if look:
                look(tree, node)
        level = [child for node in level for child in ast.iter_child_nodes(node) if type(child) not in _SIGNS]
        if not level:
            return
    raise tree.site(level[0]).refusal(
        "too-deep", "This expression is nested too deeply.", "Divide it into steps."
    )


def _check_name(tree: Tree, node: ast.Name) -> None:
    _check_spelling(tree, node, node.id)


def _check_field(tree: Tree, node: ast.Attribute) -> None:
    _check_spelling(tree, node, node.attr)


def _check_spelling(tree: Tree, node: ast.AST, name: str) -> None:
    if name.startswith("__"):
        raise tree.site(node).refusal(
            "reserved-name",
            f"{name!r} is not a name here: no name begins with two underscores.",
            'A field of that name is read as `x["__name"]`.',
        )
    if tree.is_ascii:
        return
    site = tree.site(node)
    written = tree.source[site.start : site.end]
    if not (name in written if tree.is_inside_text(node) else written.endswith(name)):
        raise site.refusal(
            "name-spelling", f"{site.text!r} holds letters that look like others.", f"Write {name!r}."
        )


def _check_text(tree: Tree, node: ast.JoinedStr) -> None:
    tree.keep_whole(node)


def _check_part(tree: Tree, node: ast.FormattedValue) -> None:
    if node.conversion != -1:
        message = "`!r`, `!s`, `!a` and `=` in an f-string are no part of the language."
        raise tree.site(node).refusal("not-in-the-language", message)


def _check_loop(tree: Tree, node: ast.comprehension) -> None:
    if node.is_async:
        raise tree.site(node.iter).refusal("not-in-the-language", "`async` is no part of the language.")


def _check_constant(tree: Tree, node: ast.Constant) -> None:
    match node.value:
        case bool() | None:
            return
        case int() as number if number > LARGEST_INT + 1:
            message = "This whole number has more than 64 bits."
            raise tree.site(node).refusal("number-too-large", message, 'Write decimal("…").')
        case float() as number if not math.isfinite(number):
            raise tree.site(node).refusal("number-too-large", "This number is too large.")
        case str() as text if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            message = "This text holds half of a character (a lone surrogate)."
            raise tree.site(node).refusal("half-character", message)
        case int() | float() | str():
            return
    site = tree.site(node)
    raise site.refusal("not-in-the-language", f"{site.text} is no value of the language.")


_LOOK_AT: dict[type[ast.AST], Callable[[Tree, Any], None]] = {
    ast.Name: _check_name,
    ast.Attribute: _check_field,
    ast.Constant: _check_constant,
    ast.JoinedStr: _check_text,
    ast.FormattedValue: _check_part,
    ast.comprehension: _check_loop,
}
