"""Edits as text splices: each says which characters change and leaves all others alone.

The rules are written down in docs/explanation/splices.md, the cases in tests/documents/splice-cases.yaml; the editor in the
browser follows the same rules and proves the same cases. Every edit is checked before it is handed out: the text that it
gives is read again and must mean exactly what the edit asked for, else the edit is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from auraos.core.document import Node, Parsed, parse
from auraos.core.errors import UnexpectedError
from auraos.core.problems import Path, TextEdit, format_path
from auraos.core.values import Value
from auraos.documents import model
from auraos.documents.collections import insert_part, move_part, remove_part
from auraos.documents.parts import EditRefusedError
from auraos.documents.replacing import replace_value
from auraos.documents.writing import as_json, write_text

Source: TypeAlias = str | Parsed


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """Return the text with the edits made; they must not overlap, and all count in offsets of the text as it was."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at or edit.end < edit.start or edit.end > len(text):
            raise UnexpectedError(f"Two edits overlap at offset {edit.start}, or one lies outside the text.")
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    return "".join((*pieces, text[at:]))


def set_value(source: Source, path: Path, value: Value) -> list[TextEdit]:
    """Put a value at a path. A missing key is added at the end of its mapping, with the mappings that it needs."""
    parsed, tree = _read(source)
    node = tree.find(path)
    if node is not None:
        if as_json(node.value) == as_json(value):
            return []
        _refuse_shared(tree, path, node)
        return _checked(parsed, replace_value(parsed.text, tree, path, value), model.set_value, path, value)
    known = len(path) - 1
    while tree.find(path[:known]) is None:
        known -= 1
    missing = path[known]
    if not isinstance(missing, str):
        raise EditRefusedError(f"There is no {format_path(path)}.", hint="Insert the item first.")
    for key in reversed(path[known + 1 :]):
        if not isinstance(key, str):
            raise EditRefusedError(f"There is no {format_path(path)}.", hint="Insert the list first.")
        value = {key: value}
    return insert_entry(parsed, path[:known], missing, value)


def insert_entry(
    source: Source, path: Path, key: str, value: Value, *, after: str | None = None, first: bool = False
) -> list[TextEdit]:
    """Add a key to the mapping at a path: behind the key `after`, as the first one, or (else) as the last one."""
    parsed, tree = _read(source)
    node = _collection(tree, path, "mapping")
    if key in node.entries:
        raise EditRefusedError(f"{format_path((*path, key))} is there already.", hint="Choose another name.")
    index = 0 if first else len(node.entries) if after is None else _position(node, path, after) + 1
    edits = insert_part(parsed.text, tree, path, index, key, value)
    return _checked(parsed, edits, model.insert_entry, path, key, value, index)


def insert_item(source: Source, path: Path, value: Value, index: int | None = None) -> list[TextEdit]:
    """Add an item to the list at a path so that it stands at `index`, or as the last one."""
    parsed, tree = _read(source)
    node = _collection(tree, path, "sequence")
    at = len(node.items) if index is None else index
    if not 0 <= at <= len(node.items):
        raise EditRefusedError(
            f"{format_path(path)} has {len(node.items)} items; nothing can stand at index {at}."
        )
    return _checked(
        parsed, insert_part(parsed.text, tree, path, at, None, value), model.insert_item, path, value, at
    )


def remove(source: Source, path: Path) -> list[TextEdit]:
    """Remove the entry or item at a path, with the comment lines right above it; an emptied collection becomes `{}` or `[]`."""
    parsed, tree = _read(source)
    node = _existing(tree, path)
    _refuse_shared(tree, path, node)
    return _checked(parsed, remove_part(parsed.text, tree, path), model.remove, path)


def rename_key(source: Source, path: Path, name: str) -> list[TextEdit]:
    """Give the key at the end of a path another name, in the same place."""
    parsed, tree = _read(source)
    _existing(tree, path)
    key, parent = tree.find_key(path), tree.find(path[:-1])
    if key is None or parent is None:
        raise EditRefusedError(f"{format_path(path)} has no key that could be renamed.")
    _refuse_shared(tree, path, key)
    if key.value == name:
        return []
    if name in parent.entries:
        raise EditRefusedError(
            f"{format_path((*path[:-1], name))} is there already.", hint="Choose another name."
        )
    edit = TextEdit(key.start, key.end, write_text(name, key.style, flow=parent.style == "flow"))
    return _checked(parsed, [edit], model.rename_key, path, name)


def move_entry(
    source: Source, path: Path, *, after: str | None = None, first: bool = False
) -> list[TextEdit]:
    """Move the entry at a path within its mapping: behind the key `after`, to the front, or (else) to the end."""
    parsed, tree = _read(source)
    parent = _collection(tree, path[:-1], "mapping")
    now = _position(parent, path[:-1], path[-1])
    index = 0 if first else len(parent.entries) - 1
    if after is not None:
        behind = _position(parent, path[:-1], after)
        index = behind if behind >= now else behind + 1
    return _moved(parsed, tree, path, now, index)


