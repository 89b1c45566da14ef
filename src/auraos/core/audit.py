"""What the audit trail tells of one action."""

from typing import Any, Literal, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["done", "refused", "failed", "unknown"]
"""`unknown`: whoever did it ended before they knew what came of it."""


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acted: a person, a service account with its key, or the house itself."""

    kind: Literal["person", "service", "house", "nobody"]
    id: str = ""
    name: str = ""
    key: str = ""
    """Of the API key that was used."""
    maker: str = ""
    """The id of whoever made that key, where it is one of a service account."""
    address: str = ""
    """Of the network, from where."""
    request: str = ""
    """The id of the request over HTTP, as the log has it."""
    behalf: str = ""
    """For whom the house or a program acts, where they know: the id of a person, or the user of the system."""


class Object(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was acted on."""

    kind: str
    name: str = ""
    id: str = ""
    """Of a person: it stands for the name, which the trail does not keep."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action of security, done or refused. It holds no value of a secret."""

    at: int
    """In microseconds since 1970."""
    workspace: str
    """Empty where it concerns the whole installation."""
    actor: Actor
    action: str
    """As in `definitions.publish`."""
    object: Object | None = None
    outcome: Outcome = "done"
    why: str = ""
    """The reason that was given, or why it was refused."""
    before: Any = None
    after: Any = None
