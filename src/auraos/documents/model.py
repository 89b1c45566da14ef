"""What the edits mean for the value of a document, text left aside. Splices are checked against it."""

from typing import Any

from auraos.core.problems import Path
from auraos.core.values import Value


def set_value(root: Value, path: Path, value: Value) -> Value:
    """Return the value with another one at a path that exists."""
    if not path:
        return value
    return _changed(root, path[:-1], lambda parent: _with(parent, path[-1], value))


def insert_entry(root: Value, path: Path, key: str, value: Value, index: int) -> Value:
    """Return the value with one more key in the mapping at a path."""

    def insert(mapping: Any) -> Any:
        entries = list((mapping or {}).items())
        return dict([*entries[:index], (key, value), *entries[index:]])

    return _changed(root, path, insert)


def insert_item(root: Value, path: Path, value: Value, index: int) -> Value:
    """Return the value with one more item in the list at a path."""
    return _changed(root, path, lambda items: [*(items or [])[:index], value, *(items or [])[index:]])


def remove(root: Value, path: Path) -> Value:
    """Return the value without what is at a path."""
    return _changed(root, path[:-1], lambda parent: _without(parent, path[-1]))


def rename_key(root: Value, path: Path, name: str) -> Value:
    """Return the value with the last key of a path renamed."""
    old = path[-1]
    return _changed(
        root, path[:-1], lambda parent: {name if key == old else key: item for key, item in parent.items()}
    )


def move(root: Value, path: Path, index: int) -> Value:
    """Return the value with the last part of a path moved to another index of its collection."""
    key = path[-1]

    def reorder(parent: Any) -> Any:
        rest: Any = _without(parent, key)
        if isinstance(parent, list):
            return [*rest[:index], parent[int(key)], *rest[index:]]
        entries = list(rest.items())
        return dict([*entries[:index], (key, parent[key]), *entries[index:]])

    return _changed(root, path[:-1], reorder)


def _changed(root: Value, path: Path, change: Any) -> Value:
    if not path:
        return change(root)
    return _with(root, path[0], _changed(root[path[0]], path[1:], change))


def _with(parent: Any, key: str | int, value: Value) -> Value:
    if isinstance(parent, list):
        return [value if index == key else item for index, item in enumerate(parent)]
    return {name: value if name == key else item for name, item in parent.items()}


def _without(parent: Any, key: str | int) -> Value:
    if isinstance(parent, list):
        return [item for index, item in enumerate(parent) if index != key]
    return {name: item for name, item in parent.items() if name != key}
