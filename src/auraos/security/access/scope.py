"""Which things somebody may do something to: what a list is narrowed by."""

from collections.abc import Mapping

import msgspec

from auraos.security.access.authorize import Thing, reaches
from auraos.security.access.principal import EVERYWHERE, Grant, Principal
from auraos.security.access.roles import ROLES, Role


class Scope(msgspec.Struct, frozen=True):
    """All things of a workspace, or those that one of the grants is over."""

    is_whole: bool
    parts: tuple[Grant, ...] = ()

    def reaches(self, thing: Thing) -> bool:
        """Return whether this thing is among them."""
        return self.is_whole or any(reaches(grant, thing) for grant in self.parts)


def scope_of(
    who: Principal, action: str, workspace: str, *, roles: Mapping[str, Role] = ROLES
) -> Scope | None:
    """Return which things of a workspace somebody may do this to; None for none at all."""
    if who.scopes is not None and not Role(name="", title="", actions=who.scopes).covers(action):
        return None
    parts = []
    for grant in who.grants:
        role = roles.get(grant.role)
        if grant.workspace not in (workspace, EVERYWHERE) or role is None or not role.covers(action):
            continue
        if not (grant.kind or grant.name or grant.labels):
            return Scope(is_whole=True)
        parts.append(grant)
    return Scope(is_whole=False, parts=tuple(parts)) if parts else None
