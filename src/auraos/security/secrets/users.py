"""What names a secret, and what may still use it."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from auraos.security.secrets.rows import Secret


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that names a secret."""

    kind: str
    name: str
    place: str
    is_live: bool


class InFlight(msgspec.Struct, frozen=True, kw_only=True):
    """A version that names a secret, and by which runs still live; it may be live no more."""

    workflow: str
    version: str
    runs: int


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that expires, or is over, and what names it."""

    secret: Secret
    is_over: bool
    named_by: tuple[Named, ...]


FindUsers = Callable[[str, str], Awaitable[Sequence[Named]]]
"""Finds the definitions of a workspace that name a secret."""
FindInFlight = Callable[[str, str], Awaitable[Sequence[InFlight]]]
"""Finds the versions that name a secret and by which runs still live."""