def move_item(source: Source, path: Path, index: int) -> list[TextEdit]:
    """Move the item at a path within its list, so that it stands at `index` afterwards."""
    parsed, tree = _read(source)
    parent = _collection(tree, path[:-1], "sequence")
    _existing(tree, path)
    if not 0 <= index < len(parent.items):
        raise EditRefusedError(f"{format_path(path[:-1])} has no index {index}.")
    return _moved(parsed, tree, path, int(path[-1]), index)


def _moved(parsed: Parsed, tree: Node, path: Path, now: int, index: int) -> list[TextEdit]:
    if now == index:
        return []
    node = _existing(tree, path)
    _refuse_shared(tree, path, node, moving=True)
    return _checked(parsed, move_part(parsed.text, tree, path, now, index), model.move, path, index)


def _read(source: Source) -> tuple[Parsed, Node]:
    parsed = parse(source) if isinstance(source, str) else source
    if parsed.tree is None or parsed.problems:
        reason = parsed.problems[0].message if parsed.problems else "It is empty."
        raise EditRefusedError(f"The text cannot be edited by parts: {reason}", hint="Mend it first.")
    return parsed, parsed.tree


def _existing(tree: Node, path: Path) -> Node:
    node = tree.find(path) if path else None
    if node is None:
        raise EditRefusedError(f"There is no {format_path(path) or 'part of that name'}.")
    return node


def _collection(tree: Node, path: Path, kind: str) -> Node:
    """Return the collection at a path to which a part is to be added; nothing behind a colon counts as an empty one."""
    node = tree.find(path)
    if node is None:
        raise EditRefusedError(f"There is no {format_path(path)}.")
    if node.kind != kind and not (node.kind == "scalar" and node.value is None and path):
        wanted = "mapping" if kind == "mapping" else "list"
        raise EditRefusedError(f"{format_path(path) or 'The document'} is no {wanted}.")
    _refuse_shared(tree, path, node, inside=True)
    return node


def _position(node: Node, path: Path, key: str | int) -> int:
    keys: Sequence[str | int] = list(node.entries)
    if key not in keys:
        raise EditRefusedError(f"There is no {format_path((*path, key))}.")
    return keys.index(key)


def _refuse_shared(
    tree: Node, path: Path, target: Node, *, inside: bool = False, moving: bool = False
) -> None:
    """Refuse an edit of a value that aliases repeat elsewhere, for it would change in more places than one."""
    for length in range(len(path) + (1 if inside else 0)):
        above = tree.find(path[:length])
        if above is not None and above.alias:
            hint = "Edit the value that it names, or write it out here first."
            raise EditRefusedError(f"{format_path(path[:length])} is the alias *{above.alias}.", hint=hint)
    for anchored, aliases in _shared(tree):
        within = anchored.outer <= target.outer and target.end <= anchored.end
        around = target.outer <= anchored.outer and anchored.end <= target.end
        outside = any(not target.outer <= alias.start < target.end for alias in aliases)
        if (within and not (moving and anchored is target)) or (around and outside):
            lines = ", ".join(sorted({str(alias.line) for alias in aliases}))
            message = (
                f"{format_path(path)} belongs to &{anchored.anchor}, which aliases repeat (line {lines})."
            )
            raise EditRefusedError(message, hint="Write the aliases out first.")


def _shared(tree: Node) -> list[tuple[Node, list[Node]]]:
    """Return every anchored node that aliases name, with these."""
    found: list[tuple[Node, list[Node]]] = []
    latest: dict[str, tuple[Node, list[Node]]] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.alias:
            if node.alias in latest:
                latest[node.alias][1].append(node)
            continue
        if node.anchor:
            latest[node.anchor] = (node, [])
            found.append(latest[node.anchor])
        children = list(node.items)
        for entry in node.entries.values():
            children += (entry.key, entry.value)
        waiting.extend(reversed(children))
    return [(node, aliases) for node, aliases in found if aliases]


def _checked(
    parsed: Parsed, edits: list[TextEdit], change: Callable[..., Value], *arguments: object
) -> list[TextEdit]:
    """Return the edits if the text that they give means what was asked for; else refuse."""
    tree = parsed.tree
    wanted = change(tree.value if tree else None, *arguments)
    after = parse(apply_edits(parsed.text, edits))
    if after.problems or as_json(after.tree.value if after.tree else None) != as_json(wanted):
        raise EditRefusedError(
            "The text around this place is written in a way that cannot be edited by parts.",
            hint="Make this change in the text itself.",
        )
    return edits
