"""Nobody gives what they do not have: who may give a role to others, and who may act on somebody."""

from collections.abc import Iterable, Mapping

from auraos.security.access.errors import NotAllowedError
from auraos.security.access.principal import EVERYWHERE, Grant, Principal
from auraos.security.access.roles import Role

OWNER = "owner"


def missing_for(
    who: Principal, given: Grant, actions: Iterable[str], roles: Mapping[str, Role]
) -> tuple[str, ...]:
    """Return those of some actions that somebody does not have wherever a grant is: nothing where they may give them."""
    key = Role(name="", title="", actions=who.scopes) if who.scopes is not None else None
    wider = [roles[grant.role] for grant in who.grants if grant.role in roles and is_within(given, grant)]
    return tuple(
        action
        for action in actions
        if not any(role.covers(action) for role in wider) or (key is not None and not key.covers(action))
    )


def is_within(inner: Grant, outer: Grant) -> bool:
    """Return whether one grant is over nothing that the other one is not over."""
    return (
        outer.workspace in (inner.workspace, EVERYWHERE)
        and outer.kind in (inner.kind, "")
        and outer.name in (inner.name, "")
        and outer.labels.items() <= inner.labels.items()
    )


def refuse_above(who: Principal, grants: Iterable[Grant], roles: Mapping[str, Role], what: str) -> None:
    """Raise `NotAllowedError` when somebody would give, or act on, more than they have themselves."""
    for grant in grants:
        role = roles.get(grant.role)
        refuse_missing(who, missing_for(who, grant, role.actions if role is not None else (), roles), what)


def refuse_missing(who: Principal, missing: tuple[str, ...], what: str) -> None:
    """Raise `NotAllowedError` for actions that somebody does not have."""
    if missing:
        raise NotAllowedError(
            f"{what} takes all that it gives, and {who.name} has not got there: {', '.join(missing)}.",
            hint="Somebody who has it can do this.",
        )
