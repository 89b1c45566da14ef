"""`auraos apply`, `export`, `pull` and `diff -f`: a folder of definitions here, and the workspace of a server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from auraos.app.definitions.folders import Folder, Key
from auraos.cli.asking import ask_server
from auraos.cli.documents import document
from auraos.cli.exits import Exit
from auraos.cli.options import Json
from auraos.cli.screen import Tint, clean, print_json, to_people, to_side
from auraos.documents.definitions.bundles import unpack

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.definition_files import FileGiven
    from auraos.client.shapes.shared import AppliedOne

InFolder: TypeAlias = Annotated[Path, Parameter(name=["--folder", "-f"], help="The folder of definitions.")]
OfLabels: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        help="Only definitions with this label, as team=sales or team. May be given again.", negative=""
    ),
]
_TINTS: dict[str, Tint] = {
    "new": "green", "changed": "green", "merged": "green", "removed": "yellow", "archived": "yellow", "missing": "yellow",
    "kept": "yellow", "conflict": "red",
}  # fmt: skip


def apply(  # noqa: PLR0913 (a command has as many parameters as it has options)
    *,
    folder: InFolder,
    dry_run: Annotated[bool, Parameter(negative="", help="Say what would be done, and do nothing.")] = False,
    publish: Annotated[bool, Parameter(help="Publish what changed, or keep drafts only.")] = True,
    prune: Annotated[
        bool, Parameter(negative="", help="Archive what is not in the folder; with --label, of those only.")
    ] = False,
    label: OfLabels = (),
    break_others: Annotated[
        bool, Parameter(negative="", help="Publish also with what would break those that call it.")
    ] = False,
    keep_drafts: Annotated[
        bool,
        Parameter(
            negative="", help="Leave drafts that differ from what is live, joined with what is published."
        ),
    ] = False,
    note: Annotated[str, Parameter(help="A word on it, kept with the versions.")] = "",
    json: Json = False,
) -> int:
    """Make the workspace of a server say what the files of a folder say, all at once or not at all.

    Every file is checked first, beside the others and beside what the workspace has, and all that is wrong is told at once.
    """
    here = Folder(folder)
    files = here.read()

    async def go(client: "Client") -> "tuple[AppliedOne, ...]":
        done = await client.definition_files.apply_files(
            files=_files(files), publish=publish, prune=prune, label=label, dry_run=dry_run, break_others=break_others,
            keep_drafts=keep_drafts, note=note,
        )  # fmt: skip
        return done.items

    items = ask_server(go)
    if not dry_run and not keep_drafts:
        here.remember({(one.kind, one.name): files.get(one.file) for one in items if one.what != "missing"})
    _show_applied(items, as_json=json, dry_run=dry_run)
    return Exit.DONE


def difference(folder: Path, label: tuple[str, ...], *, as_json: bool) -> int:
    """Print how the files of a folder differ from the drafts of the workspace; the exit code says whether they do."""
    files = Folder(folder).read()

    async def go(client: "Client") -> "tuple[AppliedOne, ...]":
        found = await client.definition_files.compare_files(files=_files(files), label=label)
        return found.items

    items = ask_server(go)
    differs = any(one.what != "same" for one in items)
    _show_applied(items, as_json=as_json, dry_run=True, ok=not differs)
    return Exit.FAILED if differs else Exit.DONE


def export(
    *,
    folder: Annotated[
        Path, Parameter(name=["--folder", "-f"], help="The folder to write to, or a file that ends in .zip.")
    ],
    live: Annotated[
        bool, Parameter(negative="", help="The versions that are live, instead of the drafts.")
    ] = False,
    kind: Annotated[str, Parameter(help="Only definitions of this kind.")] = "",
    label: OfLabels = (),
    force: Annotated[bool, Parameter(negative="", help="Overwrite files that say something else.")] = False,
    json: Json = False,
) -> int:
    """Write the definitions of a workspace as files, each as it is written there.

    The same definitions give the same bytes. A file that says something else is not overwritten: `auraos pull` joins both.
    """
    bundle = _bundle(live=live, kind=kind, label=label)
    if folder.suffix == ".zip":
        folder.write_bytes(bundle)
        count = len(unpack(bundle))
        if json:
            print_json({"ok": True, "file": str(folder), "definitions": count})
        else:
            to_people().line(f"{count} definitions are in {clean(str(folder))}.")
        return Exit.DONE
    told = Folder(folder).write(_texts(bundle), force=force)
    _show(document(told), as_json=json)
    return Exit.DONE


def pull(
    *,
    folder: InFolder,
    live: Annotated[
        bool, Parameter(negative="", help="The versions that are live, instead of the drafts.")
    ] = False,
    kind: Annotated[str, Parameter(help="Only definitions of this kind.")] = "",
    label: OfLabels = (),
    json: Json = False,
) -> int:
    """Bring a folder up to date with the workspace, without losing an edit of yours.

    What changed there only is taken, what changed here only stays, what changed on both sides is joined step by step. Where
    that cannot be done the file stays as it is, the conflict is told, and the command ends with 1.
    """
    here = Folder(folder)
    here.read()
    theirs = _texts(_bundle(live=live, kind=kind, label=label))
    told = here.pull(theirs, is_meant=lambda key: not label and not live and kind in ("", key[0]))
    conflicts = any(one.what == "conflict" for one in told)
    _show(document(told), as_json=json, ok=not conflicts)
    return Exit.FAILED if conflicts else Exit.DONE


def _bundle(*, live: bool, kind: str, label: tuple[str, ...]) -> bytes:
    async def go(client: "Client") -> bytes:
        return await client.definition_files.export_definitions(
            of="live" if live else "draft", kind=kind or None, label=label
        )

    return ask_server(go)


def _texts(bundle: bytes) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for file in unpack(bundle):
        kind, _, name = file.path.removesuffix(".yaml").partition("/")
        found[kind, name] = file.text
    return found


def _files(files: dict[str, str]) -> "tuple[FileGiven, ...]":
    from auraos.client.shapes.definition_files import FileGiven  # noqa: PLC0415 (help pages need no client)

    return tuple(FileGiven(path=path, text=text) for path, text in files.items())


def _show_applied(items: "tuple[AppliedOne, ...]", *, as_json: bool, dry_run: bool, ok: bool = True) -> None:
    rows = [document(one) for one in items]
    _show(rows, as_json=as_json, ok=ok, dry_run=dry_run)
    if not as_json:
        for one in items:
            for warning in one.warnings:
                to_side().line(f"{clean(one.file)}:{warning.line}: warning: {clean(warning.message)}")


def _show(rows: list[dict[str, Any]], *, as_json: bool, ok: bool = True, **more: Any) -> None:
    if as_json:
        print_json({"ok": ok, **more, "definitions": rows})
        return
    screen = to_people()
    told = [row for row in rows if row["what"] != "same"]
    for row in told:
        screen.line(
            f"{screen.tint(row['what'], _TINTS.get(row['what'], 'dim'))}  {row['kind']} {clean(row['name'])}"
        )
        for words in row.get("words", ()):
            screen.line(f"    {clean(words)}")
    same = len(rows) - len(told)
    if same or not rows:
        screen.line(f"{same} the same." if rows else "There are no definitions.")
