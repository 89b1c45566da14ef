"""What is known of a value before it is there: its possible types, the fields of a mapping, the items of a list, its choices.

Made from JSON Schema, which step types and inputs describe themselves with, and followed through expressions by `infer`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from auraos.core.values import Value, type_name

_MAX_DEPTH = 20
_MAX_UNION = 8
_KINDS = {
    "string": ("text",), "integer": ("int",), "number": ("int", "float", "decimal"), "boolean": ("bool",), "null": ("null",),
    "array": ("list",), "object": ("mapping",),
}  # fmt: skip


class Type(msgspec.Struct, frozen=True, kw_only=True):
    """The values that may stand somewhere.

    `kinds` are the names of types as `type_of()` says them; None means any. `item` is the type of a list's items.
    `fields` are a mapping's known fields; it is `closed` when it has no others, `described` when others are not foreseen.
    `choices` are all the values there can be, where these are few and plain.
    """

    kinds: frozenset[str] | None = None
    item: "Type | None" = None
    fields: Mapping[str, "Type"] | None = None
    extra: "Type | None" = None
    closed: bool = False
    described: bool = False
    choices: tuple[Any, ...] | None = None

    @property
    def is_any(self) -> bool:
        """Whether nothing is known."""
        return self.kinds is None

    @property
    def words(self) -> str:
        """The possible types, in words."""
        return "anything" if self.kinds is None else " or ".join(sorted(self.kinds)) or "nothing"

    @property
    def items(self) -> "Type":
        """The type of the items, where it is a list."""
        return self.item or ANY

    def without_null(self) -> "Type":
        """Return the type of the value where it is not null."""
        if self.kinds is None or "null" not in self.kinds:
            return self
        return msgspec.structs.replace(self, kinds=self.kinds - {"null"})

    def or_null(self) -> "Type":
        """Return the type of a value that may also be missing."""
        if self.kinds is None or "null" in self.kinds:
            return self
        choices = None if self.choices is None else (*self.choices, None)
        return msgspec.structs.replace(self, kinds=self.kinds | {"null"}, choices=choices)


ANY = Type()


def of(*kinds: str) -> Type:
    """Return the type of values of these kinds."""
    return Type(kinds=frozenset(kinds))


NULL, BOOL, INT, TEXT = of("null"), of("bool"), of("int"), of("text")
NUMBER = of("int", "float", "decimal")


def list_of(item: Type) -> Type:
    """Return the type of lists of such items."""
    return Type(kinds=frozenset({"list"}), item=item)


def mapping_of(fields: Mapping[str, Type], *, closed: bool = True) -> Type:
    """Return the type of mappings with these fields; a closed one has no others."""
    return Type(kinds=frozenset({"mapping"}), fields=fields, closed=closed)


def type_of_value(value: Value) -> Type:
    """Return the type of a value that is known, as of a variable's default."""
    match value:
        case dict():
            return mapping_of({key: type_of_value(item) for key, item in value.items()})
        case list():
            return list_of(union(*map(type_of_value, value)) if value else ANY)
        case None | bool() | int() | float() | str():
            return Type(kinds=frozenset({type_name(value)}), choices=(value,))
    return of(type_name(value))


def forget_choices(kind: Type) -> Type:
    """Return the type without the values that were known: for what may be changed later, such as a variable."""
    if kind.kinds is None:
        return kind
    return msgspec.structs.replace(
        kind,
        choices=None,
        item=forget_choices(kind.item) if kind.item else None,
        fields={name: forget_choices(field) for name, field in kind.fields.items()}
        if kind.fields is not None
        else None,
    )


def union(*types: Type, depth: int = 0) -> Type:
    """Return the type of values that are of one of these types; far inside, any."""
    known = [kind for kind in types if kind.kinds is None or kind.kinds]
    if not known or any(kind.kinds is None for kind in known):
        return ANY
    if all(kind is known[0] for kind in known):
        return known[0]
    if depth > _MAX_UNION:
        return ANY
    lists = [kind for kind in known if "list" in (kind.kinds or ())]
    mappings = [kind for kind in known if "mapping" in (kind.kinds or ())]
    choices: tuple[Any, ...] | None = None
    if all(kind.choices is not None for kind in known):
        choices = tuple(choice for kind in known for choice in kind.choices or ())[:100]
    joined = _join_mappings(mappings, depth + 1)
    return Type(
        kinds=frozenset().union(*(kind.kinds or frozenset() for kind in known)),
        item=union(*(kind.items for kind in lists), depth=depth + 1) if lists else None,
        fields=joined.fields,
        extra=joined.extra,
        closed=joined.closed,
        described=joined.described,
        choices=choices,
    )


