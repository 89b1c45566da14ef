"""Long works for a whole workspace over HTTP: it is exported, or deleted."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from auraos.api.people.access import OneWorkspace
from auraos.api.protocol.answers import ALWAYS, Answer, Reply, Send
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, HIDDEN, Id, Slug
from auraos.api.protocol.routes import Routes
from auraos.storage.tables.chores import Chore, ChoreKind, ChoreState

routes = Routes()

PIECE = 256 * 1024
Why = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*\S[^\x00]*{END}", max_length=1000)]
Passphrase = Annotated[str, msgspec.Meta(min_length=12, max_length=1000, extra_json_schema=HIDDEN)]


class OneChore(msgspec.Struct, frozen=True, kw_only=True):
    """A long work."""

    id: Id


class Exportation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a workspace is exported."""

    passphrase: Annotated[
        Passphrase | None,
        msgspec.Meta(description="Seals the values of secrets in the file; without it they stay out."),
    ] = None


class Deletion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which workspace is deleted, written once more, what becomes of its runs, and why."""

    name: Slug
    runs: Literal["wait", "cancel"]
    why: Why


class ChoreDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A long work, and how far it is."""

    id: str
    workspace: str
    kind: ChoreKind
    state: ChoreState
    what: str
    done: int
    total: int
    author: str
    created_at: int
    changed_at: int
    ended_at: int

    @classmethod
    def of(cls, row: Chore) -> "ChoreDetail":
        """Return what is shown of a chore."""
        same = {name: getattr(row, name) for name in cls.__struct_fields__ if name != "workspace"}
        return cls(workspace=row.about, **same)


class FileReply(Reply):
    """A file, sent piece by piece."""

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._name = name

    async def send(self, send: Send, *, with_body: bool, request: str) -> None:
        """Send the file."""
        size = (await asyncio.to_thread(self._file.stat)).st_size
        headers = {
            **ALWAYS, "content-type": "application/zip", "content-length": str(size), "x-request-id": request,
            "content-disposition": f'attachment; filename="{self._name}"',
        }  # fmt: skip
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": told})
        if with_body:
            with await asyncio.to_thread(self._file.open, "rb") as opened:
                while piece := await asyncio.to_thread(opened.read, PIECE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@routes.post(
    "/api/v1/workspaces/{name}/export",
    may="workspaces.export",
    everywhere=True,
    fresh=True,
    status=202,
    tells=("no-workspace",),
)
async def export_workspace(ask: Ask, at: OneWorkspace, body: Exportation) -> ChoreDetail:
    """Begin to write all of a workspace into one file."""
    return ChoreDetail.of(await ask.desk.chores.export(ask.actor, at.name, body.passphrase or ""))


@routes.post(
    "/api/v1/workspaces/{name}/delete",
    may="workspaces.delete",
    everywhere=True,
    fresh=True,
    status=202,
    tells=("no-workspace", "chore-refused", "changed-meanwhile"),
)
async def delete_workspace(ask: Ask, at: OneWorkspace, body: Deletion) -> ChoreDetail:
    """Begin to delete a workspace with all that is in it. It is there for nobody from now on; the audit trail stays."""
    chore = await ask.desk.chores.delete(
        ask.actor, at.name, named=body.name, cancels=body.runs == "cancel", why=body.why
    )
    return ChoreDetail.of(chore)


@routes.get("/api/v1/chores/{id}", may="workspaces.read", everywhere=True, tells=("not-found",))
async def show_chore(ask: Ask, at: OneChore) -> ChoreDetail:
    """Show how far a long work is."""
    return ChoreDetail.of(await ask.desk.chores.find(at.id))


@routes.get(
    "/api/v1/chores/{id}/file", may="workspaces.read", everywhere=True, fresh=True, tells=("not-found",)
)
async def download_export(ask: Ask, at: OneChore) -> Answer | FileReply:
    """Download what an export wrote, from the machine that wrote it."""
    chore = await ask.desk.chores.find(at.id)
    return FileReply(ask.desk.chores.file_of(chore), f"{chore.about}.zip")
