"""Finds the names of steps in the expressions of a text, in whatever quotes the text wrote them."""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from auraos.core.document.tree import Style

Span: TypeAlias = tuple[int, int]

_ESCAPE_LENGTHS: Final = {"x": 4, "u": 6, "U": 10}
_TOKEN: Final = re.compile(
    r"(?P<prefix>[fFrRbB]{0,2})(?P<quote>'''|\"\"\"|'|\")|(?P<name>[^\W\d]\w*)|(?P<open>[\[({])|(?P<close>[\])}])|(?P<dot>\.)"
)
_FIELD: Final = re.compile(r"\s*\.\s*([^\W\d]\w*)")
_SUBSCRIPT: Final = re.compile(r"\s*\[\s*(?:'(\w+)'|\"(\w+)\")\s*\]")


def find_references(raw: str, style: Style, name: str) -> list[Span]:
    """Return where a scalar, as it is written, names `steps.<name>` or `errors.<name>` inside of `{{ }}`."""
    if name not in raw or "{{" not in raw:
        return []
    text, spans = _decode(raw, style)
    return [(spans[start][0], spans[end - 1][1]) for start, end in _in_templates(text, name)]


def _decode(raw: str, style: Style) -> tuple[str, list[Span]]:
    """Return the characters that a scalar means, each with the stretch that writes it; line folding is left alone."""
    if style not in ("single", "double"):
        return raw, [(at, at + 1) for at in range(len(raw))]
    characters: list[str] = []
    spans: list[Span] = []
    at = 1
    while at < len(raw) - 1:
        length = 1
        character = raw[at]
        if style == "single" and character == "'":
            length = 2
        elif style == "double" and character == "\\":
            length = _ESCAPE_LENGTHS.get(raw[at + 1], 2)
            character = (
                chr(int(raw[at + 2 : at + length], 16))
                if length > 2
                else {"n": "\n", "t": "\t"}.get(raw[at + 1], raw[at + 1])
            )
        characters.append(character)
        spans.append((at, at + length))
        at += length
    return "".join(characters), spans


def _in_templates(text: str, name: str) -> Iterator[Span]:
    at = text.find("{{")
    while at >= 0:
        found, at = _in_expression(text, at + 2, name, "}}")
        yield from found
        at = text.find("{{", at)


def _in_expression(text: str, at: int, name: str, end: str) -> tuple[list[Span], int]:
    """Return the references in an expression that ends with `end` outside of brackets and quotes, and where it ends."""
    found: list[Span] = []
    depth = 0
    after_dot = False
    while at < len(text):
        if not depth and text.startswith(end, at):
            return found, at + len(end)
        token = _TOKEN.match(text, at)
        if token is None:
            after_dot = after_dot and text[at].isspace()
            at += 1
            continue
        at = token.end()
        if token["quote"]:
            inner, at = _in_literal(text, at, name, token["quote"], token["prefix"].lower())
            found += inner
        elif token["open"]:
            depth += 1
        elif token["close"]:
            depth -= 1
        elif token["name"] in ("steps", "errors") and not after_dot:
            found += _named(text, at, name)
        after_dot = token["dot"] is not None
    return found, at


def _in_literal(text: str, at: int, name: str, quote: str, prefix: str) -> tuple[list[Span], int]:
    """Pass over a text literal; an f-string is read for the expressions in its braces."""
    found: list[Span] = []
    while at < len(text) and not text.startswith(quote, at):
        if (text[at] == "\\" and "r" not in prefix) or ("f" in prefix and text.startswith("{{", at)):
            at += 2
        elif "f" in prefix and text[at] == "{":
            inner, at = _in_expression(text, at + 1, name, "}")
            found += inner
        else:
            at += 1
    return found, min(at + len(quote), len(text))


def _named(text: str, at: int, name: str) -> list[Span]:
    field = _FIELD.match(text, at)
    if field:
        return [field.span(1)] if field[1] == name else []
    subscript = _SUBSCRIPT.match(text, at)
    if subscript and name in (subscript[1], subscript[2]):
        return [subscript.span(1 if subscript[1] else 2)]
    return []
