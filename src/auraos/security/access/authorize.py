"""`authorize`: may somebody do this to that, and why. It knows no clock and no store: whoever asks brings what is granted now."""

from collections.abc import Mapping

import msgspec

from auraos.security.access.principal import EVERYWHERE, Grant, Principal
from auraos.security.access.roles import ROLES, Role


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """What something is done to: of a kind, under a name, with labels. Without a kind: the workspace as a whole."""

    kind: str = ""
    name: str = ""
    labels: Mapping[str, str] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Yes or no, and the reason in words."""

    is_allowed: bool
    why: str
    grant: Grant | None = None
    knows_workspace: bool = False
    """Whether the principal may know that the workspace is there: if not, nothing in it is."""


_WHOLE = Thing()


def authorize(
    who: Principal,
    action: str,
    workspace: str,
    thing: Thing = _WHOLE,
    *,
    roles: Mapping[str, Role] = ROLES,
) -> Decision:
    """Return whether this principal may do this to that in a workspace now, with the reason."""
    here = [grant for grant in who.grants if grant.workspace in (workspace, EVERYWHERE)]
    if not here:
        return Decision(is_allowed=False, why=f"{who.name} has no role in workspace {workspace!r}.")
    if who.scopes is not None and not Role(name="", title="", actions=who.scopes).covers(action):
        return Decision(
            is_allowed=False,
            why=f"The key that was used is not for {action!r}.",
            knows_workspace=True,
        )
    for grant in here:
        role = roles.get(grant.role)
        if role is not None and role.covers(action) and reaches(grant, thing):
            through = f" through the group {grant.through!r}" if grant.through else ""
            return Decision(
                is_allowed=True,
                why=f"{who.name} is {grant.role} in {_place(grant)}{through}.",
                grant=grant,
                knows_workspace=True,
            )
    held = ", ".join(sorted({f"{grant.role} in {_place(grant)}" for grant in here}))
    return Decision(
        is_allowed=False,
        why=f"{action!r} is not among what {who.name} may do: {held}.",
        knows_workspace=True,
    )


def reaches(grant: Grant, thing: Thing) -> bool:
    """Return whether a grant is over this thing."""
    if grant.kind and grant.kind != thing.kind:
        return False
    if grant.name and grant.name != thing.name:
        return False
    return all(thing.labels.get(label) == value for label, value in grant.labels.items())


def _place(grant: Grant) -> str:
    words = "all workspaces" if grant.workspace == EVERYWHERE else f"workspace {grant.workspace!r}"
    narrower = [
        *([f"kind {grant.kind!r}"] if grant.kind else []),
        *([f"name {grant.name!r}"] if grant.name else []),
        *(f"label {label}={value}" for label, value in sorted(grant.labels.items())),
    ]
    return f"{words}, for {' and '.join(narrower)}" if narrower else words
