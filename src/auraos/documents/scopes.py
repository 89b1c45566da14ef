"""Walks a workflow's text by its scopes: the steps at the top, and those inside of containers."""

from collections.abc import Iterator

import msgspec

from auraos.core.problems import Path
from auraos.core.values import Value


class Scope(msgspec.Struct, frozen=True):
    """A place in a workflow that has steps: its path, and the id of the step around it (empty at the top)."""

    path: Path
    container: str = ""


def find_scopes(root: Value, start: Path = ("spec",)) -> Iterator[Scope]:
    """Yield every scope of a workflow's value, outer ones first; whatever is not written as it should be is passed over."""
    waiting = [Scope(start)]
    while waiting:
        scope = waiting.pop(0)
        body = value_at(root, scope.path)
        if not isinstance(body, dict):
            continue
        yield scope
        steps = body.get("steps")
        for name, step in steps.items() if isinstance(steps, dict) else ():
            waiting += [Scope(inner, name) for inner in _inner_scopes(step, (*scope.path, "steps", name))]


def value_at(root: Value, path: Path) -> Value:
    """Return the value at a path; None where there is none."""
    for part in path:
        is_there = (
            part in root if isinstance(root, dict) else isinstance(root, list) and part in range(len(root))
        )
        if not is_there:
            return None
        root = root[part]
    return root


def steps_of(root: Value, scope: Scope) -> dict[str, Value]:
    """Return the steps of a scope as they are written."""
    steps = value_at(root, (*scope.path, "steps"))
    return steps if isinstance(steps, dict) else {}


def links_of(root: Value, scope: Scope) -> list[Value]:
    """Return the links of a scope as they are written."""
    links = value_at(root, (*scope.path, "links"))
    return links if isinstance(links, list) else []


def _inner_scopes(step: Value, path: Path) -> Iterator[Path]:
    if not isinstance(step, dict):
        return
    if "steps" in step:
        yield path
    for field in ("catch", "finally"):
        if isinstance(step.get(field), dict):
            yield (*path, field)
    branches = step.get("branches")
    for name in branches if isinstance(branches, dict) else ():
        yield (*path, "branches", name)
