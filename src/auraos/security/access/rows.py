"""What is kept of who may do what: grants, groups, and the roles that a workspace has of its own."""

from typing import Literal, TypeAlias

import msgspec

from auraos.security.access.principal import Grant

HolderKind: TypeAlias = Literal["person", "service", "group"]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A grant with who holds it."""

    id: str
    holder_kind: HolderKind
    holder: str
    """The id of the person, service account or group."""
    role: str
    workspace: str
    kind: str = ""
    labels: dict[str, str] = {}
    name: str = ""
    at: int
    author: str

    def grant(self, through: str = "") -> Grant:
        """Return what it grants, as somebody has it of their own or through a group."""
        return Grant(
            role=self.role, workspace=self.workspace, kind=self.kind, labels=self.labels, name=self.name, through=through
        )  # fmt: skip


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """People who are granted the same."""

    id: str
    name: str
    title: str = ""
    outside: str = ""
    """What it is called where it comes from; empty for one that is kept here."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person of a group."""

    group_id: str
    person: str


class OwnRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role that a workspace has beside those of the house."""

    workspace: str
    name: str
    title: str = ""
    actions: tuple[str, ...]


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A room of its own: what is in one is seen from no other."""

    name: str
    title: str = ""
    created_at: int
    wishes: dict[str, bool | int | str] = {}
    """What it wants otherwise than the house has it."""
