"""The text of an expression before it is parsed: strings and brackets, which also say where a `{{ … }}` ends."""

import re

from auraos.core.expressions.errors import ExpressionError

_TOKEN = re.compile(
    r"""(?P<text>\"\"\"(?:\\.|(?!\"\"\").)*\"\"\"|'''(?:\\.|(?!''').)*'''|"(?:\\.|[^"\\\r\n])*"|'(?:\\.|[^'\\\r\n])*')"""
    r"""|(?P<quote>["'])|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comment>\#)""",
    re.DOTALL,
)
_PARTNER = {")": "(", "]": "[", "}": "{"}
MAX_BRACKETS = 50


def check_brackets(source: str) -> None:
    """Refuse a source whose brackets or quotes do not pair, or which nests brackets very deeply."""
    opened: list[tuple[str, int]] = []
    for token in _TOKEN.finditer(source):
        match token.lastgroup:
            case "open":
                opened.append((token.group(), token.start()))
                if len(opened) > MAX_BRACKETS:
                    raise _refuse(
                        source, token, "too-deep", f"Brackets nest more than {MAX_BRACKETS} deep here."
                    )
            case "close":
                if not opened or opened[-1][0] != _PARTNER[token.group()]:
                    raise _refuse(source, token, "bracket", f"This {token.group()!r} closes nothing.")
                opened.pop()
            case "quote":
                raise _refuse(
                    source, token, "quote", "This text has no closing quote.", "Add the quote at its end."
                )
            case "comment":
                raise _refuse(
                    source,
                    token,
                    "comment",
                    "An expression holds no comments.",
                    "Remove the # and what follows.",
                )
    if opened:
        bracket, start = opened[-1]
        raise ExpressionError(
            "bracket", f"This {bracket!r} is never closed.", source=source, start=start, end=start + 1
        )


def find_end(text: str, start: int) -> int:
    """Return where the `}}` stands that ends the expression beginning at `start`; -1 where none does."""
    depth = 0
    position = start
    while True:
        ending = text.find("}}", position) if depth == 0 else -1
        token = _TOKEN.search(text, position)
        if ending >= 0 and (token is None or ending <= token.start()):
            return ending
        if token is None:
            return -1
        if token.lastgroup == "open":
            depth += 1
        elif token.lastgroup == "close":
            depth = max(0, depth - 1)
        position = token.end()


def _refuse(source: str, token: re.Match[str], code: str, message: str, hint: str = "") -> ExpressionError:
    return ExpressionError(code, message, hint=hint, source=source, start=token.start(), end=token.end())
