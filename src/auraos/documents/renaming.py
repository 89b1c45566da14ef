"""Renames a step everywhere a workflow speaks of it: key, links, expressions, `collect`, tests and layout."""

import re
from collections.abc import Iterator
from typing import Final

from auraos.core.document import Node, Parsed, parse
from auraos.core.graph.names import WrittenLink, say_why_no_name, split_link
from auraos.core.problems import Path, TextEdit
from auraos.documents.parts import EditRefusedError
from auraos.documents.references import find_references
from auraos.documents.scopes import Scope, find_scopes, steps_of
from auraos.documents.splice import Source, apply_edits
from auraos.documents.writing import write_text

_SEGMENT: Final = re.compile(r"[^/\[\]!]+")


def rename_step(source: Source, old: str, new: str) -> list[TextEdit]:
    """Return the edits that rename a step of a workflow and everything in its text that refers to it."""
    parsed = parse(source) if isinstance(source, str) else source
    tree = parsed.tree
    if tree is None or parsed.problems:
        raise EditRefusedError(
            "The text has problems; a step cannot be renamed in it.", hint="Mend it first."
        )
    scopes = list(find_scopes(tree.value))
    ids = [name for scope in scopes for name in steps_of(tree.value, scope)]
    if old not in ids:
        raise EditRefusedError(f"There is no step {old!r}.")
    if old == new:
        return []
    reason = say_why_no_name(new)
    if reason:
        raise EditRefusedError(f"{new!r} is no name for a step.", hint=reason[1])
    if new in ids:
        raise EditRefusedError(f"There is a step {new!r} already.", hint="Choose another name.")
    renaming = _Renaming(parsed, tree, old, new)
    for scope in scopes:
        renaming.rename_in_scope(scope)
    renaming.rename_in_expressions()
    renaming.rename_in_tests()
    renaming.rename_in_layout()
    edits = sorted(renaming.edits.values(), key=lambda edit: edit.start)
    if parse(apply_edits(parsed.text, edits)).problems:
        raise EditRefusedError(f"The step {old!r} is written in a way that cannot be renamed by parts.")
    return edits


class _Renaming:
    """The edits of one renaming, gathered by place, so that what is reached in two ways changes once."""

    def __init__(self, parsed: Parsed, tree: Node, old: str, new: str) -> None:
        self.text = parsed.text
        self.tree = tree
        self.old = old
        self.new = new
        self.edits: dict[tuple[int, int], TextEdit] = {}

    def rename_in_scope(self, scope: Scope) -> None:
        key = self.tree.find_key((*scope.path, "steps", self.old))
        if key is None:
            return
        self._rewrite(key, self.new)
        links = self.tree.find((*scope.path, "links"))
        for link in links.items if links else ():
            found = split_link(link.value) if isinstance(link.value, str) else None
            if found and self.old in (found.source, found.target):
                self._rewrite(link, self._rename_link(link.value, found))
        for field in ("collect", "output"):
            named = self.tree.find((*scope.path, "with", field))
            if named is not None and named.value == self.old:
                self._rewrite(named, self.new)

    def _rename_link(self, text: str, link: WrittenLink) -> str:
        if link.target == self.old:
            text = text[: link.target_at] + self.new + text[link.target_at + len(self.old) :]
        if link.source == self.old:
            text = text[: link.source_at] + self.new + text[link.source_at + len(self.old) :]
        return text

    def rename_in_expressions(self) -> None:
        for field in ("spec", "tests"):
            node = self.tree.child(field)
            for scalar in _scalars(node) if node else ():
                if isinstance(scalar.value, str):
                    for start, end in find_references(
                        self.text[scalar.start : scalar.end], scalar.style, self.old
                    ):
                        self._replace(scalar.start + start, scalar.start + end, self.new)

    def rename_in_tests(self) -> None:
        tests = self.tree.child("tests")
        for case in tests.items if tests else ():
            for path in (
                ("mocks",),
                ("answers",),
                ("expect", "steps"),
                ("expect", "errors"),
                ("expect", "outputs"),
            ):
                self._rename_keys(case, path)
            for path in (("order",), ("expect", "path")):
                listed = case.find(path)
                for item in listed.items if listed else ():
                    self._rename_activation(item)
            signals = case.find(("signals",))
            for signal in signals.items if signals else ():
                step = signal.child("step")
                if step is not None:
                    self._rename_activation(step)

    def rename_in_layout(self) -> None:
        layout = self.tree.child("layout")
        if layout is None:
            return
        self._rename_keys(layout, ("steps",))
        groups = layout.child("groups")
        for scalar in _scalars(groups) if groups else ():
            self._rename_activation(scalar)

    def _rename_keys(self, node: Node, path: Path) -> None:
        mapping = node.find(path)
        for entry in mapping.entries.values() if mapping else ():
            self._rename_activation(entry.key)

    def _rename_activation(self, scalar: Node) -> None:
        """Rename the step within the name of an activation, like `each_line[3]/price`."""
        if not isinstance(scalar.value, str):
            return
        renamed = "/".join(
            segment.replace(self.old, self.new, 1)
            if _SEGMENT.match(segment) and _SEGMENT.findall(segment)[0] == self.old
            else segment
            for segment in scalar.value.split("/")
        )
        if renamed != scalar.value:
            self._rewrite(scalar, renamed)

    def _rewrite(self, scalar: Node, text: str) -> None:
        if scalar.alias is None:
            self._replace(scalar.start, scalar.end, write_text(text, scalar.style, flow=True))

    def _replace(self, start: int, end: int, text: str) -> None:
        self.edits[start, end] = TextEdit(start, end, text)


def _scalars(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.kind == "scalar" and not found.alias:
            yield found
        elif not found.alias:
            waiting += [entry.value for entry in found.entries.values()] + list(found.items)
