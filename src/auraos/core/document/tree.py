"""The tree of a text: what a YAML document says, and where in the text each part of it stands.

The text is the truth and the tree is read from it, so everything that speaks about a document (checks, edits,
differences) can point at the very characters. The parser makes these nodes; nobody changes them.
"""

from bisect import bisect_right
from typing import Literal, TypeAlias

import msgspec

from auraos.core.problems import Path, Place, Problem
from auraos.core.values import Value

NodeKind: TypeAlias = Literal["mapping", "sequence", "scalar"]
Style: TypeAlias = Literal["plain", "single", "double", "literal", "folded", "block", "flow"]


class Lines:
    """Where the lines of a text begin: turns offsets into lines and columns."""

    __slots__ = ("length", "starts")

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self.starts = [0]
        at = text.find("\n")
        while at >= 0:
            self.starts.append(at + 1)
            at = text.find("\n", at + 1)

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset, both counted from 1."""
        row = bisect_right(self.starts, offset) - 1
        return row + 1, offset - self.starts[row] + 1

    def place(self, start: int, end: int) -> Place:
        """Return the place of a stretch of the text."""
        line, column = self.position(start)
        end_line, end_column = self.position(end)
        return Place(line, column, end_line, end_column, start, end)


class Node(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A value and the stretch `start:end` that writes it, an anchor or tag before it left out (`outer` counts them in).

    A block ends with the last character of its last part, so comments and blank lines behind it do not belong to it. A node
    that was written as `*name` has `alias` set: its value and parts are those of the anchored node, its stretch is `*name`.
    An empty value (nothing behind the colon) is a plain scalar with `start == end`. `size` counts the nodes of the value
    with all aliases written out.
    """

    kind: NodeKind
    value: Value
    start: int
    end: int
    outer: int
    style: Style
    lines: Lines
    entries: dict[str, "Entry"] = {}
    items: tuple["Node", ...] = ()
    anchor: str | None = None
    alias: str | None = None
    size: int = 1
    height: int = 0

    @property
    def line(self) -> int:
        """Return the line on which the node starts, counted from 1."""
        return self.lines.position(self.start)[0]

    @property
    def column(self) -> int:
        """Return the column at which the node starts, counted from 1."""
        return self.lines.position(self.start)[1]

    @property
    def where(self) -> Place:
        """Return the place of the node itself."""
        return self.lines.place(self.start, self.end)

    def child(self, part: str | int) -> "Node | None":
        """Return the value under a key or at an index; None where there is none."""
        if isinstance(part, str):
            entry = self.entries.get(part)
            return entry.value if entry else None
        return self.items[part] if 0 <= part < len(self.items) else None

    def find(self, path: Path) -> "Node | None":
        """Return the node at a path below this one; None where there is none."""
        node: Node | None = self
        for part in path:
            if node is None:
                return None
            node = node.child(part)
        return node

    def find_key(self, path: Path) -> "Node | None":
        """Return the node of the key that the path ends with; None where there is no such key."""
        parent = self.find(path[:-1]) if path else None
        entry = parent.entries.get(path[-1]) if parent and isinstance(path[-1], str) else None
        return entry.key if entry else None

    def place(self, path: Path, key: bool = False) -> Place:
        """Return the place of the value at a path (of its key with `key`); what is missing stands at its nearest parent's key."""
        found = self.find_key(path) if key else self.find(path)
        if found is not None:
            return found.where
        for length in range(len(path) if key else len(path) - 1, 0, -1):
            node = self.find(path[:length])
            if node is not None:
                named = self.find_key(path[:length])
                return (
                    (named or node).where
                    if named or node.style != "block"
                    else self.lines.place(node.start, node.start + 1)
                )
        return self.lines.place(self.start, min(self.start + 1, self.end))


class Entry(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One key of a mapping and its value."""

    key: Node
    value: Node


class Parsed(msgspec.Struct, frozen=True):
    """What reading a text gave: the tree, unless the text is no YAML or says nothing, and all problems that were found."""

    text: str
    tree: Node | None
    problems: list[Problem]
