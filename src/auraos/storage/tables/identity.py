"""The tables of people, of what they come in by, and of what they may do."""

from typing import Any, Final

import msgspec

from auraos.security.access.rows import Group, Held, Member, OwnRole, Workspace
from auraos.security.identity.rows import (
    Directory,
    Failures,
    FirstOwner,
    Invitation,
    Key,
    Passkey,
    Person,
    Provider,
    Provisioned,
    Service,
    Session,
    Vouched,
)
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import Tables

_SHAPES: Final[dict[type[msgspec.Struct], Shape[Any]]] = {
    shape.kind: shape
    for shape in (
        Shape(Person, "people", ("id",)),
        Shape(Session, "sessions", ("digest",)),
        Shape(Key, "keys", ("id",)),
        Shape(Passkey, "passkeys", ("id",)),
        Shape(Provider, "providers", ("name",)),
        Shape(Vouched, "identities", ("issuer", "subject")),
        Shape(Service, "services", ("id",)),
        Shape(Invitation, "invitations", ("digest",)),
        Shape(FirstOwner, "first_owner", ("one",)),
        Shape(Failures, "failures_to_sign_in", ("who",)),
        Shape(Workspace, "workspaces", ("name",)),
        Shape(Held, "grants", ("id",)),
        Shape(Group, "groups_of_people", ("id",)),
        Shape(Member, "members", ("group_id", "person")),
        Shape(OwnRole, "roles", ("workspace", "name")),
        Shape(Directory, "directories", ("id",)),
        Shape(Provisioned, "provisioned", ("person",)),
    )
}


def identity_tables(tables: Tables) -> RowTables:
    """Return what keeps people and what they may do in the tables of a store."""
    return RowTables(tables, _SHAPES)
