"""The words of which parameters and bodies are made, for all nouns."""

from typing import Annotated, Any

import msgspec

END = r"\Z"
"""The end of a text in a pattern, as it is matched here: after `$` a line end could follow. See `plain`."""

BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

Slug = Annotated[str, msgspec.Meta(pattern=f"^[a-z][a-z0-9-]*{END}", max_length=100)]
PersonName = Annotated[str, msgspec.Meta(pattern=f"^[a-z0-9][a-z0-9._@-]*{END}", max_length=100)]
Id = Annotated[str, msgspec.Meta(pattern=f"^[0-9a-f-]+{END}", max_length=40)]
Title = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00-\x1f\x7f]*{END}", max_length=200)]
Action = Annotated[str, msgspec.Meta(pattern=rf"^([a-z-]+\.([a-z-]+|\*)|\*){END}", max_length=100)]
HIDDEN = {"writeOnly": True, "format": "password"}
"""What the schema says of it: nobody who reads a body wrongly is told what stood there."""
Secret = Annotated[str, msgspec.Meta(max_length=1000, extra_json_schema=HIDDEN)]
"""Something that is shown to nobody: a password, a code, a token."""
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=2**53, description="In microseconds since 1970.")]


def plain(schema: Any) -> Any:
    """Return a schema with the end of a text in its patterns as all readers of schemas know it."""
    if isinstance(schema, dict):
        return {
            key: value.replace(END, "$") if key == "pattern" and isinstance(value, str) else plain(value)
            for key, value in schema.items()
        }
    return [plain(each) for each in schema] if isinstance(schema, list) else schema
