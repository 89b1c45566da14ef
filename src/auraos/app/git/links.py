"""`GitLinks`: each workspace may be linked with one git repository, and is brought together with it when somebody asks.

One process at a time synchronises a workspace: it holds the link for that time, and lets it go with what came of it.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from auraos.app.git.agreement import Agreement
from auraos.app.git.program import Git, branch_of, folder_of
from auraos.app.git.reach import Reach
from auraos.app.git.rows import Agreed, Link, Synced
from auraos.app.git.sync import GitSync, Wish
from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError, OperationalError, UserError
from auraos.documents.definitions.service import Definitions
from auraos.security.row_store import Add, Clear, Remove, Replace, RowStore, Write

HELD = 30_000_000
"""For so many microseconds a synchronisation holds its link, and again while it goes on; one that is killed lets go so."""
RENEW = 10.0
LONGEST = 600.0
OPEN = ("conflict", "refused")
_LONGEST_OUTCOME = 500


class NoLinkError(UserError):
    """The workspace is linked with no repository."""

    code = "no-git-link"


class LinkChangedError(UserError):
    """The link was changed since it was read."""

    code = "git-link-changed"


class BusyError(OperationalError):
    """Somebody else synchronises the workspace just now."""

    code = "git-busy"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace is linked with."""

    remote: str
    branch: str = "main"
    folder: str = ""
    secret: str = ""


class GitLinks:
    """The links of all workspaces. Whoever calls it has asked whether the actor may."""

    def __init__(
        self, rows: RowStore, definitions: Definitions, reach: Reach, folder: Path, *, now: Callable[[], int]
    ) -> None:
        self._rows = rows
        self._definitions = definitions
        self._reach = reach
        self._folder = folder
        self._now = now

    async def find(self, workspace: str) -> Link:
        """Return the link of a workspace; raise `NoLinkError` if there is none."""
        found = await self._rows.one(Link, workspace=workspace)
        if found is None:
            raise NoLinkError("This workspace is linked with no repository.", hint="Link it with one first.")
        return found

    async def revision(self, workspace: str) -> int:
        """Return the revision of the link of a workspace; 0 where there is none."""
        found = await self._rows.one(Link, workspace=workspace)
        return found.revision if found is not None else 0

    async def connect(self, actor: Actor, workspace: str, place: Place, *, revision: int = 0) -> Link:
        """Link a workspace with a repository, in place of the one of `revision`; nothing goes over before somebody asks."""
        branch_of(place.branch)
        folder_of(place.folder)
        git = await self._git(workspace, place)
        before = await self._rows.one(Link, workspace=workspace)
        if (before.revision if before is not None else 0) != revision:
            raise _changed()
        await git.look()
        link = Link(
            workspace=workspace, remote=place.remote, branch=place.branch, folder=place.folder, secret=place.secret,
            revision=revision + 1, changed_at=self._now(), changed_by=actor.name,
        )  # fmt: skip
        writes: list[Write] = [Add(link) if before is None else Replace(before, link)]
        if before is not None and _where(before) != _where(link):
            writes.append(Clear(Agreed, {"workspace": workspace}))
        told = None if before is None else _told(before)
        if await self._rows.save(
            writes, [self._entry(actor, workspace, "connect", before=told, after=_told(link))]
        ):
            raise _changed()
        return link

    async def disconnect(self, actor: Actor, workspace: str) -> None:
        """End a link, and forget what both sides agreed on; neither side loses anything."""
        link = await self.find(workspace)
        entry = self._entry(actor, workspace, "disconnect", before=_told(link))
        if await self._rows.save([Remove(link), Clear(Agreed, {"workspace": workspace})], [entry]):
            raise _changed()
        await asyncio.to_thread(shutil.rmtree, self._path(workspace), True)

    async def sync(self, actor: Actor, workspace: str, wish: Wish | None = None) -> tuple[Synced, ...]:
        """Bring a workspace and its repository together, as far as `wish` says; return what became of what differed."""
        wish = wish or Wish()
        link = await self.find(workspace)
        if link.busy_until > self._now():
            raise _busy()
        hold = _Hold(self._rows, link, self._now)
        if not await hold.renew():
            raise _busy()
        renewing = asyncio.ensure_future(hold.keep())
        found: tuple[Synced, ...] = ()
        outcome = "It was broken off."
        try:
            async with asyncio.timeout(LONGEST):
                found = await self._sync(actor, link, wish)
            outcome = ""
        except TimeoutError as error:
            outcome = f"It took more than {LONGEST:g} seconds."
            raise OperationalError(outcome, hint="Try again.") from error
        except AuraError as error:
            outcome = error.message
            raise
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await asyncio.shield(self._let_go(actor, hold.link, wish, outcome, found))
        return found

    # --- how ---

    async def _sync(self, actor: Actor, link: Link, wish: Wish) -> tuple[Synced, ...]:
        place = Place(remote=link.remote, branch=link.branch, folder=link.folder, secret=link.secret)
        git = await self._git(link.workspace, place)
        agreement = Agreement(self._rows, link.workspace)
        syncing = GitSync(
            self._definitions, git, agreement, link.workspace, branch=link.branch, folder=link.folder
        )
        return await syncing.sync(actor, wish)

    async def _let_go(
        self, actor: Actor, held: Link, wish: Wish, outcome: str, found: Sequence[Synced]
    ) -> None:
        """Let others synchronise, and keep what came of this one."""
        after, entries = msgspec.structs.replace(held, busy_until=0), []
        if not wish.dry_run:
            open_still = sum(one.what in OPEN for one in found)
            after = msgspec.structs.replace(
                after, synced_at=self._now(), synced_by=actor.name, outcome=outcome[:_LONGEST_OUTCOME], open=open_still
            )  # fmt: skip
            told = {"direction": wish.direction, "became": _counted(found), "outcome": outcome}
            entries = [self._entry(actor, held.workspace, "sync", after=told)]
        await self._rows.save([Replace(held, after)], entries)

    async def _git(self, workspace: str, place: Place) -> Git:
        reached = await self._reach.of(workspace, place.remote, place.secret)
        return Git(
            self._path(workspace), reached.remote, protocols=(reached.protocol,), settings=reached.settings,
            variables=reached.variables, redact=self._reach.redact,
        )  # fmt: skip

    def _path(self, workspace: str) -> Path:
        return self._folder / hashlib.sha256(workspace.encode()).hexdigest()[:32]

    def _entry(self, actor: Actor, workspace: str, action: str, **told: object) -> Entry:
        return Entry(
            at=self._now(), workspace=workspace, actor=actor, action=f"git.{action}", object=Object(kind="repository"),
            **told,  # type: ignore[arg-type]
        )  # fmt: skip


