"""Adds, removes and moves the parts of a collection. Blocks are edited by whole lines; what is in brackets, in `flow`."""

from itertools import pairwise

from auraos.core.document import Node
from auraos.core.document.tree import Style
from auraos.core.problems import Path, TextEdit
from auraos.core.values import Value
from auraos.documents import flow
from auraos.documents.parts import EditRefusedError, Part, Text, find_parts
from auraos.documents.replacing import join_edits, replace_value
from auraos.documents.writing import (
    LONGEST_FLOW,
    Manner,
    Written,
    entry_lines,
    find_manner,
    item_lines,
    write_block,
    write_flow,
    write_text,
)


def insert_part(
    text: str, tree: Node, path: Path, index: int, key: str | None, value: Value
) -> list[TextEdit]:
    """Return the edits that add an entry (or, without a key, an item) to the collection at a path."""
    node = _find(tree, path)
    parts = find_parts(text, node)
    in_block = not path or _find(tree, path[:-1]).style == "block"
    if node.kind == "scalar" or (not parts and in_block and not text[node.start + 1 : node.end - 1].strip()):
        return replace_value(text, tree, path, [value] if key is None else {key: value})
    manner = find_manner(text, tree, node)
    if node.style == "flow":
        like = _quotes_within(node) or _quotes_above(tree, path)
        written = write_flow(value, like)
        raw = written if key is None else f"{write_text(key, like, flow=True)}: {written}"
        return join_edits(flow.insert(text, node, parts, index, raw, manner.newline))
    column = parts[0].start - Text(text).line_start(parts[0].start)
    if key is None:
        written_flow = _like_siblings(node, value)
        head = f"{' ' * column}- "
        lines = (
            [head + written_flow] if written_flow else item_lines(value, column, manner, _quotes_within(node))
        )
    else:
        written_flow = _like_siblings(node, value)
        block = Written(written_flow) if written_flow else write_block(value, column, manner)
        lines = entry_lines(write_text(key, _quotes_within(node), flow=False), block, column)
    return _insert_lines(text, parts, index, lines, manner, _is_spaced(text, parts))


def remove_part(text: str, tree: Node, path: Path) -> list[TextEdit]:
    """Return the edits that remove the entry or item at a path."""
    parent = _find(tree, path[:-1])
    parts = find_parts(text, parent)
    index = _index(parts, path)
    if parent.style == "flow":
        return join_edits(flow.remove(text, parent, parts, index))
    if len(parts) == 1:
        return replace_value(text, tree, path[:-1], {} if parent.kind == "mapping" else [])
    return _remove_lines(text, parts, index)


def move_part(text: str, tree: Node, path: Path, now: int, index: int) -> list[TextEdit]:
    """Return the edits that move a part of a collection from one index to another."""
    parent = _find(tree, path[:-1])
    parts = find_parts(text, parent)
    manner = find_manner(text, tree, parent)
    others = [*parts[:now], *parts[now + 1 :]]
    part = parts[now]
    if parent.style == "flow":
        raw = text[part.start : part.end]
        inserted = flow.insert(text, parent, others, index, raw, manner.newline)
        return join_edits([*flow.remove(text, parent, parts, now), *inserted])
    lines = Text(text)
    column = part.start - lines.line_start(part.start)
    if lines.starts_line(part.start):
        body = text[lines.comments_above(part.start, column) : lines.line_end(part.end)]
    else:
        body = " " * column + text[part.start : lines.line_end(part.end)]
    moved = body.removesuffix("\n").removesuffix("\r").split(manner.newline)
    inserted = _insert_lines(text, others, index, moved, manner, _is_spaced(text, parts))
    if lines.ends_line(part.end) and inserted[0].start == len(text) > part.end:
        inserted.append(TextEdit(len(text), len(text), manner.newline))  # its line break is part of its value
    return join_edits([*_remove_lines(text, parts, now), *inserted])


def _find(tree: Node, path: Path) -> Node:
    node = tree.find(path)
    if node is None:
        raise EditRefusedError("There is no such value.")
    return node


def _index(parts: list[Part], path: Path) -> int:
    last = path[-1]
    return last if isinstance(last, int) else [part.key for part in parts].index(last)


def _insert_lines(
    text: str, parts: list[Part], index: int, lines: list[str], manner: Manner, spaced: bool
) -> list[TextEdit]:
    questions = Text(text)
    block = manner.newline.join(lines)
    gap = manner.newline * (2 if spaced else 1)
    if index > 0:
        end = parts[index - 1].end
        at = questions.line_end(end)
        return [TextEdit(at, at, block + manner.newline if questions.ends_line(end) else gap + block)]
    start = parts[0].start
    column = start - questions.line_start(start)
    if questions.starts_line(start):
        at = questions.comments_above(start, column)
        return [TextEdit(at, at, block + gap)]
    return [TextEdit(start, start, block.lstrip(" ") + gap + " " * column)]


def _remove_lines(text: str, parts: list[Part], index: int) -> list[TextEdit]:
    questions = Text(text)
    part = parts[index]
    end = questions.line_end(part.end)
    if not questions.starts_line(part.start):
        following = parts[index + 1].start
        if not text[end:following].strip():
            return [TextEdit(part.start, following, "")]
        return [TextEdit(part.start - 1, end, "")]
    begin = questions.comments_above(part.start, part.start - questions.line_start(part.start))
    after = part.end if questions.ends_line(part.end) else text.find("\n", end) + 1
    if index > 0 and (index == len(parts) - 1 or questions.is_blank(after or len(text))):
        begin = questions.blank_above(begin, parts[index - 1].end)
    if after:
        return [TextEdit(begin, after, "")]
    before = begin - 2 if text[begin - 2 : begin] == "\r\n" else begin - 1
    return [TextEdit(before, end, "")]


def _is_spaced(text: str, parts: list[Part]) -> bool:
    """Return whether a blank line stands between any two neighbours of a collection that has several parts."""
    questions = Text(text)
    gaps = [text[left.end : questions.line_start(right.start)] for left, right in pairwise(parts)]
    return bool(gaps) and all(any(not line.strip() for line in gap.split("\n")[1:-1]) for gap in gaps)


def _like_siblings(node: Node, value: Value) -> str:
    """Write a collection on one line if all its neighbours that are collections are written so, and it is short enough."""
    if not value or not isinstance(value, (dict, list)):
        return ""
    children = [entry.value for entry in node.entries.values()] or list(node.items)
    styles = {child.style for child in children if child.kind != "scalar" and child.value and not child.alias}
    written = write_flow(value) if styles == {"flow"} else ""
    return written if len(written) <= LONGEST_FLOW else ""


def _quotes_above(tree: Node, path: Path) -> Style | None:
    """Return the quotes of the nearest key above, as long as all is in brackets: a JSON text stays one."""
    for length in range(len(path), 0, -1):
        key = tree.find_key(path[:length])
        if _find(tree, path[: length - 1]).style != "flow":
            return None
        if key is not None:
            return key.style if key.style in ("single", "double") else None
    return None


def _quotes_within(node: Node) -> Style | None:
    """Return the quotes of the first key of a mapping or the first text of a list, if it has any."""
    for key in [entry.key for entry in node.entries.values()] or [
        item for item in node.items if item.kind == "scalar"
    ]:
        return key.style if key.style in ("single", "double") else None
    return None
