"""Compares two documents by what they mean."""

from typing import Any

import msgspec

from auraos.core.document import Document, parse, read_envelope
from auraos.core.graph.names import split_link
from auraos.core.problems import Path
from auraos.core.values import Value
from auraos.documents.difference import (
    Change,
    Difference,
    Leaf,
    Subject,
    describe_leaf,
    find_leaves,
    is_same,
    kind_of,
    name_path,
    show,
)
from auraos.documents.parts import EditRefusedError
from auraos.documents.renaming import rename_step
from auraos.documents.scopes import Scope, find_scopes, links_of, steps_of
from auraos.documents.splice import apply_edits

_INNER = ("steps", "links", "catch", "finally", "branches")
_LIKE_ENOUGH = 0.6


class _Found(msgspec.Struct, frozen=True):
    """A step with the scope it stands in, and what it says itself, its inner scopes left out."""

    name: str
    scope: Scope
    body: Any

    @property
    def path(self) -> Path:
        return (*self.scope.path, "steps", self.name)


def compare(before: Document, after: Document) -> Difference:
    """Return everything that changed from one document to the other."""
    changes: list[Change] = []
    if before.kind == after.kind == "workflow":
        before, renamed = _follow_renames(before, after)
        changes += renamed
        changes += _compare_steps(before.tree.value, after.tree.value)
        changes += _compare_links(before.tree.value, after.tree.value)
        changes += _compare_spec(before.spec, after.spec)
    else:
        changes += _fields(before.spec, after.spec, ("spec",), "field", "")
    changes += _compare_envelope(before, after)
    changes += _compare_tests(before.tests, after.tests)
    layout = _fields(before.layout, after.layout, ("layout",), "layout", "Layout: ")
    return Difference(changes=tuple(changes), layout=tuple(layout))


def _follow_renames(before: Document, after: Document) -> tuple[Document, list[Change]]:
    """Return the older document with the names of the newer one, and the renamings, one after the other."""
    changes: list[Change] = []
    while pair := _find_renamed(before, after):
        old, new = pair
        try:
            text = apply_edits(before.text, rename_step(before.text, old.name, new.name))
        except EditRefusedError:
            break
        read, _ = read_envelope(parse(text))
        if read is None:
            break
        before = read
        words = f"Step `{old.name}` renamed to `{new.name}`"
        changes.append(
            Change(
                kind="renamed", subject="step", path=new.path, before=old.name, after=new.name, words=words
            )
        )
    return before, changes


def _find_renamed(before: Document, after: Document) -> tuple[_Found, _Found] | None:
    """Return a step that is gone and a new one in the same scope that is so alike that it must be the same."""
    olds, news = _steps(before.tree.value), _steps(after.tree.value)
    added = [new for name, new in news.items() if name not in olds]
    best: tuple[float, _Found, _Found] | None = None
    for name, old in olds.items():
        if name in news:
            continue
        for new in added:
            if new.scope.path == old.scope.path:
                likeness = _likeness(old.body, new.body)
                if likeness >= _LIKE_ENOUGH and (best is None or likeness > best[0]):
                    best = (likeness, old, new)
    return (best[1], best[2]) if best else None


def _likeness(before: Any, after: Any) -> float:
    """Return how much of two steps of one type is the same, from 0 to 1; steps that say little more than a type must be equal."""
    if not isinstance(before, dict) or not isinstance(after, dict) or before.get("type") != after.get("type"):
        return 0.0
    old, new = _flat(before), _flat(after)
    if len(old) < 3:
        return 1.0 if is_same(before, after) else 0.0
    same = sum(1 for path, value in old.items() if path in new and is_same(value, new[path]))
    return same / max(len(old), len(new))


def _flat(value: Any, path: Path = ()) -> dict[Path, Any]:
    if isinstance(value, dict) and value:
        return {key: leaf for name, item in value.items() for key, leaf in _flat(item, (*path, name)).items()}
    return {path: value}


def _steps(root: Value) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for scope in find_scopes(root):
        for name, step in steps_of(root, scope).items():
            body = (
                {key: item for key, item in step.items() if key not in _INNER}
                if isinstance(step, dict)
                else step
            )
            found.setdefault(name, _Found(name, scope, body))
    return found


def _compare_steps(before: Value, after: Value) -> list[Change]:
    olds, news = _steps(before), _steps(after)
    changes: list[Change] = []
    for name, old in olds.items():
        if name not in news:
            words = f"Step `{name}` removed ({_type_of(old.body)})"
            changes.append(
                Change(kind="removed", subject="step", path=old.path, before=old.body, words=words)
            )
    for name, new in news.items():
        known = olds.get(name)
        if known is None:
            words = f"Step `{name}` added ({_type_of(new.body)})"
            changes.append(Change(kind="added", subject="step", path=new.path, after=new.body, words=words))
            continue
        if known.scope.path != new.scope.path:
            words = f"Step `{name}` moved from {_place_of(known.scope)} to {_place_of(new.scope)}"
            changes.append(
                Change(
                    kind="moved",
                    subject="step",
                    path=new.path,
                    before=known.path,
                    after=new.path,
                    words=words,
                )
            )
        changes += _fields(known.body, new.body, new.path, "step", f"Step `{name}`: ")
    return changes


