"""Joins two people's edits of one text: each step, link and setting that only one of them changed is taken as it is; what
both changed differently is a conflict, in which mine stands until a person decides. No edit is lost without a word.
"""

from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.document import Parsed, parse
from auraos.core.graph.names import split_link
from auraos.core.problems import Path, TextEdit
from auraos.core.values import Value
from auraos.documents.diff import normal_link
from auraos.documents.difference import is_same, name_path, show
from auraos.documents.parts import EditRefusedError
from auraos.documents.scopes import find_scopes, links_of, steps_of
from auraos.documents.splice import apply_edits, insert_entry, insert_item, remove, set_value
from auraos.documents.writing import as_json

ConflictKind: TypeAlias = Literal[
    "both-changed", "both-added", "changed-removed", "removed-changed", "dangling-link", "not-editable"
]


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the edits do not fit together; the merged text has mine there. UNSET stands for what is not there."""

    kind: ConflictKind
    path: Path
    base: Any = msgspec.UNSET
    mine: Any = msgspec.UNSET
    theirs: Any = msgspec.UNSET
    words: str


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The joined text, made of mine by as few splices as possible, and where a person has to decide."""

    text: str
    conflicts: tuple[Conflict, ...] = ()


def merge(base: str, mine: str, theirs: str) -> Merged:
    """Join the edits that led from `base` to `mine` and to `theirs`; raise `EditRefusedError` when one of them cannot be read."""
    parsed = [_read(text, name) for text, name in ((base, "base"), (mine, "mine"), (theirs, "theirs"))]
    values = [one.tree.value if one.tree else None for one in parsed]
    merging = _Merging(parsed[1])
    merging.join((), *values)
    merging.find_dangling(values[1], values[2])
    return Merged(text=merging.parsed.text, conflicts=tuple(merging.conflicts))


def _read(text: str, name: str) -> Parsed:
    parsed = parse(text)
    if parsed.tree is None or parsed.problems or parsed.tree.kind != "mapping":
        raise EditRefusedError(f"The text {name!r} cannot be read as a document.", hint="Mend it first.")
    return parsed


