"""Writes values as YAML text in the manner of the text around them: indentation, quotes, line breaks, block or flow."""

import json
import re
from typing import Any, Final

import msgspec

from auraos.core.document import Node
from auraos.core.document.scalars import is_text
from auraos.core.document.tree import Style
from auraos.core.values import Value, ValueRefusedError, to_wire, type_name

LONGEST_FLOW: Final = 100

_STRANGE = re.compile("[^ -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INDICATORS = frozenset("-?:,[]{}#&*!|>'\"%@`")
_NEEDS_QUOTES = re.compile(r": | #|:$|^ | $|^(?:---|\.\.\.)|^<<$")
_FLOW_MARKS = re.compile(r"[,\[\]{}]")
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Written(msgspec.Struct, frozen=True):
    """A value as text: what stands on the line of its key or dash, and the whole lines below."""

    inline: str
    below: tuple[str, ...] = ()


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is written: its line break, how far a block is indented, how far a list is under its key."""

    newline: str = "\n"
    step: int = 2
    dash: int = 2


def find_manner(text: str, tree: Node, near: Node) -> Manner:
    """Return how the text is written, judged by what stands next to a node first and by the whole text after that."""
    first = text.find("\n")
    newline = "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
    step = dash = 0
    waiting = [tree, near]
    while waiting and not (step and dash):
        node = waiting.pop()
        if node.alias:
            continue
        children = [entry.value for entry in node.entries.values()] or list(node.items)
        waiting.extend(reversed(children))
        if node.kind != "mapping" or node.style != "block":
            continue
        for child in children:
            if child.style == "block" and not child.alias and child.line > node.line:
                if child.kind == "mapping":
                    step = step or child.column - node.column
                else:
                    dash = dash or child.column - node.column + 1
    step = step if step > 0 else 2
    return Manner(newline=newline, step=step, dash=dash - 1 if dash else step)


def write_block(value: Value, indent: int, manner: Manner, like: Style | None = None) -> Written:
    """Write a value for a place in a block whose own indentation is `indent`."""
    if isinstance(value, str) and "\n" in value and like != "double" and _fits_literal(value):
        margin = " " * (indent + manner.step)
        lines = value.removesuffix("\n").split("\n")
        return Written(
            "|" if value.endswith("\n") else "|-", tuple(margin + line if line else "" for line in lines)
        )
    if not value or not isinstance(value, (dict, list, tuple)):
        return Written(write_flow(value, like, flow=False))
    if isinstance(value, dict):
        return Written("", tuple(mapping_lines(value, indent + manner.step, manner)))
    return Written("", tuple(sequence_lines(value, indent + manner.dash, manner)))


def mapping_lines(mapping: dict[str, Any], indent: int, manner: Manner) -> list[str]:
    """Write the entries of a block mapping as whole lines."""
    lines: list[str] = []
    for key, value in mapping.items():
        lines += entry_lines(write_text(key, flow=False), write_block(value, indent, manner), indent)
    return lines


def sequence_lines(values: list[Any] | tuple[Any, ...], indent: int, manner: Manner) -> list[str]:
    """Write the items of a block list as whole lines."""
    lines: list[str] = []
    for value in values:
        lines += item_lines(value, indent, manner)
    return lines


def entry_lines(key: str, written: Written, indent: int) -> list[str]:
    """Join a key and its written value to whole lines."""
    head = f"{' ' * indent}{key}:"
    return [f"{head} {written.inline}" if written.inline else head, *written.below]


def item_lines(
    value: Value, indent: int, manner: Manner, like: Style | None = None, gap: int = 2
) -> list[str]:
    """Write one item of a block list as whole lines; what it holds starts `gap` columns behind the dash, on its line."""
    head = " " * indent + "-" + " " * (gap - 1)
    if value and isinstance(value, dict):
        lines = mapping_lines(value, indent + gap, manner)
    elif value and isinstance(value, (list, tuple)):
        lines = sequence_lines(value, indent + gap, manner)
    else:
        written = write_block(value, indent, manner, like)
        return [head + written.inline, *written.below]
    return [head + lines[0].lstrip(" "), *lines[1:]]


def write_flow(value: Value, like: Style | None = None, *, flow: bool = True) -> str:
    """Write a value on one line, in flow style; `like` names the quotes in use around it."""
    match value:
        case dict():
            entries = (
                f"{write_text(key, like, flow=True)}: {write_flow(item, like)}" for key, item in value.items()
            )
            return "{" + ", ".join(entries) + "}"
        case list() | tuple():
            return "[" + ", ".join(write_flow(item, like) for item in value) + "]"
        case str():
            return write_text(value, like, flow=flow)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            to_wire(value)
            return repr(value)
    raise ValueRefusedError(
        f"A {type_name(value)} cannot be written into a document.", hint="Write it as text."
    )


def write_text(text: str, like: Style | None = None, *, flow: bool) -> str:
    """Write a text (or a key) on one line: in the quotes of `like`, else plain, else in quotes without escapes."""
    to_wire(text)
    strange = _STRANGE.search(text) is not None
    if like == "single" and not strange:
        return _single(text)
    if like != "double" and not strange:
        if _can_be_plain(text, flow):
            return text
        if '"' in text or "\\" in text:
            return _single(text)
    return _double(text)


def as_json(value: Value) -> str:
    """Return a text that two values share only when they are the same to the last type and in the same order."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ValueRefusedError(
            f"This cannot be written into a document: {error}.", hint="Write it as text."
        ) from None


def _can_be_plain(text: str, flow: bool) -> bool:
    if (
        not text
        or text[0] in _INDICATORS
        or _NEEDS_QUOTES.search(text)
        or (flow and _FLOW_MARKS.search(text))
    ):
        return False
    return is_text(text)


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _double(text: str) -> str:
    return '"' + re.sub(r'["\\]|' + _STRANGE.pattern, _escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _fits_literal(text: str) -> bool:
    """Return whether a text of several lines can stand as it is below a `|`."""
    lines = text.removesuffix("\n").split("\n")
    if not lines[0] or not lines[-1] or lines[0][0] == " ":
        return False
    return not any(_STRANGE.search(line) or (line and not line.strip()) for line in lines)