def _type_of(body: Any) -> str:
    return str(body.get("type", "no type")) if isinstance(body, dict) else "no type"


def _place_of(scope: Scope) -> str:
    if not scope.container:
        return "the top"
    part = name_path(scope.path[scope.path.index(scope.container) + 1 :])
    return f"`{scope.container}` ({part})" if part else f"`{scope.container}`"


def _compare_links(before: Value, after: Value) -> list[Change]:
    olds, news = _links(before), _links(after)
    changes: list[Change] = []
    for (container, text), path in olds.items():
        if (container, text) not in news:
            words = f"Link `{text}` removed"
            changes.append(Change(kind="removed", subject="link", path=path, before=text, words=words))
    for (container, text), path in news.items():
        if (container, text) not in olds:
            words = f"Link `{text}` added"
            changes.append(Change(kind="added", subject="link", path=path, after=text, words=words))
    return changes


def _links(root: Value) -> dict[tuple[Path, str], Path]:
    """Return the links by their scope (named so that it survives a renaming of containers) and their shortest spelling."""
    found: dict[tuple[Path, str], Path] = {}
    for scope in find_scopes(root):
        for index, link in enumerate(links_of(root, scope)):
            found[scope.path, normal_link(link)] = (*scope.path, "links", index)
    return found


def normal_link(link: Value) -> str:
    """Return the one spelling of a link that all its spellings share."""
    parts = split_link(link) if isinstance(link, str) else None
    if parts is None:
        return show(link)
    port = f".{parts.port}" if parts.port and parts.port != "out" else ""
    return f"{parts.source}{port} -> {parts.target}"


def _compare_spec(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    changes: list[Change] = []
    for leaf in find_leaves(before, after, ("spec",)):
        field = leaf.path[1]
        if field in ("steps", "links"):
            continue
        changes += _spec_change(leaf, str(field))
    return changes


def _spec_change(leaf: Leaf, field: str) -> list[Change]:
    subjects: dict[str, tuple[Subject, str]] = {
        "settings": ("setting", "Setting"),
        "variables": ("variable", "Variable"),
        "input": ("input", "Input"),
        "output": ("output", "Output"),
    }
    subject, title = subjects.get(field, ("field", field))
    if len(leaf.path) == 2 and field in ("settings", "variables", "input"):
        old = leaf.before if isinstance(leaf.before, dict) else {}
        new = leaf.after if isinstance(leaf.after, dict) else {}
        if old or new:
            return [
                change for inner in find_leaves(old, new, leaf.path) for change in _spec_change(inner, field)
            ]
    if field == "input" and len(leaf.path) > 3 and leaf.path[2] == "properties":
        words = f"Input field `{leaf.path[3]}`: {describe_leaf(leaf, 4)}"
    else:
        words = f"{title} {describe_leaf(leaf, 2)}"
    return [_change(leaf, subject, words)]


def _compare_envelope(before: Document, after: Document) -> list[Change]:
    changes: list[Change] = []
    for field in ("kind", "name", "title", "description", "labels"):
        changes += _fields(getattr(before, field), getattr(after, field), (field,), "field", "", 0)
    return changes


def _compare_tests(before: list[Any], after: list[Any]) -> list[Change]:
    olds, news = _cases(before), _cases(after)
    changes: list[Change] = []
    for name, (_, case) in olds.items():
        if name not in news:
            words = f"Test `{name}` removed"
            changes.append(Change(kind="removed", subject="test", path=("tests",), before=case, words=words))
    for name, (index, case) in news.items():
        path: Path = ("tests", index)
        if name not in olds:
            words = f"Test `{name}` added"
            changes.append(Change(kind="added", subject="test", path=path, after=case, words=words))
        else:
            changes += _fields(olds[name][1], case, path, "test", f"Test `{name}`: ")
    return changes


def _cases(tests: list[Any]) -> dict[str, tuple[int, Any]]:
    found: dict[str, tuple[int, Any]] = {}
    for index, case in enumerate(tests):
        name = case.get("name") if isinstance(case, dict) else None
        name = name if isinstance(name, str) and name not in found else f"number {index + 1}"
        found[name] = (index, case)
    return found


def _fields(
    before: Any, after: Any, path: Path, subject: Subject, title: str, skip: int | None = None
) -> list[Change]:
    start = len(path) if skip is None else skip
    return [
        _change(leaf, subject, f"{title}{describe_leaf(leaf, start)}")
        for leaf in find_leaves(before, after, path)
    ]


def _change(leaf: Leaf, subject: Subject, words: str) -> Change:
    return Change(
        kind=kind_of(leaf), subject=subject, path=leaf.path, before=leaf.before, after=leaf.after, words=words
    )
