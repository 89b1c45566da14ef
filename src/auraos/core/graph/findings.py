"""Problems as they are found in a document, each with its place; and the words behind a "did you mean"."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import lru_cache

from auraos.core.document import Node
from auraos.core.problem_codes import find_code
from auraos.core.problems import Fix, Path, Place, Problem, Severity, TextEdit

MOST_PROBLEMS = 1_000
MOST_COMPARED = 100
"""With how many names a word is compared one by one; among more of them only slips of one letter are found."""

_MEANT = re.compile(r"Did you mean '(\w+)'\?")
_PATH = re.compile(r"[\w.\[\]]*?\b(\w+)")


class Findings:
    """The problems of one document. Whoever adds one names the path; the place comes from the tree."""

    def __init__(self, tree: Node, text: str = "") -> None:
        self.tree = tree
        self.text = text
        self.problems: list[Problem] = []
        self._seen: set[tuple[object, ...]] = set()

    def add(  # noqa: PLR0913 (the parts of a problem, all but three optional)
        self,
        code: str,
        path: Path,
        message: str,
        *,
        hint: str = "",
        fix: Fix | None = None,
        key: bool = False,
        place: Place | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Note a problem, unless it is there already; `key` points at the field's name, not at its value."""
        if (code, path, message) in self._seen or len(self.problems) >= MOST_PROBLEMS:
            return
        self._seen.add((code, path, message))
        self.problems.append(
            Problem(
                code=code,
                message=message,
                severity=severity or find_code(code).severity,
                path=path,
                place=place or self.tree.place(path, key=key),
                hint=hint,
                fix=fix,
            )
        )

    def place_within(self, path: Path, offset: int, source: str, start: int, end: int) -> Place | None:
        """Return the place of a part (`start:end`) of an expression that stands at an offset of the text at a path.

        None where the document writes the text in another way than it reads: broken over lines, or with escapes.
        """
        node = self.tree.find(path)
        if node is None or not isinstance(node.value, str) or node.alias is not None:
            return None
        at = node.start - 1
        for _ in range(node.value.count(source, 0, offset) + 1):
            at = self.text.find(source, at + 1, node.end)
            if at < 0:
                return None
        return node.lines.place(at + start, at + end)

    def has(self, code: str, path: Path) -> bool:
        """Return whether such a problem is noted of a path already."""
        return any(problem.code == code and problem.path == path for problem in self.problems)

    @property
    def has_errors(self) -> bool:
        """Return whether something was found that stops a run."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def fix_from_hint(self, place: Place | None, hint: str) -> Fix | None:
        """Return the fix that writes what a hint says was meant over the last name of the path at a place."""
        meant = _MEANT.search(hint)
        if place is None or meant is None:
            return None
        last = _PATH.fullmatch(self.text[place.start : place.end])
        if last is None:
            return None
        return Fix(f"Write {meant[1]}", (TextEdit(place.start + last.start(1), place.end, meant[1]),))

    def fix_value(self, path: Path, title: str, text: str, *, safe: bool = False) -> Fix | None:
        """Return the fix that writes `text` in the place of the value at a path."""
        node = self.tree.find(path)
        return replace_node(node, title, text, safe=safe) if node and node.alias is None else None

    def quote(self, path: Path) -> Fix | None:
        """Return the fix that puts quotes around a plain value."""
        node = self.tree.find(path)
        if node is None or node.alias is not None or node.style != "plain" or node.start >= node.end:
            return None
        edits = (TextEdit(node.start, node.start, '"'), TextEdit(node.end, node.end, '"'))
        return Fix("Put quotes around it", edits, safe=True)

    def fix_key(self, path: Path, name: str) -> Fix | None:
        """Return the fix that renames the last key of a path."""
        node = self.tree.find_key(path)
        parent = self.tree.find(path[:-1])
        if (
            node is None
            or parent is None
            or name in parent.entries
            or not parent_is_own(self.tree, path[:-1])
        ):
            return None
        return Fix(f"Rename it to {name!r}", (TextEdit(node.start, node.end, name),))


def replace_node(node: Node, title: str, text: str, *, safe: bool = False) -> Fix:
    """Return the fix that writes `text` over a node."""
    return Fix(title, (TextEdit(node.start, node.end, text),), safe)


def parent_is_own(tree: Node, path: Path) -> bool:
    """Return whether a path reaches its node without passing an alias, so that an edit touches one place."""
    node: Node | None = tree
    for part in path:
        node = node.child(part) if node else None
        if node is None or node.alias is not None:
            return False
    return True


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant."""
    names = [name for name in known if isinstance(name, str)]
    folded = _fold(word)
    if len(names) > MOST_COMPARED:
        index = _misspellings(tuple(names))
        return next((index[form] for form in _shortened(folded) if form in index), None)
    for name in names:
        if _fold(name) == folded:
            return name
    found = get_close_matches(word[:80], names, n=1, cutoff=0.6)
    return found[0] if found else None


@lru_cache(8)
def _misspellings(names: tuple[str, ...]) -> dict[str, str]:
    """Return the names by themselves and by themselves without any one letter: so each typing mistake is one look away."""
    index: dict[str, str] = {}
    for name in names:
        index.setdefault(_fold(name), name)
    for name in names:
        for form in _shortened(_fold(name)):
            index.setdefault(form, name)
    return index


def _shortened(word: str) -> list[str]:
    return [word, *(word[:place] + word[place + 1 :] for place in range(len(word)))]


def _fold(word: str) -> str:
    return word[:80].casefold().replace("-", "_")


def did_you_mean(word: str, known: Iterable[str], otherwise: Callable[[list[str]], str] | None = None) -> str:
    """Return `Did you mean 'x'?`, or, for a short list, all there is to choose from."""
    names = list(known)
    found = nearest(word, names)
    if found is not None:
        return f"Did you mean {found!r}?"
    if otherwise is not None:
        return otherwise(names)
    return f"Known here: {join_names(names)}." if 0 < len(names) <= 12 else ""


def join_names(names: Iterable[str]) -> str:
    """Write names as people list them: `a, b or c`."""
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
