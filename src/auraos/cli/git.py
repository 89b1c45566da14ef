"""`auraos git`: a workspace and a git repository, kept the same from both sides."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from cyclopts import Parameter

from auraos.cli.asking import ask_at
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import Screen, clean, pad, print_json, to_people
from auraos.cli.target import chosen
from auraos.cli.times import clock

if TYPE_CHECKING:
    from auraos.app.git.links import GitLinks
    from auraos.client import Client

# ruff: noqa: PLC0415 (most commands link nothing, and import nothing of it)

T = TypeVar("T")
WORKSPACE = "default"
"""The one of a data folder."""
_SIGNS = {
    "pushed": "→", "removed": "→", "ahead": "→", "pulled": "←", "archived": "←", "behind": "←", "merged": "↔",
    "conflict": "✗", "refused": "✗",
}  # fmt: skip
_WORDS = {
    "pushed": "goes to the repository",
    "removed": "goes from the repository",
    "ahead": "is newer here",
    "pulled": "comes from the repository",
    "archived": "is archived here",
    "behind": "is newer in the repository",
    "merged": "was changed on both sides, and is joined",
    "conflict": "was changed on both sides, and somebody must decide",
    "refused": "cannot be taken from the repository",
}

DryRun = Annotated[bool, Parameter(negative="", help="Say what would be done, and do nothing.")]


def connect(
    remote: Annotated[str, Parameter(help="The address of the repository: https://…, or a folder.")],
    /,
    *,
    branch: Annotated[str, Parameter(help="The branch of what is live.")] = "main",
    folder: Annotated[str, Parameter(help="The folder of the repository; all of it when left out.")] = "",
    secret: Annotated[str, Parameter(help="The name of the secret that opens the repository.")] = "",
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Link a workspace with a git repository, in place of the one so far. Nothing goes over yet: `auraos git status` says what
    would, `auraos git sync` does it.
    """
    from auraos.app.git.links import Place

    address = str(Path(remote).resolve()) if remote.startswith(".") else remote
    place = Place(remote=address, branch=branch, folder=folder, secret=secret)

    async def here(links: "GitLinks") -> Any:
        from auraos.app.audit.console import console

        return await links.connect(console(), WORKSPACE, place, revision=await links.revision(WORKSPACE))

    async def there(client: "Client") -> Any:
        return await client.git.connect_git(**msgspec.structs.asdict(place), revision=await _revision(client))

    link = _ask(data, database, here, there)
    if json:
        print_json({"ok": True, "link": _plain(link)})
    else:
        where = f", folder {clean(link.folder)}" if link.folder else ""
        to_people().line(f"Linked with {clean(link.remote)}, branch {clean(link.branch)}{where}.")
        to_people().line("`auraos git status` says what differs.")
    return Exit.DONE


