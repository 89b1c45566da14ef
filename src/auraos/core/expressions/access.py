"""Reaching into values: fields by a dot, items and slices by brackets. Nothing but our own data can be reached."""

from typing import Any, TypeAlias

from auraos.core.expressions.comparisons import describe
from auraos.core.expressions.errors import Site, suggest
from auraos.core.expressions.meter import SMALL, grow
from auraos.core.values import FileReference, Value, type_name

Scope: TypeAlias = dict[str, Any]
_FILE_FIELDS = ("hash", "media_type", "name", "size")


def read_field(value: Value, name: str, site: Site, owner: str) -> Value:
    """Return a field of a mapping; null where it is missing, and where the owner itself is null."""
    if isinstance(value, dict):
        return value.get(name)
    if value is None:
        return None
    if type(value) is FileReference and name in _FILE_FIELDS:
        return {"hash": value.hash, "media_type": value.media_type, "name": value.name, "size": value.size}[
            name
        ]
    hint = ""
    if isinstance(value, list):
        hint = f"Write {owner}[0].{name} for the first, or [x.{name} for x in {owner}] for all."
    elif isinstance(value, str) and value[:1] in "{[":
        hint = f"It looks like JSON: read it with from_json({owner})."
    else:
        hint = f"If you mean the method, write {owner}.{name}()."
    raise site.error("no-fields", f"{owner} is {type_name(value)}, which has no field {name!r}.", hint)


def read_item(value: Value, key: Value, site: Site, names: tuple[str, str]) -> Value:
    """Return the item of a list or text at a place, or a mapping's field by its name; null where there is none."""
    if isinstance(value, dict):
        if type(key) is str:
            return value.get(key)
        raise site.error(
            "wrong-type", f"{names[0]} is a mapping: its keys are texts, and {describe(key, names[1])}."
        )
    if value is None:
        return None
    if isinstance(value, list | str):
        if type(key) is int:
            return value[key] if -len(value) <= key < len(value) else None
        raise site.error(
            "wrong-type",
            f"{names[0]} is {type_name(value)}: its places are counted from 0, and {describe(key, names[1])}.",
        )
    if type(value) is FileReference and type(key) is str:
        return read_field(value, key, site, names[0])
    raise site.error("no-fields", f"{describe(value, names[0])}: nothing can be picked out of it by […].")


def read_slice(
    value: Value, bounds: tuple[Value, Value, Value], scope: Scope, site: Site, name: str
) -> Value:
    """Return a part of a list or text; null of null."""
    if value is None:
        return None
    if not isinstance(value, list | str):
        raise site.error("wrong-type", f"{describe(value, name)}: only lists and texts have parts.")
    for bound in bounds:
        if bound is not None and type(bound) is not int:
            raise site.error("wrong-type", f"A part is given by whole numbers, not {type_name(bound)}.")
    if bounds[2] == 0:
        raise site.error("wrong-type", "A part cannot be taken in steps of 0.")
    part = slice(*bounds)
    count = len(range(*part.indices(len(value))))
    if count > SMALL:
        grow(scope, count if isinstance(value, str) else 8 * count, site)
    return value[part]


def missing_name(scope: Scope, name: str, site: Site, functions: frozenset[str]) -> Exception:
    """Return the error for a name that is not there, with the nearest that is."""
    known = [key for key in scope if key.isidentifier()]
    if name in functions:
        hint = f"{name} is a function: write {name}(…)."
    else:
        hint = suggest(name, known) or (f"Known here: {', '.join(sorted(known)[:12])}." if known else "")
    return site.error("unknown-name", f"There is no name {name!r} here.", hint)
