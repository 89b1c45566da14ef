"""`auraos definitions`: what a server keeps: drafts, published versions, and who uses them."""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.documents import document
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.folders import OfLabels
from auraos.cli.options import Json, read_number
from auraos.cli.screen import clean, print_json, to_people
from auraos.cli.times import clock

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.definition_history import UsedBy, VersionPage
    from auraos.client.shapes.definitions import Listed
    from auraos.client.shapes.shared import DefinitionDetail, Published

Definition: TypeAlias = Annotated[
    str, Parameter(help="Its name; another kind than a workflow stands before it: KIND/NAME.")
]
State: TypeAlias = Literal["draft", "changed", "live", "archived"]
SHOWN, MOST = 50, 10_000


def list_definitions(
    *,
    kind: Annotated[str, Parameter(help="Only definitions of this kind.")] = "",
    search: Annotated[str, Parameter(help="Only those with these words, or words that begin so.")] = "",
    label: OfLabels = (),
    state: Annotated[
        tuple[State, ...], Parameter(help="Only those in this state; may be given again.", negative="")
    ] = (),
    limit: Annotated[int, Parameter(help="How many at most, from 1 to 10,000.")] = SHOWN,
    json: Json = False,
) -> int:
    """List the definitions of the workspace by kind and name."""
    most = read_number(limit, "--limit", 1, MOST)

    async def go(client: "Client") -> "tuple[list[Listed], bool]":
        found: list[Listed] = []
        pages = client.definitions.all_definitions(
            kind=kind or None, q=search, label=label, state=state, limit=min(most + 1, 1000)
        )
        async for one in pages:
            found.append(one)
            if len(found) > most:
                return found[:most], True
        return found, False

    found, more = ask_server(go)
    if json:
        print_json({"ok": True, "definitions": document(found), "more": more})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("There are no such definitions.")
    rows = [
        (
            f"{one.kind}/{one.name}",
            one.state,
            f"version {one.version}" if one.version else "",
            clock(one.changed_at),
            one.title,
        )
        for one in found
    ]
    show_columns(screen, rows)
    if more:
        screen.line("There are more: --limit shows them, --search and --label narrow the list.")
    return Exit.DONE


def show(
    name: Definition,
    /,
    *,
    version: Annotated[
        str, Parameter(help="What to print: draft, live, or the number of a version.")
    ] = "draft",
    json: Json = False,
) -> int:
    """Show a definition: its text on standard output, and how it stands beside it."""
    kind, bare = _named(name)
    number = _number(version)

    async def go(client: "Client") -> "tuple[DefinitionDetail, VersionPage, str]":
        found = await client.definitions.show_definition(kind, bare)
        versions = await client.definition_history.list_versions(kind, bare, limit=20)
        wanted = found.version if version == "live" else number
        text = found.text
        if version != "draft":
            if not wanted:
                raise WrongInputError(
                    f"{name} was never published.", hint="--version draft prints its draft."
                )
            text = (await client.definition_history.show_version(kind, bare, wanted)).text
        return found, versions, text

    found, versions, text = ask_server(go)
    if json:
        told = document(found)
        print_json({"ok": True, **told, "text": text, "versions": document(versions.items)})
        return Exit.DONE
    screen = to_people()
    live = f", version {found.version} is live" if found.version else ", never published"
    screen.line(f"# {clean(found.kind)} {clean(found.name)}: {found.state}{live}, revision {found.revision}")
    for one in versions.items:
        screen.line(f"#   version {one.version}  {clock(one.at)}  {clean(one.note)}".rstrip())
    screen.line()
    screen.stream.write(text if text.endswith("\n") else text + "\n")
    return Exit.DONE


def publish(
    name: Definition,
    /,
    *,
    note: Annotated[str, Parameter(help="A word on it, kept with the version.")] = "",
    break_others: Annotated[
        bool, Parameter(negative="", help="Publish also with what would break those that call it.")
    ] = False,
    json: Json = False,
) -> int:
    """Publish the draft of a definition as it stands, if nothing is wrong with it."""
    kind, bare = _named(name)

    async def go(client: "Client") -> "tuple[int, Published]":
        draft = await client.definitions.show_definition(kind, bare)
        made = await client.definitions.publish_definition(
            kind, bare, revision=draft.revision, note=note, break_others=break_others
        )
        return draft.version, made

    before, made = ask_server(go)
    is_new = made.version != before
    if json:
        print_json(
            {
                "ok": True,
                "kind": kind,
                "name": bare,
                "version": made.version,
                "is_new": is_new,
                "hash": made.hash,
            }
        )
        return Exit.DONE
    words = "is live now" if is_new else "is live as it was: the draft means the same"
    to_people().line(f"{kind} {clean(bare)}: version {made.version} {words}.")
    return Exit.DONE


def archive(name: Definition, /, *, json: Json = False) -> int:
    """Put a definition away; refused while a live one calls it. Runs that go on end as they would have."""
    kind, bare = _named(name)

    async def go(client: "Client") -> "DefinitionDetail":
        return await client.definitions.archive_definition(kind, bare)

    found = ask_server(go)
    if json:
        print_json({"ok": True, "kind": kind, "name": bare, "state": found.state})
    else:
        to_people().line(f"{kind} {clean(bare)} is archived; nothing starts it any more.")
    return Exit.DONE


def used_by(name: Definition, /, *, json: Json = False) -> int:
    """Say which definitions call this one, and where."""
    kind, bare = _named(name)

    async def go(client: "Client") -> "tuple[UsedBy, ...]":
        return await client.definition_history.show_users(kind, bare)

    found = ask_server(go)
    if json:
        print_json({"ok": True, "used_by": document(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line(f"Nothing names {kind} {clean(bare)}.")
    show_columns(
        screen, [(f"{one.kind}/{one.name}", "live" if one.is_live else "draft", one.place) for one in found]
    )
    return Exit.DONE


def _named(name: str) -> tuple[str, str]:
    kind, slash, bare = name.partition("/")
    return (kind, bare) if slash else ("workflow", name)


def _number(version: str) -> int:
    if version in ("draft", "live"):
        return 0
    if not (version.isascii() and version.isdigit() and 0 < int(version) < 2**53):
        raise WrongInputError(f"{version!r} is no version.", hint="--version takes draft, live or a number.")
    return int(version)
