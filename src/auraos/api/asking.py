"""A request on its way through the door."""

from collections.abc import Mapping

import msgspec

from auraos.app.desk import Desk
from auraos.core.audit import Actor
from auraos.security.access import Principal


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What came in, before anybody was recognised."""

    request: str
    method: str
    headers: Mapping[str, str]
    """By name in small letters."""
    address: str
    is_open: bool
    """Whether anybody may ask this."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler is given of a request: who asks, in which workspace, and the desk that carries it out."""

    asked: Asked
    desk: Desk
    workspace: str
    who: Principal | None
    """None where anybody may ask."""
    revision: int = 0
    """The revision that the caller read, where it changes something over one."""

    @property
    def actor(self) -> Actor:
        """Return who acts, as the audit trail and the journals name them."""
        if self.who is None:
            return Actor(kind="nobody", address=self.asked.address)
        return Actor(
            kind=self.who.kind,
            id=self.who.id,
            name=self.who.name,
            key=self.who.key,
            address=self.asked.address,
        )