def disconnect(*, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """End the link with the repository. Neither side loses anything."""

    async def here(links: "GitLinks") -> None:
        from auraos.app.audit.console import console

        await links.disconnect(console(), WORKSPACE)

    _ask(data, database, here, lambda client: client.git.disconnect_git())
    if json:
        print_json({"ok": True})
    else:
        to_people().line("The link is ended; neither side lost anything.")
    return Exit.DONE


def status(*, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """Say which repository the workspace is linked with, how the last synchronisation went, and what differs now."""

    async def here(links: "GitLinks") -> Any:
        return await links.find(WORKSPACE)

    link = _ask(data, database, here, lambda client: client.git.show_git_link())
    found = _synced(data, database, "both", dry_run=True)
    if json:
        print_json({"ok": True, "link": _plain(link), "items": [_plain(one) for one in found]})
        return Exit.DONE
    screen = to_people()
    where = f", folder {clean(link.folder)}" if link.folder else ""
    screen.line(f"{screen.tint(clean(link.remote), 'bold')}, branch {clean(link.branch)}{where}")
    if link.synced_at:
        told = f"failed: {clean(link.outcome)}" if link.outcome else "went well"
        screen.line(
            f"Synchronised {clock(link.synced_at)} by {clean(link.synced_by) or 'somebody'}; it {told}."
        )
    else:
        screen.line("Never synchronised.")
    _tell(screen, found, "Both sides are the same.")
    return Exit.DONE


def sync(
    *, dry_run: DryRun = False, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False
) -> int:
    """Bring both sides together: what one side changed goes to the other, what both changed is joined.

    What cannot be joined stays as it is on both sides: `auraos git settle` decides it. Exit code 1 says that something is left.
    """
    return _carry(data, database, "both", dry_run=dry_run, json=json)


def pull(
    *, dry_run: DryRun = False, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False
) -> int:
    """Take what the repository changed, and send nothing. Exit code 1 says that something is left to decide."""
    return _carry(data, database, "pull", dry_run=dry_run, json=json)


def push(
    *, dry_run: DryRun = False, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False
) -> int:
    """Send what was changed here, and take nothing. Exit code 1 says that something is left to decide."""
    return _carry(data, database, "push", dry_run=dry_run, json=json)


def settle(
    name: Annotated[str, Parameter(help="The definition, as `git status` names it: workflow/greet.")],
    file: Annotated[Path | None, Parameter(help="A file with the text that both sides are to have.")] = None,
    /,
    *,
    take: Annotated[
        Literal["ours", "theirs", "merged"] | None,
        Parameter(help="Instead of a file: what is here, what the repository has, or both joined."),
    ] = None,
    draft: Annotated[bool, Parameter(negative="", help="It is about the draft, not what is live.")] = False,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Decide what both sides are to have of a definition that both changed. `merged` has ours wherever both changed the same."""
    if (file is None) == (take is None):
        raise WrongInputError(
            "Say what both sides are to have.", hint="Give a file, or --take ours|theirs|merged."
        )
    kind, _, bare = name.rpartition("/")
    kind = kind or "workflow"
    if file is not None:
        from auraos.app.definitions.files import read_source

        text = read_source(str(file))
    else:
        text = _text_of(_synced(data, database, "both", dry_run=True), kind, bare, str(take), draft=draft)
    side: Literal["live", "draft"] = "draft" if draft else "live"
    found = _synced(data, database, "both", decided={(side, kind, bare): text})
    return _told(found, json=json)


def _text_of(found: Sequence[Any], kind: str, name: str, take: str, *, draft: bool) -> str:
    """Return one of the texts of a conflict."""
    for one in found:
        if (one.kind, one.name, one.what) == (kind, name, "conflict") and one.branch.startswith(
            "drafts/"
        ) == draft:
            text = getattr(one, take)
            if text is None:
                raise WrongInputError(
                    f"There is no such text of {kind} {name!r}.", hint="Give a file instead."
                )
            return str(text)
    raise WrongInputError(f"Nothing is to be decided about {kind} {name!r}.", hint="See `auraos git status`.")


def _carry(
    data: Path, database: str, direction: Literal["both", "pull", "push"], *, dry_run: bool, json: bool
) -> int:
    return _told(_synced(data, database, direction, dry_run=dry_run), json=json)


def _told(found: Sequence[Any], *, json: bool) -> int:
    is_left = any(one.what in ("conflict", "refused") for one in found)
    if json:
        print_json({"ok": not is_left, "items": [_plain(one) for one in found]})
    else:
        _tell(to_people(), found, "Nothing was to be done.")
    return Exit.FAILED if is_left else Exit.DONE


def _tell(screen: Screen, found: Sequence[Any], nothing: str) -> None:
    if not found:
        screen.line(nothing)
    wide = max((len(f"{one.kind}/{one.name}") for one in found), default=0)
    for one in found:
        named = pad(clean(f"{one.kind}/{one.name}"), wide)
        is_left = one.what in ("conflict", "refused")
        sign = screen.tint(_SIGNS[one.what], "red" if is_left else "green")
        which = " (draft)" if one.branch.startswith("drafts/") else ""
        screen.line(f"  {sign} {screen.tint(named, 'bold')}  {_WORDS[one.what]}{which}")
        for words in one.words:
            screen.line(f"      {clean(words)}")
        if one.what == "conflict":
            flag = " --draft" if which else ""
            screen.line(
                f"      auraos git settle {one.kind}/{one.name}{flag} --take ours|theirs|merged, or a file"
            )


def _synced(
    data: Path,
    database: str,
    direction: Literal["both", "pull", "push"],
    *,
    dry_run: bool = False,
    decided: dict[tuple[Literal["live", "draft"], str, str], str] | None = None,
) -> Sequence[Any]:
    decided = decided or {}

    async def here(links: "GitLinks") -> Sequence[Any]:
        from auraos.app.audit.console import console
        from auraos.app.git.sync import Wish

        return await links.sync(
            console(), WORKSPACE, Wish(direction=direction, dry_run=dry_run, decided=dict(decided))
        )

    async def there(client: "Client") -> Sequence[Any]:
        from auraos.client.shapes.git import Decision

        told = tuple(
            Decision(side=side, kind=kind, name=name, text=text)
            for (side, kind, name), text in decided.items()
        )
        if dry_run and direction == "both" and not told:
            return (await client.git.list_git_changes()).items
        return (await client.git.sync_git(direction=direction, dry_run=dry_run, decided=told)).items

    return _ask(data, database, here, there)


async def _revision(client: "Client") -> int:
    """Return the revision of the link that is there; 0 where there is none."""
    from auraos.client import ProblemError

    try:
        return (await client.git.show_git_link()).revision
    except ProblemError as problem:
        if problem.code != "no-git-link":
            raise
        return 0


def _ask(
    data: Path,
    database: str,
    here: "Callable[[GitLinks], Awaitable[T]]",
    there: "Callable[[Client], Awaitable[T]]",
) -> T:
    """Return what the chosen server says, or the data folder where none is chosen."""
    target = chosen()
    if target is not None:
        return ask_at(target.at, there)

    async def locally() -> T:
        from auraos.app.by_hand.git import open_links

        async with open_links(data, database) as links:
            return await here(links)

    return asyncio.run(locally())


def _plain(struct: Any) -> Any:
    return msgspec.to_builtins(struct)
