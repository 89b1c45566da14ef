"""From text to a checked syntax tree: Python's expression syntax, of which only a known part is let through."""

import ast
import math
import re
import sys
import unicodedata
import warnings

from auraos.core.expressions.errors import ExpressionError, Site, find_line_starts
from auraos.core.expressions.source import check_brackets
from auraos.core.values import LARGEST_INT

MAX_SOURCE = 20_000
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
_ALLOWED = (
    ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Call, ast.keyword, ast.BinOp, ast.UnaryOp,
    ast.BoolOp, ast.Compare, ast.IfExp, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.JoinedStr, ast.FormattedValue, ast.Starred,
    ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
_POSITIONS_INSIDE_TEXT = sys.version_info >= (3, 12)


class Tree:
    """A parsed expression: its source, its root, the number of its nodes, and where each node stands."""

    def __init__(self, source: str, root: ast.expr) -> None:
        self.source = source
        self.root = root
        self.size = 0
        self._starts = find_line_starts(source)
        self._is_ascii = source.isascii()
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

    def _offset(self, line: int, column: int) -> int:
        index = min(line, len(self._starts)) - 1
        if line == 1:
            column -= 1  # the bracket put before the source
        start = self._starts[index]
        if not self._is_ascii:
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
            source=source[:MAX_SOURCE],
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
    starts = find_line_starts(source)
    line = min(error.lineno or 1, len(starts))
    start = starts[line - 1] + max(0, (error.offset or 1) - 1 - (1 if line == 1 else 0))
    start = min(start, len(source))
    message = (error.msg or "invalid syntax").partition(" (")[0]
    hint = ""
    if re.search(r"(?<![=!<>:])=(?!=)", source[max(0, start - 2) : start + 3]) or "'='" in message:
        hint = "To compare, write == instead of =."
    elif "&&" in source or "||" in source:
        hint = "Write `and` for &&, `or` for ||."
    elif source.lstrip().startswith("{{") or "${" in source:
        hint = "Inside {{ … }} the names stand alone, without further signs."
    elif "?" in source:
        hint = "Write `a if condition else b`."
    elif re.search(r"(^|[^!])!(?!=)", source):
        hint = "Write `not` for !."
    return ExpressionError(
        "expression-syntax", f"This cannot be read as an expression: {message}.", hint=hint, source=source, start=start,
        end=min(start + 1, len(source)),
    )  # fmt: skip


def _check(tree: Tree) -> None:
    waiting: list[tuple[ast.AST, int]] = [(tree.root, 1)]
    while waiting:
        node, depth = waiting.pop()
        tree.size += 1
        if depth > MAX_DEPTH:
            raise tree.site(node).refusal(
                "too-deep", "This expression is nested too deeply.", "Divide it into steps."
            )
        refused = _REFUSED.get(type(node))
        if refused:
            raise tree.site(node).refusal("not-in-the-language", f"{refused} is no part of the language.")
        if not isinstance(node, _ALLOWED):
            raise tree.site(node).refusal(
                "not-in-the-language", f"{type(node).__name__} is no part of the language."
            )
        _check_node(tree, node)
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _check_node(tree: Tree, node: ast.AST) -> None:
    match node:
        case ast.Constant():
            _check_constant(tree, node)
        case ast.Name():
            _check_name(tree, node, node.id)
        case ast.Attribute():
            _check_name(tree, node, node.attr)
        case ast.JoinedStr():
            tree.keep_whole(node)
        case ast.FormattedValue() if node.conversion != -1:
            raise tree.site(node).refusal(
                "not-in-the-language", "`!r`, `!s` and `!a` are no part of the language."
            )
        case ast.comprehension() if node.is_async:
            raise tree.site(node.iter).refusal("not-in-the-language", "`async` is no part of the language.")


def _check_name(tree: Tree, node: ast.AST, name: str) -> None:
    site = tree.site(node)
    if name.startswith("__"):
        raise site.refusal("reserved-name", f"{name!r} is not a name here: no name begins with two underscores.",
                           'A field of that name is read as `x["__name"]`.')  # fmt: skip
    written = tree.source[site.start : site.end]
    if not written.isascii() and unicodedata.normalize("NFKC", written) != written:
        raise site.refusal("name-spelling", f"{site.text!r} holds letters that look like others.",
                           f"Write {unicodedata.normalize('NFKC', site.text)!r}.")  # fmt: skip


def _check_constant(tree: Tree, node: ast.Constant) -> None:
    site = tree.site(node)
    match node.value:
        case bool() | None:
            return
        case int() as number if number > LARGEST_INT + 1:
            raise site.refusal(
                "number-too-large", "This whole number has more than 64 bits.", 'Write decimal("…").'
            )
        case float() as number if not math.isfinite(number):
            raise site.refusal("number-too-large", "This number is too large.")
        case str() as text if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise site.refusal("half-character", "This text holds half of a character (a lone surrogate).")
        case int() | float() | str():
            return
    raise site.refusal("not-in-the-language", f"{site.text} is no value of the language.")
