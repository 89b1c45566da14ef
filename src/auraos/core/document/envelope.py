"""The envelope: what every document has, whatever its kind. Reading it reports all that is wrong with it at once."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

import msgspec

from auraos.core.document.parser import parse
from auraos.core.document.tree import Node, Parsed
from auraos.core.problems import Fix, Path, Problem, TextEdit
from auraos.core.values import type_name

NAME = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
LONGEST_NAME = 100
FIELDS = ("kind", "name", "title", "description", "labels", "spec", "layout", "tests")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document as written. `tree` knows the place of everything in `text`; what is missing or wrong reads as empty."""

    kind: str
    name: str
    title: str = ""
    description: str = ""
    labels: dict[str, str] = {}
    spec: dict[str, Any]
    layout: dict[str, Any] = {}
    tests: list[Any] = []
    text: str
    tree: Node


def read_document(text: str, kinds: Collection[str] | None = None) -> tuple[Document | None, list[Problem]]:
    """Read a text as a document of one of these kinds (of any kind, if None), and report all that is wrong with its envelope.

    A document comes back whenever its kind is known and it has a `spec`, even beside problems, so that the check of the
    kind can add what it finds. Nobody may publish or run a document with a problem that is an error.
    """
    return read_envelope(parse(text), kinds)


def read_envelope(
    parsed: Parsed, kinds: Collection[str] | None = None
) -> tuple[Document | None, list[Problem]]:
    """Read a parsed text as a document; see `read_document`."""
    if parsed.tree is None:
        return None, parsed.problems or [_empty()]
    reader = _Envelope(parsed.tree, parsed.text)
    document = reader.read(kinds)
    return document, [*parsed.problems, *reader.problems]


def suggest(word: str, known: Collection[str]) -> str:
    """Return the known word that was most likely meant; empty where none is near."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def _empty() -> Problem:
    message = "The text is empty; a document has at least `kind`, `name` and `spec`."
    return Problem(code="document-empty", message=message)


class _Envelope:
    """One reading of one envelope."""

    def __init__(self, tree: Node, text: str) -> None:
        self.tree = tree
        self.text = text
        self.problems: list[Problem] = []

    def read(self, kinds: Collection[str] | None) -> Document | None:
        if self.tree.kind != "mapping":
            found = type_name(self.tree.value)
            self._note(
                "document-shape",
                f"A document is a mapping with `kind`, `name` and `spec`, not a {found}.",
                (),
            )
            return None
        self._refuse_unknown_fields()
        kind = self._read_kind(kinds)
        name = self._read_name()
        title = self._read_text("title")
        description = self._read_text("description")
        labels = self._read_labels()
        layout = self._read_mapping("layout")
        tests = self._read_tests()
        spec = self._read_spec()
        if kind is None or spec is None:
            return None
        return Document(
            kind=kind, name=name, title=title, description=description, labels=labels, spec=spec,
            layout=layout, tests=tests, text=self.text, tree=self.tree,
        )  # fmt: skip

    def _note(
        self,
        code: str,
        message: str,
        path: Path,
        *,
        hint: str = "",
        fix: Fix | None = None,
        key: bool = False,
    ) -> None:
        place = self.tree.place(path, key)
        self.problems.append(Problem(code=code, message=message, path=path, place=place, hint=hint, fix=fix))

    def _refuse_unknown_fields(self) -> None:
        free = [field for field in FIELDS if field not in self.tree.entries]
        for name, entry in self.tree.entries.items():
            if name in FIELDS:
                continue
            meant = suggest(name, free)
            fix = None
            hint = f"A document has {', '.join(FIELDS)}."
            if meant:
                free.remove(meant)
                hint = f"Did you mean {meant!r}?"
                edit = TextEdit(entry.key.start, entry.key.end, meant)
                fix = Fix(f"Rename {name!r} to {meant!r}", (edit,), safe=True)
            self._note(
                "unknown-field", f"A document has no field {name!r}.", (name,), hint=hint, fix=fix, key=True
            )

    def _read_kind(self, kinds: Collection[str] | None) -> str | None:
        kind = self._read_text("kind", required=True)
        if not kind or kinds is None or kind in kinds:
            return kind or None
        meant = suggest(kind, kinds)
        node = self.tree.entries["kind"].value
        edits = (TextEdit(node.start, node.end, meant),)
        hint = f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(sorted(kinds))}."
        fix = Fix(f"Make it {meant!r}", edits, safe=True) if meant else None
        self._note("unknown-kind", f"No kind of document is named {kind!r}.", ("kind",), hint=hint, fix=fix)
        return None

    def _read_name(self) -> str:
        name = self._read_text("name", required=True)
        if name and (len(name) > LONGEST_NAME or not NAME.fullmatch(name)):
            hint = f"Use a to z, 0 to 9 and hyphens, a letter first, at most {LONGEST_NAME} characters."
            mended = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:LONGEST_NAME].rstrip("-")
            node = self.tree.entries["name"].value
            fix = Fix(f"Name it {mended!r}", (TextEdit(node.start, node.end, mended),)) if mended else None
            self._note("bad-name", f"{name!r} is no name for a document.", ("name",), hint=hint, fix=fix)
        return name

    def _read_text(self, field: str, required: bool = False) -> str:
        node = self.tree.child(field)
        if node is None:
            if required:
                self._note(
                    "missing-field",
                    f"The document has no {field!r}.",
                    (),
                    hint=f"Add `{field}: …` at the top.",
                )
            return ""
        if isinstance(node.value, str) and (node.value or not required):
            return node.value
        if node.value is None and not required:
            return ""
        found = "empty" if node.value in (None, "") else f"a {type_name(node.value)}"
        self._note("wrong-type", f"{field!r} is {found}; it must be text.", (field,), fix=self._quoted(node))
        return ""

    def _quoted(self, node: Node) -> Fix | None:
        if node.kind != "scalar" or node.style != "plain" or node.alias or node.start == node.end:
            return None
        quoted = TextEdit(node.start, node.end, f'"{self.text[node.start : node.end]}"')
        return Fix("Put quotes around it", (quoted,), safe=True)

    def _read_labels(self) -> dict[str, str]:
        labels: dict[str, str] = {}
        for name, value in self._read_mapping("labels").items():
            path = ("labels", name)
            if isinstance(value, str):
                labels[name] = value
                continue
            node = self.tree.find(path)
            message = f"The label {name!r} is a {type_name(value)}; labels are text."
            self._note("wrong-type", message, path, fix=self._quoted(node) if node else None)
        return labels

    def _read_mapping(self, field: str) -> dict[str, Any]:
        value = self.tree.value.get(field)
        if value is None or isinstance(value, dict):
            return value or {}
        self._note("wrong-type", f"{field!r} is a {type_name(value)}; it must be a mapping.", (field,))
        return {}

    def _read_tests(self) -> list[Any]:
        value = self.tree.value.get("tests")
        if value is None or isinstance(value, list):
            return value or []
        self._note("wrong-type", f"'tests' is a {type_name(value)}; it must be a list of cases.", ("tests",))
        return []

    def _read_spec(self) -> dict[str, Any] | None:
        node = self.tree.child("spec")
        if node is None:
            hint = "Write what it is about under `spec:`."
            self._note("missing-field", "The document has no 'spec'.", (), hint=hint)
            return None
        if isinstance(node.value, dict):
            return node.value
        found = "empty" if node.value is None else f"a {type_name(node.value)}"
        self._note("wrong-type", f"'spec' is {found}; it must be a mapping.", ("spec",))
        return None