class _Merging:
    """One merge: the text as it grows, and the conflicts found on the way."""

    def __init__(self, mine: Parsed) -> None:
        self.parsed = mine
        self.conflicts: list[Conflict] = []

    def join(self, path: Path, base: Value, mine: Value, theirs: Value) -> None:
        if is_same(theirs, base) or is_same(mine, theirs):
            return
        if isinstance(mine, dict) and isinstance(theirs, dict) and isinstance(base, dict):
            self._join_mappings(path, base, mine, theirs)
        elif isinstance(mine, list) and isinstance(theirs, list) and isinstance(base, list):
            self._join_lists(path, base, mine, theirs)
        elif is_same(mine, base):
            self._edit(path, base, mine, theirs, set_value, path, theirs)
        else:
            self._conflict("both-changed", path, base, mine, theirs)

    def _join_mappings(
        self, path: Path, base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]
    ) -> None:
        before: str | None = None
        for key, their in theirs.items():
            inner = (*path, key)
            if key in base and key in mine:
                self.join(inner, base[key], mine[key], their)
            elif key in base:
                if not is_same(their, base[key]):
                    self._conflict("removed-changed", inner, base[key], msgspec.UNSET, their)
            elif key in mine:
                self._join_added(inner, mine[key], their)
            else:
                self._insert(path, key, their, before)
            if key in mine or key not in base:
                before = key
        for key, old in base.items():
            if key in theirs or key not in mine:
                continue
            inner = (*path, key)
            if is_same(mine[key], old):
                self._edit(inner, old, old, msgspec.UNSET, remove, inner)
            else:
                self._conflict("changed-removed", inner, old, mine[key], msgspec.UNSET)

    def _join_added(self, path: Path, mine: Value, theirs: Value) -> None:
        """Join what both added under one name: free-form mappings by their parts, a step only as a whole."""
        if isinstance(mine, dict) and isinstance(theirs, dict) and path[-2:-1] != ("steps",):
            self._join_mappings(path, {}, mine, theirs)
        elif not is_same(mine, theirs):
            self._conflict("both-added", path, msgspec.UNSET, mine, theirs)

    def _insert(self, path: Path, key: str, value: Value, before: str | None) -> None:
        node = self.parsed.tree.find(path) if self.parsed.tree else None
        known = node.entries if node else {}
        where = {"after": before} if before in known else {"first": True} if before is None and known else {}
        self._edit((*path, key), msgspec.UNSET, msgspec.UNSET, value, insert_entry, path, key, value, **where)

    def _join_lists(self, path: Path, base: list[Any], mine: list[Any], theirs: list[Any]) -> None:
        if is_same(mine, base):
            self._follow_list(path, mine, theirs)
        elif path[-1:] == ("links",):
            self._join_links(path, base, mine, theirs)
        elif path == ("tests",) and all(_is_named(items) for items in (base, mine, theirs)):
            self._join_cases(base, mine, theirs)
        else:
            self._conflict("both-changed", path, base, mine, theirs)

    def _follow_list(self, path: Path, mine: list[Any], theirs: list[Any]) -> None:
        """Turn my list, which is still the base, into theirs, touching only the items that differ."""
        matcher = SequenceMatcher(
            None, [as_json(item) for item in mine], [as_json(item) for item in theirs], autojunk=False
        )
        for tag, low, high, new_low, new_high in reversed(matcher.get_opcodes()):
            common = min(high - low, new_high - new_low) if tag == "replace" else 0
            if tag == "equal":
                continue
            for index in range(high - 1, low + common - 1, -1):
                self._take_out((*path, index), mine[index])
            for item in reversed(theirs[new_low + common : new_high]):
                place = low + common
                self._put_in((*path, place), path, item, place)
            for index in range(common):
                self.join((*path, low + index), mine[low + index], mine[low + index], theirs[new_low + index])

    def _join_links(self, path: Path, base: list[Any], mine: list[Any], theirs: list[Any]) -> None:
        """Join lists of links as what they are: sets, whose order means nothing."""
        bases, mines, others = ({normal_link(link) for link in links} for links in (base, mine, theirs))
        for index in range(len(mine) - 1, -1, -1):
            link = normal_link(mine[index])
            if link in bases and link not in others:
                self._take_out((*path, index), mine[index])
        for link in theirs:
            name = normal_link(link)
            if name not in bases and name not in mines:
                mines.add(name)
                self._put_in(path, path, link)

    def _join_cases(self, base: list[Any], mine: list[Any], theirs: list[Any]) -> None:
        bases, mines, others = ({case["name"]: case for case in cases} for cases in (base, mine, theirs))
        for index in range(len(mine) - 1, -1, -1):
            name = mine[index]["name"]
            path: Path = ("tests", index)
            if name in others and name in bases:
                self.join(path, bases[name], mine[index], others[name])
            elif name in others:
                self._join_added(path, mine[index], others[name])
            elif name in bases and is_same(bases[name], mine[index]):
                self._take_out(path, mine[index])
            elif name in bases:
                self._conflict("changed-removed", path, bases[name], mine[index], msgspec.UNSET)
        for name, case in others.items():
            if name in mines:
                continue
            if name not in bases:
                self._put_in(("tests",), ("tests",), case)
            elif not is_same(case, bases[name]):
                self._conflict("removed-changed", ("tests", name), bases[name], msgspec.UNSET, case)

    def _take_out(self, path: Path, mine: Any) -> None:
        """Take out of my text what they took out, and I left as it was."""
        self._edit(path, mine, mine, msgspec.UNSET, remove, path)

    def _put_in(self, at: Path, items: Path, item: Any, *place: int) -> None:
        """Put into my text what they put into a list, at this place or at the end."""
        self._edit(at, msgspec.UNSET, msgspec.UNSET, item, insert_item, items, item, *place)

    def _edit(
        self,
        at: Path,
        base: Any,
        mine: Any,
        theirs: Any,
        splice: Callable[..., list[TextEdit]],
        *what: Any,
        **where: Any,
    ) -> None:
        """Make one edit in the text; where it cannot be made by a splice, that is a conflict."""
        try:
            edits = splice(self.parsed, *what, **where)
        except EditRefusedError:
            self._conflict("not-editable", at, base, mine, theirs)
            return
        self.parsed = parse(apply_edits(self.parsed.text, edits))

    def _conflict(self, kind: ConflictKind, path: Path, base: Any, mine: Any, theirs: Any) -> None:
        words = _describe(kind, path, mine, theirs)
        self.conflicts.append(
            Conflict(kind=kind, path=path, base=base, mine=mine, theirs=theirs, words=words)
        )

    def find_dangling(self, mine: Value, theirs: Value) -> None:
        """Report links of the joined text to a step that one side removed while the other linked to it."""
        root = self.parsed.tree.value if self.parsed.tree else None
        known = _dangling(mine) | _dangling(theirs)
        for path, link, missing in sorted(_dangling(root) - known):
            words = f"The link `{link}` speaks of the step `{missing}`, which one side removed"
            self.conflicts.append(Conflict(kind="dangling-link", path=path, mine=link, words=words))


def _dangling(root: Value) -> set[tuple[Path, str, str]]:
    found: set[tuple[Path, str, str]] = set()
    for scope in find_scopes(root):
        steps = steps_of(root, scope)
        for link in links_of(root, scope):
            parts = split_link(link) if isinstance(link, str) else None
            for name in (parts.source, parts.target) if parts else ():
                if name not in steps:
                    found.add(((*scope.path, "links"), normal_link(link), name))
    return found


def _is_named(cases: list[Any]) -> bool:
    names = [case.get("name") if isinstance(case, dict) else None for case in cases]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _describe(kind: ConflictKind, path: Path, mine: Any, theirs: Any) -> str:
    what = _name_place(path)
    match kind:
        case "both-changed":
            return f"{what}: mine says {show(mine)}, theirs {show(theirs)}"
        case "both-added":
            return f"{what} was added on both sides, with different content"
        case "changed-removed":
            return f"{what} was changed in mine and removed in theirs"
        case "removed-changed":
            return f"{what} was removed in mine and changed in theirs"
        case "dangling-link" | "not-editable":
            wish = "to remove it" if theirs is msgspec.UNSET else show(theirs)
            return f"{what} could not be changed by itself; theirs says {wish}"


def _name_place(path: Path) -> str:
    """Name a place by the innermost step around it: `Step `reserve`, retry attempts`."""
    for at in range(len(path) - 1, 0, -1):
        if path[at - 1] == "steps" and path[0] == "spec":
            rest = name_path(path[at + 1 :])
            return f"Step `{path[at]}`{', ' + rest if rest else ''}"
    text = name_path(path[1:] if path[:1] == ("spec",) else path)
    return text[:1].upper() + text[1:]