class _Hold:
    """Holds a link for as long as a synchronisation goes on."""

    def __init__(self, rows: RowStore, link: Link, now: Callable[[], int]) -> None:
        self.link = link
        self._rows = rows
        self._now = now

    async def renew(self) -> bool:
        """Hold it from now on; return whether nobody else does."""
        held = msgspec.structs.replace(
            self.link, busy_until=max(self._now() + HELD, self.link.busy_until + 1)
        )
        if await self._rows.save([Replace(self.link, held)]):
            return False
        self.link = held
        return True

    async def keep(self) -> None:
        """Hold it on and on, until this is cancelled or the link was changed."""
        renewed = True
        while renewed:
            await asyncio.sleep(RENEW)
            renewed = await asyncio.shield(self.renew())


def _where(link: Link) -> tuple[str, str, str]:
    return link.remote, link.branch, link.folder


def _told(link: Link) -> dict[str, str]:
    return {"remote": link.remote, "branch": link.branch, "folder": link.folder, "secret": link.secret}


def _counted(found: Sequence[Synced]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.what] = counts.get(one.what, 0) + 1
    return counts


def _busy() -> BusyError:
    return BusyError("Somebody else synchronises this workspace just now.", hint="Try again in a moment.")


def _changed() -> LinkChangedError:
    return LinkChangedError("The link was changed since you read it.", hint="Read it again, and decide anew.")
