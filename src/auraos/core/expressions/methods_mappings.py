"""Methods of mappings: looking in, choosing fields, putting together. A mapping is never changed, a new one is returned."""

from typing import Any

from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import Meter, meter_of
from auraos.core.expressions.registry import Library, Scope
from auraos.core.values import type_name

MAPPING_METHODS = Library("mappings")


@MAPPING_METHODS.method(dict)
def keys(mapping: dict[str, Any]) -> list[str]:
    """Return the names of the fields.

    >>> {"a": 1, "b": 2}.keys()
    ["a", "b"]
    """
    return list(mapping)


@MAPPING_METHODS.method(dict)
def values(mapping: dict[str, Any]) -> list[Any]:
    """Return the values of the fields.

    >>> {"a": 1, "b": 2}.values()
    [1, 2]
    """
    return list(mapping.values())


@MAPPING_METHODS.method(dict)
def items(mapping: dict[str, Any]) -> list[list[Any]]:
    """Return [name, value] for each field.

    >>> [f"{name}={value}" for name, value in {"a": 1}.items()]
    ["a=1"]
    """
    return [[key, value] for key, value in mapping.items()]


@MAPPING_METHODS.method(dict)
def get(mapping: dict[str, Any], key: str, default: Any = None) -> Any:
    """Return a field, or what stands in for one that is missing.

    >>> {"a": 1}.get("b", 0)
    0
    """
    return mapping.get(key, default)


@MAPPING_METHODS.method(dict)
def has(mapping: dict[str, Any], key: str) -> bool:
    """Return whether there is a field of this name, be it null.

    >>> {"a": null}.has("a")
    true
    """
    return key in mapping


@MAPPING_METHODS.method(dict)
def only(mapping: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return these fields alone, in this order; missing ones are left out.

    >>> {"a": 1, "b": 2}.only("b", "c")
    {"b": 2}
    """
    return {key: mapping[key] for key in keys if key in mapping}


@MAPPING_METHODS.method(dict)
def without(mapping: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the mapping without these fields; without names, without those that are null.

    >>> {"a": 1, "b": null}.without()
    {"a": 1}
    """
    if not keys:
        return {key: value for key, value in mapping.items() if value is not None}
    return {key: value for key, value in mapping.items() if key not in keys}


@MAPPING_METHODS.method(dict)
def set_(mapping: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return the mapping with one field set.

    >>> {"a": 1}.set("b", 2)
    {"a": 1, "b": 2}
    """
    return {**mapping, key: value}


@MAPPING_METHODS.method(dict)
def merge(scope: Scope, mapping: dict[str, Any], other: dict[str, Any], deep: bool = False) -> dict[str, Any]:
    """Return both mappings in one, the other's fields winning; `deep` merges mappings within them too.

    >>> {"a": {"x": 1}}.merge({"a": {"y": 2}}, deep=true)
    {"a": {"x": 1, "y": 2}}
    """
    return _merge_deep(mapping, other, meter_of(scope)) if deep else {**mapping, **other}


def _merge_deep(one: dict[str, Any], two: dict[str, Any], meter: Meter) -> dict[str, Any]:
    meter.grow(16 * (len(one) + len(two)))
    merged = dict(one)
    for key, value in two.items():
        mine = merged.get(key)
        merged[key] = _merge_deep(mine, value, meter) if type(mine) is dict and type(value) is dict else value
    return merged


@MAPPING_METHODS.method(dict)
def rename(mapping: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping with fields renamed, from old names to new.

    >>> {"a": 1, "b": 2}.rename({"a": "x"})
    {"x": 1, "b": 2}
    """
    for name in names.values():
        if type(name) is not str:
            raise CallError("wrong-type", f"A field's new name is a text, not {type_name(name)}.")
    return {names.get(key, key): value for key, value in mapping.items()}
