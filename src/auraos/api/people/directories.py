"""Directories over HTTP: who brings people here by SCIM. What they do then, they do at `/scim/v2`."""

from typing import Annotated

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Id, Slug
from auraos.api.protocol.routes import Routes
from auraos.security.identity.rows import Directory

routes = Routes()


class OneDirectory(msgspec.Struct, frozen=True, kw_only=True):
    """A directory."""

    id: Id


class NewDirectory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A directory to let in."""

    title: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00-\x1f]+{END}", max_length=100)]
    provider: Slug | None = None
    """The provider by which those sign in whom it brings: it knows them there by their `externalId`."""


class DirectoryDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A directory, without its token."""

    id: str
    title: str
    provider: str
    created_at: int
    created_by: str
    used_at: int

    @classmethod
    def of(cls, row: Directory) -> "DirectoryDetail":
        """Return what is shown of a directory."""
        return cls(**{field: getattr(row, field) for field in cls.__struct_fields__})


class ShownDirectory(msgspec.Struct, frozen=True, kw_only=True):
    """A directory that was just let in, with its token, which is shown this once."""

    directory: DirectoryDetail
    token: str


@routes.get("/api/v1/directories", may="people.read", everywhere=True)
async def list_directories(ask: Ask) -> tuple[DirectoryDetail, ...]:
    """List the directories that bring people here."""
    return tuple(DirectoryDetail.of(each) for each in await ask.desk.identity.provisioning.directories())


@routes.post(
    "/api/v1/directories",
    may="installation.directories",
    everywhere=True,
    fresh=True,
    status=201,
    tells=("not-found",),
)
async def add_directory(ask: Ask, body: NewDirectory) -> ShownDirectory:
    """Let a directory in by a token of its own."""
    made = await ask.desk.identity.provisioning.add_directory(ask.actor, body.title, body.provider or "")
    return ShownDirectory(directory=DirectoryDetail.of(made.directory), token=made.token)


@routes.delete(
    "/api/v1/directories/{id}",
    may="installation.directories",
    everywhere=True,
    fresh=True,
    tells=("not-found",),
)
async def remove_directory(ask: Ask, at: OneDirectory) -> None:
    """Let a directory in no more; whom it brought stays."""
    await ask.desk.identity.provisioning.remove_directory(ask.actor, at.id)
