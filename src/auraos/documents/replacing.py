"""Replaces a value in its place: what stands behind its colon or dash, and the lines below that belong to it."""

import re
from typing import Final

import msgspec

from auraos.core.document import Node
from auraos.core.document.tree import Style
from auraos.core.problems import Path, TextEdit
from auraos.core.values import Value
from auraos.documents.parts import EditRefusedError, Part, Text, behind_colon, find_parts
from auraos.documents.writing import (
    LONGEST_FLOW,
    Manner,
    Written,
    find_manner,
    item_lines,
    mapping_lines,
    sequence_lines,
    write_block,
    write_flow,
)

_PROPERTIES: Final = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]*)+")
_INDICATOR: Final = re.compile(r"[|>][-+0-9]*")


class _Stretch(msgspec.Struct, frozen=True):
    """Where a value stands: on the line of its key or dash, and on the lines below."""

    start: int
    end: int
    below_start: int
    below_end: int


def replace_value(text: str, tree: Node, path: Path, value: Value) -> list[TextEdit]:
    """Return the edits that put another value in the place of the one at a path."""
    node = _find(tree, path)
    manner = find_manner(text, tree, _find(tree, path[:-1]))
    if not path:
        return _replace_root(text, node, value, manner)
    parent = _find(tree, path[:-1])
    key = tree.find_key(path)
    colon = behind_colon(text, key) if key else None
    if parent.style == "flow":
        return _replace_in_flow(node, key, colon, value)
    part = next(part for part in find_parts(text, parent) if part.node is node)
    behind = part.start + 1 if key is None else colon
    if behind is None:
        raise EditRefusedError(
            "A key without a colon can only be edited by hand.", hint="Write it as `key: value`."
        )
    written = _write(text, node, key, part, value, manner)
    return _edits(text, _stretch(text, node, behind), behind, written, manner.newline)


def quotes_around(node: Node, key: Node | None) -> Style | None:
    """Return the quotes that a new text in the place of a value should have: those of the old text, else of its key."""
    if node.kind == "scalar" and node.style in ("single", "double"):
        return node.style
    return key.style if key and key.style in ("single", "double") else None


def join_edits(edits: list[TextEdit]) -> list[TextEdit]:
    """Return the edits in order, those that touch as one, those that change nothing left out."""
    joined: list[TextEdit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if joined and joined[-1].end == edit.start:
            joined[-1] = TextEdit(joined[-1].start, edit.end, joined[-1].text + edit.text)
        elif edit.text or edit.start != edit.end:
            joined.append(edit)
    return joined


def _find(tree: Node, path: Path) -> Node:
    node = tree.find(path)
    if node is None:
        raise EditRefusedError("There is no such value.")
    return node


def _replace_root(text: str, node: Node, value: Value, manner: Manner) -> list[TextEdit]:
    block = value and isinstance(value, (dict, list)) and not (node.style == "flow" and node.value)
    if not block:
        return [TextEdit(node.outer, node.end, write_flow(value, flow=node.style == "flow"))]
    lines = mapping_lines(value, 0, manner) if isinstance(value, dict) else sequence_lines(value, 0, manner)
    end = node.end - 1 if Text(text).ends_line(node.end) else node.end
    close = Text(text).line_end(end)
    comment = text[end:close].strip()
    return [TextEdit(node.outer, close, manner.newline.join([comment, *lines] if comment else lines))]


def _replace_in_flow(node: Node, key: Node | None, colon: int | None, value: Value) -> list[TextEdit]:
    written = write_flow(value, quotes_around(node, key))
    if node.start < node.end:
        return [TextEdit(node.outer, node.end, written)]
    if key is None:
        raise EditRefusedError("An empty item can only be edited by hand.")
    if colon is None:
        return [TextEdit(key.end, key.end, f": {written}")]
    return [TextEdit(colon, max(colon, node.end), f" {written}")]


def _write(text: str, node: Node, key: Node | None, part: Part, value: Value, manner: Manner) -> Written:
    like = quotes_around(node, None) if isinstance(value, str) else None
    if node.style == "flow" and node.value and value and isinstance(value, (dict, list)):
        flow = write_flow(value)
        if len(flow) <= LONGEST_FLOW:
            return Written(flow)
    lines = Text(text)
    column = part.start - lines.line_start(part.start)
    if key is None:
        on_line = node.start < node.end and lines.line_start(node.outer) == lines.line_start(part.start)
        gap = node.outer - part.start if on_line else 2
        written = item_lines(value, column, manner, like, gap)
        return Written(written[0][column + gap :], tuple(written[1:]))
    if node.style == "block" and value:
        old = node.start - lines.line_start(node.start)
        if isinstance(value, dict) and node.kind == "mapping":
            return Written("", tuple(mapping_lines(value, old, manner)))
        if isinstance(value, list) and node.kind == "sequence":
            return Written("", tuple(sequence_lines(value, old, manner)))
    return write_block(value, column, manner, like)


def _stretch(text: str, node: Node, behind: int) -> _Stretch:
    lines = Text(text)
    end = node.end
    if lines.ends_line(end):
        end -= 2 if text[end - 2 : end] == "\r\n" else 1
    if node.style in ("literal", "folded") and not node.alias:
        indicator = _INDICATOR.match(text, node.start)
        header = indicator.end() if indicator else node.start
        below = lines.line_end(header)
        return _Stretch(node.outer, header, below, max(below, end))
    if node.style == "block" and not node.alias:
        if lines.line_start(node.start) == lines.line_start(behind):
            close = lines.line_end(end)
            return _Stretch(node.outer, close, close, close)
        properties = _PROPERTIES.match(text, node.outer) if node.outer < node.start else None
        start, stop = (node.outer, properties.end()) if properties else (behind, behind)
        return _Stretch(start, stop, lines.line_end(stop), lines.line_end(end))
    if node.outer == node.end or node.end <= behind:
        return _Stretch(behind, behind, lines.line_end(behind), lines.line_end(behind))
    close = lines.line_end(end)
    return _Stretch(node.outer, node.end, close, close)


def _edits(text: str, stretch: _Stretch, behind: int, written: Written, newline: str) -> list[TextEdit]:
    start = stretch.start
    inline = written.inline
    if not inline:
        while start > behind and text[start - 1] in " \t":
            start -= 1
    elif text[start - 1] not in " \t\n":
        inline = " " + inline
    below = "".join(newline + line for line in written.below)
    return join_edits(
        [
            TextEdit(start, stretch.end, inline),
            TextEdit(stretch.below_start, stretch.below_end, below),
        ]
    )
