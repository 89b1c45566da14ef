"""What a server answered, as the JSON output has it: every field is there, also one that has its usual value."""

from typing import Any

import msgspec


def document(value: Any) -> Any:
    """Return a struct, and all within it, as mappings and lists."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        fields = {encoded: getattr(value, name) for encoded, name in names}
        return {name: document(one) for name, one in fields.items() if one is not msgspec.UNSET}
    if isinstance(value, dict):
        return {name: document(one) for name, one in value.items()}
    return [document(one) for one in value] if isinstance(value, list | tuple) else value
