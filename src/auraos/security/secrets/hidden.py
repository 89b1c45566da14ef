"""What holds a value that must not be seen: it can be printed, logged and shown in a traceback, and tells nothing."""

from typing import Any

import msgspec


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """A struct of which only the name is ever shown."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> Any:
        yield "…"
