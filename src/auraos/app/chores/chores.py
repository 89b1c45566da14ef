"""`Chores`: begins long works for a workspace, and tells how far they are.

A deletion goes on after the process was killed in the midst of it: each of its steps can be done again. An export begins anew
when somebody asks for it.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from auraos.app.chores.deleting import Deleting
from auraos.app.chores.exporting import Exporting
from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError, UserError
from auraos.engine.beginnings import DEFAULT_WORKSPACE
from auraos.security.access.errors import NotFoundError, NoWorkspaceError
from auraos.security.access.rows import Workspace
from auraos.security.access.service import CLOSING, Access
from auraos.security.access.walls import within
from auraos.security.row_store import Add
from auraos.storage.tables.chores import Chore, ChoreKind, ChoreTables

log = logging.getLogger("auraos.serve")
KEPT: Final = 24 * 3600 * 1_000_000
"""For so long the file of an export is kept."""
SILENT: Final = 120 * 1_000_000
"""A chore of which nothing was heard for so long is at work in no process any more."""
LOOK: Final = 30.0
_HOUSE = Actor(kind="house", id="house", name="the house")


class ChoreRefusedError(UserError):
    """This cannot be done with the workspace, or not as it is wished."""

    code = "chore-refused"


class Chores:
    """The long works of a process."""

    def __init__(
        self, tables: ChoreTables, access: Access, exporting: Exporting, deleting: Deleting, folder: Path, *,
        now: Callable[[], int], new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self._tables = tables
        self._access = access
        self._exporting = exporting
        self._deleting = deleting
        self._folder = folder
        self._now = now
        self._new_id = new_id
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def find(self, number: str) -> Chore:
        """Return a chore."""
        found = await self._tables.one(Chore, id=number)
        if found is None:
            raise NotFoundError.of("chore", number)
        return found

    async def export(self, actor: Actor, workspace: str, passphrase: str) -> Chore:
        """Begin to write all of a workspace into one file."""
        await self._existing(workspace)
        await asyncio.to_thread(self._forget_files)
        entry = self._entry(actor, "workspaces.export", workspace, after={"secrets": bool(passphrase)})
        chore = await self._begun(actor, workspace, "export", entry)
        self._work(chore, self._export(chore, passphrase))
        return chore

    async def delete(self, actor: Actor, workspace: str, *, named: str, cancels: bool, why: str) -> Chore:
        """Begin to delete a workspace. From now on it is there for nobody."""
        found = await self._existing(workspace)
        if named != workspace:
            raise ChoreRefusedError(
                f"The name is not {workspace!r}.",
                hint="Write the name of the workspace that is to be deleted.",
            )
        if workspace == DEFAULT_WORKSPACE:
            raise ChoreRefusedError(f"The workspace {workspace!r} is needed.", hint="Delete what is in it.")
        if await self._tables.held(workspace):
            raise ChoreRefusedError(
                f"The law wants something of the workspace {workspace!r} to be kept.",
                hint="End the hold first.",
            )
        await self._access.change_workspace(actor, workspace, None, {CLOSING: True})
        entry = self._entry(actor, "workspaces.delete", workspace, why=why, before=msgspec.to_builtins(found))
        chore = await self._begun(actor, workspace, "delete", entry, cancels=int(cancels))
        self._work(chore, self._delete(chore))
        return chore

    def file_of(self, chore: Chore) -> Path:
        """Return the file of an export that is done; raise `NotFoundError` where it is not there, or not on this machine."""
        file = self._folder / f"{chore.id}.zip"
        if chore.kind != "export" or chore.state != "done" or not file.is_file():
            raise NotFoundError.of("file of the chore", chore.id)
        return file

    def start(self, *, alone: bool) -> None:
        """Go on, now and then, with what others left behind. Alone on the store, whoever was at something is gone."""
        self._looking = asyncio.create_task(self._look(0 if alone else SILENT))

    async def resume(self, silent: int = 0) -> None:
        """Go on with deletions that were broken off: nothing was heard of them for so many microseconds."""
        until = self._now() - silent
        for chore in await self._tables.all(Chore, state="working"):
            if chore.id in self._at_work or chore.changed_at > until:
                continue
            if chore.kind == "delete":
                self._work(chore, self._delete(chore))
            else:
                await self._note(
                    chore, state="failed", what="The process ended in the midst of it. Begin anew."
                )

    async def settled(self, number: str) -> Chore:
        """Return a chore when this process is not at work on it any more."""
        task = self._at_work.get(number)
        if task is not None:
            await asyncio.wait({task})
        return await self.find(number)

    async def close(self) -> None:
        """Leave what is under way to whoever comes next."""
        if self._looking is not None:
            self._looking.cancel()
        for task in list(self._at_work.values()):
            task.cancel()
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    # --- how ---

    async def _look(self, silent: int) -> None:
        while True:
            try:
                await self.resume(silent)
            except AuraError as error:
                log.warning("chores.not_resumed", extra={"why": str(error)})
            silent = SILENT
            await asyncio.sleep(LOOK)

    async def _existing(self, workspace: str) -> Workspace:
        found = await self._access.find_workspace(workspace)
        if found is None or found.wishes.get(CLOSING):
            raise NoWorkspaceError.of(workspace)
        return found

    async def _begun(
        self, actor: Actor, workspace: str, kind: ChoreKind, entry: Entry, cancels: int = 0
    ) -> Chore:
        now = self._now()
        chore = Chore(
            id=self._new_id(), about=workspace, kind=kind, cancels=cancels, author=actor.name, created_at=now, changed_at=now
        )  # fmt: skip
        await self._tables.save([Add(chore)], [entry])
        return chore

    def _work(self, chore: Chore, work: Any) -> None:
        async def whole() -> None:
            try:
                await work
            except (AuraError, OSError) as error:
                log.warning("chores.failed", extra={"chore": chore.id, "why": str(error)})
                await self._note(await self.find(chore.id), state="failed", what=str(error))

        task = self._at_work[chore.id] = asyncio.create_task(whole())
        task.add_done_callback(lambda _: self._at_work.pop(chore.id, None))

    async def _export(self, chore: Chore, passphrase: str) -> None:
        file = self._folder / f"{chore.id}.zip"
        last = chore
        with within(chore.about):
            async for step in self._exporting.write(chore.about, file, passphrase):
                last = await self._note(last, what=step.what, done=step.done, total=step.total)
        await self._note(last, state="done", what="", ended_at=self._now())

    async def _delete(self, chore: Chore) -> None:
        last = chore
        async for step in self._deleting.delete(chore.about, cancels=bool(chore.cancels)):
            last = await self._note(last, what=step.what, done=step.done, total=step.total)
        await self._access.forget_workspace(
            self._entry(_HOUSE, "workspaces.deleted", chore.about), chore.about
        )
        await self._note(last, state="done", what="", ended_at=self._now())

    async def _note(self, chore: Chore, **changed: Any) -> Chore:
        after = msgspec.structs.replace(chore, changed_at=self._now(), **changed)
        await self._tables.note(after)
        return after

    def _forget_files(self) -> None:
        """Delete the files of exports that are old."""
        if not self._folder.is_dir():
            return
        for file in self._folder.glob("*.zip"):
            if file.stat().st_mtime * 1_000_000 < self._now() - KEPT:
                file.unlink(missing_ok=True)

    def _entry(self, actor: Actor, action: str, workspace: str, **more: Any) -> Entry:
        about = Object(kind="workspace", name=workspace)
        return Entry(at=self._now(), workspace="", actor=actor, action=action, object=about, **more)
