"""Reads YAML 1.2 into a tree that knows where everything stands; hostile text gets problems, never a crash or a long wait.

The events come from libyaml, which reads in one pass without recursion; what they mean is decided here: the core schema,
keys that are text and stand once, no tags but the standard ones, one document, bounds on depth, aliases and length.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import yaml
from yaml._yaml import CParser

from auraos.core.document.characters import MAX_PROBLEMS, hide_old_breaks, refuse_text
from auraos.core.document.scalars import read_plain
from auraos.core.document.syntax import describe_syntax_error, quote_braces
from auraos.core.document.tree import Entry, Lines, Node, NodeKind, Parsed, Style
from auraos.core.problems import Fix, Path, Problem, TextEdit
from auraos.core.values import MAX_DEPTH, Value, ValueRefusedError

MAX_ALIASES = 100
MAX_EXPANDED = 100_000

_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*")
_COLON = re.compile(r"[ \t\r\n]*:")
_TAG = re.compile(r"![^\s,\[\]{}]*")
_FILLER = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STYLES: Final[dict[str, Style]] = {"": "plain", "'": "single", '"': "double", "|": "literal", ">": "folded"}
_TAGS: Final = {
    f"tag:yaml.org,2002:{name}": name for name in ("str", "null", "bool", "int", "float", "map", "seq")
} | {"!": "str"}
_COLLECTION_TAGS: Final = {"mapping": "map", "sequence": "seq"}


def parse(text: str) -> Parsed:
    """Read a text that holds one YAML document; `tree` is None when it is no YAML or holds nothing."""
    lines = Lines(text)
    refused = refuse_text(text, lines)
    if refused:
        return Parsed(text, None, refused)
    return _Reader(text, lines).read()


class _StopError(Exception):
    """Reading cannot go on; the problem that says why is already noted."""


class _Frame:
    """A collection whose end has not come yet."""

    __slots__ = ("children", "event", "is_mapping")

    def __init__(self, event: Any, is_mapping: bool) -> None:
        self.event = event
        self.is_mapping = is_mapping
        self.children: list[Node] = []


class _Reader:
    """One reading of one text."""

    restored: Callable[[str], str]

    def __init__(self, text: str, lines: Lines) -> None:
        self.text = text
        self.lines = lines
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self.frames: list[_Frame] = []
        self.anchors: dict[str, Node | None] = {}
        self.aliases = 0
        self.expanded = 0
        self.base = 1 if text.startswith("\ufeff") else 0

    def read(self) -> Parsed:
        source, self.restored = hide_old_breaks(self.text[self.base :])
        try:
            self._read_events(CParser(source if source.endswith("\n") else source + "\n"))
        except _StopError:
            self.root = None
        except yaml.YAMLError as error:
            self.root = None
            self._note_syntax_error(describe_syntax_error(error, self.text, self.lines, self.base))
        self.problems.sort(key=lambda problem: problem.place.start if problem.place else 0)
        return Parsed(self.text, self.root, self.problems)

    def _note_syntax_error(self, problem: Problem) -> None:
        start = problem.place.start if problem.place else 0
        self.problems = [
            known for known in self.problems if known.place is None or known.place.start != start
        ]
        self.problems.append(problem)

    def _read_events(self, parser: Any) -> None:
        documents = 0
        while True:
            event = parser.get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._add(self._scalar(event))
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                frame = self.frames.pop()
                self._add(self._mapping(frame, event) if frame.is_mapping else self._sequence(frame, event))
            elif kind is yaml.AliasEvent:
                self._add(self._alias(event))
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self._many_documents(event)
            elif kind is yaml.StreamEndEvent:
                return

    def _note(
        self, code: str, message: str, start: int, end: int, *, hint: str = "", fix: Fix | None = None
    ) -> None:
        self.problems.append(
            Problem(
                code=code,
                message=message,
                path=self._path(),
                place=self.lines.place(start, end),
                hint=hint,
                fix=fix,
            )
        )
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopError

    def _path(self) -> Path:
        path: list[str | int] = []
        for frame in self.frames:
            if not frame.is_mapping:
                path.append(len(frame.children))
            elif len(frame.children) % 2:
                path.append(str(frame.children[-1].value))
        return tuple(path)

    def _many_documents(self, event: Any) -> None:
        start = event.start_mark.index + self.base
        self._note(
            "yaml-many-documents",
            "A second document starts here; a file holds one.",
            start,
            start + 3,
            hint="Move it into a file of its own.",
        )
        raise _StopError

    def _open(self, event: Any, is_mapping: bool) -> None:
        if len(self.frames) >= MAX_DEPTH:
            start = event.start_mark.index + self.base
            self._note(
                "yaml-too-deep",
                f"The document is nested more than {MAX_DEPTH} levels deep.",
                start,
                start + 1,
            )
            raise _StopError
        if event.anchor:
            self.anchors[event.anchor] = None
        self.frames.append(_Frame(event, is_mapping))

    def _add(self, node: Node) -> None:
        if self.frames:
            self.frames[-1].children.append(node)
        else:
            self.root = node
        if node.anchor:
            self.anchors[node.anchor] = node

    def _scalar(self, event: Any) -> Node:
        outer = event.start_mark.index + self.base
        end = event.end_mark.index + self.base
        start = self._behind_properties(outer) if event.anchor or event.tag else outer
        style = _STYLES[event.style or ""]
        text = self.restored(event.value)
        is_key = self._awaits_key()
        if style in ("literal", "folded"):
            end = self._end_of_block_scalar(start, end)
        elif style == "plain" and not text:
            start = end = min(start, end) if is_key else self._behind_colon(min(start, end))
            outer = min(outer, start)
        if is_key and style == "plain" and not event.tag:
            value: Value = text
        else:
            value = self._value(event, text, style, start, end)
        return Node(
            "scalar",
            value,
            start,
            end,
            outer,
            style,
            self.lines,
            anchor=event.anchor,
            size=1 + len(text) // 64,
        )

    def _awaits_key(self) -> bool:
        return bool(self.frames) and self.frames[-1].is_mapping and len(self.frames[-1].children) % 2 == 0

    def _behind_colon(self, at: int) -> int:
        """Return where an empty value stands: as reported, but right behind its key when there is no colon (`{a, b}`)."""
        if not self.frames or not self.frames[-1].is_mapping:
            return at
        key = self.frames[-1].children[-1]
        return at if _COLON.match(self.text, key.end, at) else key.end

    def _value(self, event: Any, text: str, style: Style, start: int, end: int) -> Value:
        tag = _TAGS.get(event.tag) if event.tag else None
        if event.tag and (tag is None or tag in ("map", "seq")):
            self._refuse_tag(event)
        if "\0" in text:
            self._note("yaml-character", "The character U+0000 cannot stand in a document.", start, end)
        if style != "plain" if tag is None else tag == "str":
            return text
        try:
            value = read_plain(text)
        except ValueRefusedError as error:
            self._note("yaml-number", error.message, start, end, hint=error.hint)
            return text
        if tag == "float" and type(value) is int:
            return float(value)
        if tag and tag != {type(None): "null", bool: "bool", int: "int", float: "float"}.get(
            type(value), "str"
        ):
            self._note("yaml-tag", f"{text!r} cannot be read as {tag}, as its tag asks.", start, end)
        return value

    def _refuse_tag(self, event: Any) -> None:
        start = event.start_mark.index + self.base
        found = _TAG.search(self.text, start)
        self._note(
            "yaml-tag",
            f"The tag {found[0] if found else event.tag!r} is not known; a document holds plain data only.",
            found.start() if found else start,
            found.end() if found else start + 1,
            hint="Remove the tag.",
        )

    def _behind_properties(self, at: int) -> int:
        """Return where the content starts of a node that has an anchor or a tag."""
        while found := _PROPERTY.match(self.text, at):
            at = found.end()
            filler = _FILLER.match(self.text, at)
            following = filler.end() if filler else at
            if following == len(self.text):
                return at
            at = following
        return at

    def _end_of_block_scalar(self, start: int, end: int) -> int:
        """Return the end of the last line that belongs to the value; blank lines do with `+` only."""
        header = self.text[start : self.text.find("\n", start)].partition("#")[0]
        end = min(end, len(self.text))
        return end if "+" in header else start + len(self.text[start:end].rstrip())

    def _alias(self, event: Any) -> Node:
        start, end = event.start_mark.index + self.base, event.end_mark.index + self.base
        name = event.anchor
        target = self.anchors.get(name)
        nothing = Node("scalar", None, start, end, start, "plain", self.lines, alias=name)
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._note(
                "yaml-too-many-aliases", f"The document has more than {MAX_ALIASES} aliases.", start, end
            )
            raise _StopError
        if target is None:
            inside = name in self.anchors
            message = (
                f"*{name} stands inside what it names."
                if inside
                else f"No anchor is named &{name} before this place."
            )
            self._note("yaml-alias", message, start, end)
            return nothing
        self.expanded += target.size
        if self.expanded > MAX_EXPANDED:
            self._note(
                "yaml-too-many-aliases", "Written out, the aliases of the document are too large.", start, end
            )
            raise _StopError
        if len(self.frames) + target.height > MAX_DEPTH:
            message = (
                f"With its aliases written out the document is nested more than {MAX_DEPTH} levels deep."
            )
            self._note("yaml-too-deep", message, start, end)
            return nothing
        return Node(
            target.kind, _copy(target.value), start, end, start, target.style, self.lines, target.entries, target.items,
            alias=name, size=target.size, height=target.height,
        )  # fmt: skip

    def _mapping(self, frame: _Frame, event: Any) -> Node:
        entries: dict[str, Entry] = {}
        children = frame.children
        if len(children) == 2 and children[0].kind == "mapping" and frame.event.flow_style:
            braces = self._unquoted_braces(frame, event)
            if braces is not None:
                return braces
        for key, value in zip(children[::2], children[1::2], strict=True):
            if self._accepts_key(key, entries):
                entries[key.value] = Entry(key, value)
        data = {name: entry.value.value for name, entry in entries.items()}
        return self._collection("mapping", frame, event, data, entries, ())

    def _sequence(self, frame: _Frame, event: Any) -> Node:
        items = tuple(frame.children)
        return self._collection("sequence", frame, event, [item.value for item in items], {}, items)

    def _collection(
        self,
        kind: NodeKind,
        frame: _Frame,
        event: Any,
        value: Value,
        entries: dict[str, Entry],
        items: tuple[Node, ...],
    ) -> Node:
        opening, children = frame.event, frame.children
        outer = start = opening.start_mark.index + self.base
        if opening.tag and _TAGS.get(opening.tag) != _COLLECTION_TAGS[kind]:
            self._refuse_tag(opening)
        if opening.anchor or opening.tag:
            written_out = kind == "mapping" and children and not opening.flow_style
            start = children[0].outer if written_out else self._behind_properties(outer)
        end = event.end_mark.index + self.base
        if not opening.flow_style or end == event.start_mark.index + self.base:
            end = max([child.end for child in children], default=start)
        return Node(
            kind, value, start, end, outer, "flow" if opening.flow_style else "block", self.lines, entries, items,
            anchor=opening.anchor,
            size=1 + sum([child.size for child in children]),
            height=1 + max([child.height for child in children], default=0),
        )  # fmt: skip

    def _accepts_key(self, key: Node, entries: dict[str, Entry]) -> bool:
        text = self.text[key.start : key.end]
        if key.kind != "scalar" or key.alias or not isinstance(key.value, str) or not text:
            self._note(
                "yaml-key", "A key is plain text here.", key.start, key.end, hint="Put quotes around it."
            )
        elif key.style == "plain" and text == "<<":
            hint = "Write the entries out, or use an alias for the whole value."
            self._note(
                "yaml-merge-key", "Merge keys (`<<`) are not supported.", key.start, key.end, hint=hint
            )
        elif key.value in entries:
            line = entries[key.value].key.line
            message = f"The key {key.value!r} stands here a second time; it is already on line {line}."
            self._note(
                "yaml-duplicate-key", message, key.start, key.end, hint="Rename or remove one of the two."
            )
        else:
            return True
        return False

    def _unquoted_braces(self, frame: _Frame, event: Any) -> Node | None:
        """Read `{{ … }}` without quotes, which YAML takes for a mapping in a mapping, as the text that was meant."""
        start, end = frame.event.start_mark.index + self.base, event.end_mark.index + self.base
        text = self.text[start:end]
        if not text.startswith("{{") or not text.endswith("}}"):
            return None
        message = "An expression as a value of its own needs quotes around it: YAML takes `{{` for a mapping."
        quoted = quote_braces(text)
        fix = Fix("Put quotes around it", (TextEdit(start, end, quoted),), safe=True) if quoted else None
        self._note(
            "yaml-unquoted-braces", message, start, end, hint=f"Write {quoted or 'it in quotes'}.", fix=fix
        )
        return Node("scalar", text, start, end, start, "plain", self.lines, anchor=frame.event.anchor)


def _copy(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
