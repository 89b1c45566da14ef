"""What changed between two documents, as data and in words: steps, links, settings, fields of the input; layout apart."""

from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.problems import Path
from auraos.core.values import Value
from auraos.documents.writing import write_flow

ChangeKind: TypeAlias = Literal["added", "removed", "changed", "renamed", "moved"]
Subject: TypeAlias = Literal[
    "step", "link", "setting", "variable", "input", "output", "field", "test", "layout"
]
LONGEST_VALUE = 60


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change: what happened to what, where (the path in the newer text; in the older one if removed), and in words."""

    kind: ChangeKind
    subject: Subject
    path: Path
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET
    words: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All changes; those of the layout mean nothing for what a document does and stand apart."""

    changes: tuple[Change, ...] = ()
    layout: tuple[Change, ...] = ()

    @property
    def means_the_same(self) -> bool:
        """Return whether nothing but the layout changed."""
        return not self.changes


class Leaf(msgspec.Struct, frozen=True):
    """A difference of two values at a path below them; UNSET stands for what is not there."""

    path: Path
    before: Any
    after: Any


def find_leaves(before: Value, after: Value, path: Path = ()) -> list[Leaf]:
    """Return where two values differ, as deep as both are mappings, or lists of one length."""
    if is_same(before, after):
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        leaves: list[Leaf] = []
        for key in [*before, *(key for key in after if key not in before)]:
            old, new = before.get(key, msgspec.UNSET), after.get(key, msgspec.UNSET)
            leaves += find_leaves(old, new, (*path, key))
        return leaves
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            leaf
            for index, (old, new) in enumerate(zip(before, after, strict=True))
            for leaf in find_leaves(old, new, (*path, index))
        ]
    return [Leaf(path, before, after)]


def is_same(left: Any, right: Any) -> bool:
    """Return whether two values of a document are the same, types counted, order of keys not."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            is_same(one, other) for one, other in zip(left, right, strict=True)
        )
    return type(left) is type(right) and bool(left == right)


def describe_leaf(leaf: Leaf, skip: int = 0) -> str:
    """Say what happened at a leaf: `retry attempts 3 → 5`, `timeout 30s added`, `key removed (was 7)`."""
    name = name_path(leaf.path[skip:])
    if leaf.before is msgspec.UNSET:
        return f"{name} {show(leaf.after)} added".lstrip()
    if leaf.after is msgspec.UNSET:
        return f"{name} removed (was {show(leaf.before)})".lstrip()
    return f"{name} {show(leaf.before)} → {show(leaf.after)}".lstrip()


def kind_of(leaf: Leaf) -> ChangeKind:
    """Return whether something was added, removed or changed at a leaf."""
    if leaf.before is msgspec.UNSET:
        return "added"
    return "removed" if leaf.after is msgspec.UNSET else "changed"


def name_path(path: Path) -> str:
    """Write a path as words: `retry attempts`, `with lines[2]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f" {part}"
    return text.strip()


def show(value: Value) -> str:
    """Write a value for a sentence, cut where it is long."""
    text = value if isinstance(value, str) and value and "\n" not in value else write_flow(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
