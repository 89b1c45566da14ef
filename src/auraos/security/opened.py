"""What holds a value that must not be seen: it can be printed, logged and shown in a traceback, and tells nothing."""

from typing import Any

import msgspec


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """A struct of which only the name is ever shown."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> Any:
        yield "…"


class Opened(Hidden, frozen=True, kw_only=True):
    """A credential as it is about to be used: its value, where that goes, and all of it that must not be seen."""

    value: str
    place: str = ""
    """Where it goes in a request, in the words of `secret_in`; `tls` for a certificate, nothing where the step says it."""
    certificate: str = ""
    """The certificate that goes with a key, in PEM."""
    parts: dict[str, str] = {}
    """What a client that is not HTTP needs, by name."""
    hidden: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    """What of it is soon worth nothing: the tokens that were got in exchange."""

    @property
    def home(self) -> str:
        """Return the host that the credential itself is for, as a mail server or a database; nothing for all others."""
        return self.parts.get("host", "")
