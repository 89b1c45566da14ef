"""Who acts, and what was granted to whom."""

from typing import Literal

import msgspec

EVERYWHERE = "*"
"""In place of a workspace: all of them."""


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role in a workspace; where it says more, only over objects of a kind, with labels, or of one name."""

    role: str
    workspace: str
    kind: str = ""
    labels: dict[str, str] = {}
    name: str = ""
    through: str = ""
    """The group by which the principal has it; empty for its own."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was recognised: a person by a session, a person or a service account by a key."""

    kind: Literal["person", "service"]
    id: str
    name: str
    grants: tuple[Grant, ...] = ()
    session: str = ""
    key: str = ""
    maker: str = ""
    """The id of whoever made the key, where it is one of a service account."""
    scopes: tuple[str, ...] | None = None
    """What the key may be used for, written as in roles; None where it was not narrowed."""
    home: str = ""
    """The workspace that the key opens, if it opens one only: what is meant where none is named."""
    per_second: int = 0
    """So many requests a second may be made with the key; 0 for as many as can be."""
    is_fresh: bool = False
    """Whether the person proved only just now who they are."""