def _join_mappings(mappings: list[Type], depth: int) -> Type:
    if len(mappings) == 1:
        return mappings[0]
    if not mappings or any(kind.fields is None for kind in mappings):
        return Type()
    names = dict.fromkeys(name for kind in mappings for name in kind.fields or {})
    fields = {
        name: union(*((kind.fields or {}).get(name, NULL) for kind in mappings), depth=depth)
        for name in names
    }
    return Type(
        fields=fields,
        closed=all(kind.closed for kind in mappings),
        described=all(kind.closed or kind.described for kind in mappings),
    )


def type_from_schema(
    schema: Mapping[str, Any] | bool | None, *, root: Mapping[str, Any] | None = None, depth: int = 0
) -> Type:
    """Return the type of the values that a JSON Schema allows; what it cannot say becomes any."""
    if not isinstance(schema, Mapping) or not schema or depth > _MAX_DEPTH:
        return ANY
    root = schema if root is None else root
    if "$ref" in schema:
        return _follow(schema["$ref"], root, depth)
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return union(*(type_from_schema(part, root=root, depth=depth + 1) for part in schema[word]))
    if "const" in schema:
        return type_of_value(schema["const"])
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return union(*map(type_of_value, schema["enum"]))
    if isinstance(schema.get("allOf"), list):
        merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            merged = _merge(merged, part) if isinstance(part, Mapping) else merged
        return type_from_schema(merged, root=root, depth=depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Type:
    named = schema.get("type") or (
        "object" if "properties" in schema else "array" if "items" in schema else None
    )
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    kinds = frozenset(kind for name in names for kind in _KINDS.get(name, ()))
    if not kinds:
        return ANY
    properties = schema.get("properties")
    more = schema.get("additionalProperties")
    fields: dict[str, Type] | None = None
    if isinstance(properties, Mapping) and "mapping" in kinds:
        required = schema.get("required") or ()
        fields = {
            name: (found if name in required else found.or_null())
            for name, part in properties.items()
            for found in [type_from_schema(part, root=root, depth=depth + 1)]
        }
    elif more is False and "mapping" in kinds:
        fields = {}
    return Type(
        kinds=kinds,
        item=type_from_schema(schema.get("items"), root=root, depth=depth + 1) if "list" in kinds else None,
        fields=fields,
        extra=type_from_schema(more, root=root, depth=depth + 1) if isinstance(more, Mapping) else None,
        closed=more is False,
        described=bool(fields) and more is None and "patternProperties" not in schema,
    )


def _follow(reference: Any, root: Mapping[str, Any], depth: int) -> Type:
    target: Any = root
    if not isinstance(reference, str) or not reference.startswith("#"):
        return ANY
    for part in reference[1:].strip("/").split("/") if reference != "#" else []:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, Mapping) or name not in target:
            return ANY
        target = target[name]
    # A schema may hold itself many times over, so a step into a reference counts for several levels.
    return type_from_schema(target, root=root, depth=depth + 4) if target else ANY


def _merge(one: dict[str, Any], two: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**one, **two}
    if "properties" in one and "properties" in two:
        merged["properties"] = {**one["properties"], **two["properties"]}
    if "required" in one and "required" in two:
        merged["required"] = [*one["required"], *two["required"]]
    return merged


def always(kind: Type) -> bool | None:
    """Return whether a condition of this type is always true or always false; None when it may be either."""
    if kind.kinds == frozenset({"null"}):
        return False
    if kind.choices is not None and kind.choices:
        truths = {bool(choice) for choice in kind.choices}
        return truths.pop() if len(truths) == 1 else None
    return None
