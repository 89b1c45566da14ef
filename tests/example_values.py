"""The smallest value that a type takes: what a test sends where it must send something."""

import re
from typing import Any

import msgspec

TEXTS = (
    "x", "workflow", "0", "00000000-0000-7000-8000-000000000000", "runs.read", "a/b", "a=b", "2026-01-01", "",
    "kind: workflow\nname: x\n", "https://example.com", "1.0", "runs/1", "0" * 64, "workflow-v1.json", "live",
)  # fmt: skip


def example_of(kind: Any) -> Any:
    """Return the smallest value of a type, as JSON has it; raise `LookupError` where none is known."""
    return _example(msgspec.inspect.type_info(kind))


def text_like(pattern: str | None, shortest: int = 0, longest: int = 10_000) -> str:
    """Return a text that a pattern takes."""
    for text in TEXTS:
        padded = text if len(text) >= shortest else text + "x" * (shortest - len(text))
        if len(padded) <= longest and (pattern is None or re.search(pattern, padded)):
            return padded
    raise LookupError(f"no text is known that {pattern} takes")


def _example(info: Any) -> Any:
    match info:
        case msgspec.inspect.Metadata():
            return _example(info.type)
        case msgspec.inspect.StrType():
            return text_like(info.pattern, info.min_length or 0, info.max_length or 10_000)
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return info.ge if info.ge is not None else (info.gt or 0) + 1
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.NoneType() | msgspec.inspect.AnyType():
            return None
        case msgspec.inspect.LiteralType():
            return info.values[0]
        case msgspec.inspect.UnionType():
            return _example(info.types[0])
        case msgspec.inspect.DictType():
            return {}
        case msgspec.inspect.TupleType():
            return [_example(each) for each in info.item_types]
        case msgspec.inspect.StructType():
            given = {field.encode_name: _example(field.type) for field in info.fields if field.required}
            return {info.tag_field: info.tag, **given} if info.tag_field else given
    if hasattr(info, "item_type"):
        return [_example(info.item_type) for _ in range(info.min_length or 0)]
    raise LookupError(f"no value is known of {info}")
