"""The git repository of a workspace over HTTP: linked, looked at, and brought together with what is kept here."""

from typing import Annotated

import msgspec

from auraos.api.definitions.definitions import Text
from auraos.api.definitions.using import not_to_be_used
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Slug
from auraos.api.protocol.routes import Routes
from auraos.api.workspaces.secrets import require_use_of
from auraos.app.git.links import Place
from auraos.app.git.rows import Direction, Link, Side, Synced
from auraos.app.git.sync import Admit, Wish

routes = Routes()

TELLS = ("no-git-link",)
WAYS = (*TELLS, "git-refused", "git-failed", "git-moved", "git-busy")


class GitPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository: its address, the branch of what is live, a folder in it, and the secret that opens it."""

    remote: Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=rf"^[^\x00-\x20]+{END}")]
    branch: Annotated[str, msgspec.Meta(min_length=1, max_length=150)] = "main"
    folder: Annotated[str, msgspec.Meta(max_length=300)] = ""
    secret: Annotated[str, msgspec.Meta(pattern=f"^([a-z][a-z0-9]*(-[a-z0-9]+)*)?{END}", max_length=100)] = ""
    revision: Annotated[
        int, msgspec.Meta(ge=0, le=2**53, description="Of the link that this takes the place of; 0 for none.")
    ] = 0


class GitLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace is linked with, and how its last synchronisation went."""

    remote: str
    branch: str
    folder: str
    secret: str
    revision: int
    changed_at: int
    changed_by: str
    synced_at: int
    synced_by: str
    outcome: str
    open: int

    @classmethod
    def of(cls, link: Link) -> "GitLink":
        """Return what is shown of a link."""
        return cls(**{field: getattr(link, field) for field in cls.__struct_fields__})


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text that both sides are to have of a definition, whatever each has now."""

    kind: Slug
    name: Slug
    text: Text
    side: Side = "live"


class GitSyncing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which way changes go, and what was decided where both sides changed the same."""

    direction: Direction = "both"
    dry_run: Annotated[bool, msgspec.Meta(description="Say what would be done, and do nothing.")] = False
    decided: Annotated[tuple[Decision, ...], msgspec.Meta(max_length=100)] = ()


class GitChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What became of whatever was not the same on both sides. `open` counts what somebody must decide about."""

    items: tuple[Synced, ...]
    open: int


@routes.get("/api/v1/git", may="git.see", tells=TELLS)
async def show_git_link(ask: Ask) -> GitLink:
    """Show which repository the workspace is linked with, and how its last synchronisation went."""
    return GitLink.of(await ask.desk.git.find(ask.workspace))


@routes.put(
    "/api/v1/git",
    may="git.connect",
    tells=("git-refused", "git-failed", "git-link-changed"),
)
async def connect_git(ask: Ask, body: GitPlace) -> GitLink:
    """Link the workspace with a repository. Nothing goes over before somebody asks for it."""
    if body.secret:
        await require_use_of(ask, body.secret)
    place = Place(remote=body.remote, branch=body.branch, folder=body.folder, secret=body.secret)
    return GitLink.of(await ask.desk.git.connect(ask.actor, ask.workspace, place, revision=body.revision))


@routes.delete("/api/v1/git", may="git.connect", tells=(*TELLS, "git-link-changed"))
async def disconnect_git(ask: Ask) -> None:
    """End the link with the repository; neither side loses anything."""
    await ask.desk.git.disconnect(ask.actor, ask.workspace)


@routes.get("/api/v1/git/changes", may="git.see", tells=WAYS)
async def list_git_changes(ask: Ask) -> GitChanges:
    """Say what differs between the workspace and its repository, and what a synchronisation would do."""
    return await _synced(ask, Wish(dry_run=True, admit=_admitting(ask)))


@routes.post("/api/v1/git/sync", may="git.sync", tells=WAYS)
async def sync_git(ask: Ask, body: GitSyncing) -> GitChanges:
    """Bring the workspace and its repository together."""
    decided = {(each.side, each.kind, each.name): each.text for each in body.decided}
    wish = Wish(direction=body.direction, dry_run=body.dry_run, decided=decided, admit=_admitting(ask))
    return await _synced(ask, wish)


async def _synced(ask: Ask, wish: Wish) -> GitChanges:
    ask.rest()
    found = await ask.desk.git.sync(ask.actor, ask.workspace, wish)
    return GitChanges(items=found, open=sum(one.what in ("conflict", "refused") for one in found))


def _admitting(ask: Ask) -> Admit:
    """Return what says why whoever asks may not bring in a text: it names secrets that they may not use."""

    async def admit(text: str) -> tuple[str, ...]:
        return tuple(problem.message for problem in await not_to_be_used(ask, text))

    return admit
