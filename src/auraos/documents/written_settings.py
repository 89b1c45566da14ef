"""Makes the schema of settings as they are written from that of settings as they are evaluated."""

from typing import Any, Final

from auraos.core.catalogue import Schema

_SUBSCHEMAS: Final = ("items", "additionalProperties", "unevaluatedProperties", "contains")
_TEMPLATE: Final = {"$ref": "#/$defs/template"}


def permit_templates(schema: Any, prefix: str) -> Any:
    """Return a schema of evaluated settings as one of written settings: at every place a text with `{{ }}` is good as well.

    References to the schema's own definitions get `prefix`, so that those of all step types can stand side by side.
    """
    if not isinstance(schema, dict):
        return schema
    written = {key: _permit_below(key, value, prefix) for key, value in schema.items()}
    if "$ref" in written:
        written["$ref"] = written["$ref"].replace("#/$defs/", f"#/$defs/{prefix}")
    if _takes_any_text(schema):
        return written
    shown = {
        key: written.pop(key) for key in ("title", "description", "default", "examples") if key in written
    }
    return {**shown, "anyOf": [written, _TEMPLATE]}


def _permit_below(key: str, value: Any, prefix: str) -> Any:
    if key == "properties" and isinstance(value, dict):
        return {name: permit_templates(item, prefix) for name, item in value.items()}
    if key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
        return [
            permit_templates(item, prefix) if key == "prefixItems" else merge_alternative(item, prefix)
            for item in value
        ]
    if key in _SUBSCHEMAS:
        return permit_templates(value, prefix)
    return value


def merge_alternative(schema: Any, prefix: str) -> Any:
    """Return one of several alternatives; the template is permitted once, around them all."""
    permitted = permit_templates(schema, prefix)
    if isinstance(permitted, dict) and permitted.get("anyOf", [])[1:] == [_TEMPLATE]:
        return {**{key: item for key, item in permitted.items() if key != "anyOf"}, **permitted["anyOf"][0]}
    return permitted


def _takes_any_text(schema: Schema) -> bool:
    kind = schema.get("type")
    narrowed = {"enum", "const", "pattern", "format", "minLength", "maxLength"} & schema.keys()
    open_type = kind == "string" or (isinstance(kind, list) and "string" in kind)
    says_nothing = not set(schema) - {"title", "description", "default", "examples", "x-deferred"}
    return says_nothing or (open_type and not narrowed)
