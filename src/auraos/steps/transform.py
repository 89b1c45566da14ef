"""`transform`: shape a mapping. Setting fields alone is the commonest step of all, and costs nothing."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from auraos.core.values import type_name
from auraos.sdk import Behaviour, Effect, Example, StepFailed, StepType, Value
from auraos.sdk.step import settings_schema


class TransformSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """What to start from, and what to do with it, in this order."""

    source: Annotated[
        Any,
        msgspec.Meta(description="The mapping to start from, or a list of mappings; empty when left out."),
    ] = None
    pick: Annotated[
        list[str],
        msgspec.Meta(description="Keep only these fields. `customer.name` keeps a field within a field."),
    ] = []
    rename: Annotated[dict[str, str], msgspec.Meta(description="New names: `{old: new}`.")] = {}
    remove: Annotated[
        list[str], msgspec.Meta(description="Leave these fields out. `customer.phone` looks within a field.")
    ] = []
    set: Annotated[
        dict[str, Any], msgspec.Meta(description="Fields to set; they replace those of the same name.")
    ] = {}


def _transform(settings: dict[str, Any]) -> Value:
    fields = settings.get("set", {})
    if type(fields) is not dict:
        raise _refused(f"'set' is {type_name(fields)}, not a mapping")
    if len(settings) == 1 and fields:
        return fields
    try:
        msgspec.convert(settings, TransformSettings, strict=True)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from None
    start = settings.get("from")
    if isinstance(start, list):
        return [_shape(item, settings, fields) for item in start]
    return _shape({} if start is None else start, settings, fields)


def _shape(start: Value, settings: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(start, dict):
        raise _refused(f"'from' has {type_name(start)} where a mapping is needed")
    shaped = start
    if "pick" in settings:
        shaped = _pick(shaped, settings["pick"])
    for old, new in settings.get("rename", {}).items():
        shaped = _rename(shaped, old, new)
    for path in settings.get("remove", ()):
        shaped = _remove(shaped, path.split("."))
    return {**shaped, **fields}


def _pick(source: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for path in paths:
        if path in source:
            picked[path] = source[path]
        else:
            _pick_within(source, picked, path.split("."))
    return picked


def _pick_within(source: dict[str, Any], picked: dict[str, Any], names: list[str]) -> None:
    head, *rest = names
    if head not in source:
        return
    if not rest:
        picked[head] = source[head]
    elif isinstance(source[head], dict):
        inner = picked.get(head)
        picked[head] = dict(inner) if isinstance(inner, dict) else {}
        _pick_within(source[head], picked[head], rest)


def _rename(source: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    if old == new or old not in source:
        return source
    return {new if name == old else name: value for name, value in source.items() if name != new}


def _remove(source: dict[str, Any], names: list[str]) -> dict[str, Any]:
    whole = ".".join(names)
    if whole in source:
        return {name: value for name, value in source.items() if name != whole}
    head, *rest = names
    if not rest or not isinstance(source.get(head), dict):
        return source
    return {**source, head: _remove(source[head], rest)}


def _refused(fault: str) -> StepFailed:
    return StepFailed(
        f"The settings of transform do not fit: {fault}.", error_class="data", code="settings-refused"
    )


def _output(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the output surely has, so that a misspelt one is found before anything runs."""
    if isinstance(settings.get("set"), Mapping) and len(settings) == 1:
        return _schema_of(settings["set"], ("set",))
    return {}


def _schema_of(value: Any, path: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of a mapping that is passed on; `x-type-of` lets the checks put in what is known of each part."""
    if isinstance(value, Mapping):
        return {
            "type": "object",
            "properties": {str(name): _schema_of(part, (*path, str(name))) for name, part in value.items()},
            "required": [str(name) for name in value],
            "additionalProperties": False,
        }
    return {"x-type-of": list(path)}


transform = StepType(
    name="transform",
    title="Transform",
    summary="Sets, picks, renames and removes fields.",
    description=(
        "Starts from `from`, then picks, renames, removes, and sets last. "
        "With `set` alone the output is just those fields. A list in `from` is shaped item by item."
    ),
    behaviour=Behaviour.EVALUATE,
    settings=settings_schema(TransformSettings),
    output=_output,
    effect=Effect.PURE,
    evaluate=_transform,
    examples=(
        Example(
            title="Set fields",
            settings={"set": {"amount": 20, "currency": "EUR"}},
            output={"amount": 20, "currency": "EUR"},
        ),
        Example(
            title="Keep two fields of an order and rename one",
            settings={
                "from": {"id": 7, "total": 20, "notes": "call first"},
                "pick": ["id", "total"],
                "rename": {"id": "order"},
            },
            output={"order": 7, "total": 20},
        ),
        Example(
            title="Remove a field within a field",
            settings={"from": {"customer": {"name": "Ada", "phone": "1"}}, "remove": ["customer.phone"]},
            output={"customer": {"name": "Ada"}},
        ),
        Example(
            title="Shape every item of a list",
            settings={
                "from": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}],
                "pick": ["sku"],
                "set": {"stock": "main"},
            },
            output=[{"sku": "A", "stock": "main"}, {"sku": "B", "stock": "main"}],
        ),
    ),
)
