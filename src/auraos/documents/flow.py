"""Adds and removes the parts of a collection in brackets, on one line or with a line for each part."""

from auraos.core.document import Node
from auraos.core.problems import TextEdit
from auraos.documents.parts import EditRefusedError, Part, Text, find_comma


def insert(text: str, node: Node, parts: list[Part], index: int, raw: str, newline: str) -> list[TextEdit]:
    """Return the edits that put a written part at an index of a collection in brackets."""
    _refuse_bare_pair(text, node)
    if not parts:
        return _insert_only(text, node, raw)
    lines = Text(text)
    if index == 0:
        start = parts[0].start
        gap = newline + _margin(lines, start) if lines.starts_line(start) else " "
        return [TextEdit(start, start, f"{raw},{gap}")]
    before = parts[index - 1]
    if not lines.starts_line(before.start):
        return [TextEdit(before.end, before.end, f", {raw}")]
    line = newline + _margin(lines, before.start)
    comma = find_comma(text, before.end)
    limit = parts[index].start if index < len(parts) else node.end
    if comma is None:
        at = lines.line_end(before.end)
        if at >= limit:
            return [TextEdit(before.end, before.end, f",{line}{raw}")]
        return [TextEdit(before.end, before.end, ","), TextEdit(at, at, line + raw)]
    at = lines.line_end(comma)
    if at >= limit:
        return [TextEdit(before.end, before.end, f", {raw}")]
    return [TextEdit(at, at, f"{line}{raw},")]


def remove(text: str, node: Node, parts: list[Part], index: int) -> list[TextEdit]:
    """Return the edits that take a part out of a collection in brackets."""
    _refuse_bare_pair(text, node)
    part = parts[index]
    comma = find_comma(text, part.end)
    end = part.end if comma is None else comma + 1
    if len(parts) == 1:
        rest = text[node.start + 1 : part.start] + text[end : node.end - 1]
        return [TextEdit(part.start, end, "") if rest.strip() else TextEdit(node.start + 1, node.end - 1, "")]
    last = index == len(parts) - 1
    limit = node.end if last else parts[index + 1].start
    lines = Text(text)
    if lines.starts_line(part.start) and lines.line_end(end) < limit:
        edits = [TextEdit(lines.line_start(part.start), text.find("\n", end) + 1, "")]
        return [*_without_comma_before(text, parts, index), *edits] if last and comma is None else edits
    if not last:
        plain = not text[end:limit].strip() and "\n" not in text[end:limit]
        return [TextEdit(part.start, limit if plain else end, "")]
    before = parts[index - 1].end
    if text[before : part.start].strip(", \t\r\n"):
        return [*_without_comma_before(text, parts, index), TextEdit(part.start, end, "")]
    return [TextEdit(before, part.end, "")]


def _insert_only(text: str, node: Node, raw: str) -> list[TextEdit]:
    inside = text[node.start + 1 : node.end - 1]
    if not inside.strip():
        return [TextEdit(node.start + 1, node.end - 1, raw)]
    return [TextEdit(node.start + 1, node.start + 1, raw if inside[0] in " \t\r\n" else raw + " ")]


def _without_comma_before(text: str, parts: list[Part], index: int) -> list[TextEdit]:
    comma = find_comma(text, parts[index - 1].end)
    return [] if comma is None else [TextEdit(comma, comma + 1, "")]


def _margin(lines: Text, at: int) -> str:
    return lines.text[lines.line_start(at) : at]


def _refuse_bare_pair(text: str, node: Node) -> None:
    if text[node.start] not in "{[":
        raise EditRefusedError(
            "A pair without braces in a list can only be edited by hand.", hint="Put braces around it."
        )
