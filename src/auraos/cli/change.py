"""`auraos diff`, `auraos merge` and `auraos rename`: what changed between files, both sides' changes in one, a new step id."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from auraos.app.definitions.files import read_source
from auraos.app.definitions.fixing import write_whole
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.folders import OfLabels
from auraos.cli.folders import difference as difference_from_server
from auraos.cli.options import Json
from auraos.cli.problems import show_problem
from auraos.cli.screen import print_json, to_people, to_side
from auraos.core.document import Document, read_document
from auraos.core.errors import UserError
from auraos.core.problems import Severity, format_path
from auraos.documents import merge as merging
from auraos.documents.diff import compare
from auraos.documents.difference import Change
from auraos.documents.renaming import rename_step
from auraos.documents.splice import apply_edits


class NotReadError(UserError):
    """A file that is to be compared is no document."""

    code = "not-a-document"


def diff(
    before: Annotated[str, Parameter(help="The older file; - is standard input.")] = "",
    after: Annotated[str, Parameter(help="The newer file.")] = "",
    *,
    folder: Annotated[
        Path | None,
        Parameter(
            name=["--folder", "-f"], help="Instead of two files: a folder, against the workspace of a server."
        ),
    ] = None,
    label: OfLabels = (),
    json: Json = False,
) -> int:
    """Say what changed between two workflow files, or a folder and a server: steps, links, settings, not lines.

    Changes of the layout stand apart, for they change nothing that a workflow does. Ends with 1 when there are changes.
    """
    if folder is not None and not before:
        return difference_from_server(folder, label, as_json=json)
    if folder is not None or not after:
        raise WrongInputError(
            "`auraos diff` wants two files, or a folder with -f.", hint="See `auraos diff --help`."
        )
    difference = compare(_read(before), _read(after))
    if json:
        listed = [_as_data(change) for change in difference.changes]
        layout = [_as_data(change) for change in difference.layout]
        print_json({"ok": difference.means_the_same, "changes": listed, "layout": layout})
    else:
        people = to_people()
        for change in difference.changes:
            people.line(change.words)
        if difference.layout:
            people.line(
                f"{len(difference.layout)} changes of the layout, which mean nothing for what it does."
            )
        if difference.means_the_same and not difference.layout:
            people.line("Nothing changed.")
    return Exit.DONE if difference.means_the_same else Exit.FAILED


def merge(
    base: Annotated[str, Parameter(help="The file that both sides began with.")],
    mine: Annotated[str, Parameter(help="Your file; the merged text goes on from it.")],
    theirs: Annotated[str, Parameter(help="The other side's file.")],
    *,
    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help="Write the merged text here; else it is printed."),
    ] = None,
    json: Json = False,
) -> int:
    """Bring their changes into your file, step by step; where both changed the same, yours stands and is listed.

    Ends with 1 when there are conflicts. As a merge driver of git: `auraos merge %O %A %B -o %A`.
    """
    merged = merging.merge(read_source(base), read_source(mine), read_source(theirs))
    if output is not None:
        write_whole(output, merged.text) if output.exists() else output.write_text(
            merged.text, encoding="utf-8"
        )
    if json:
        conflicts = [
            {"kind": conflict.kind, "path": format_path(conflict.path), "words": conflict.words}
            for conflict in merged.conflicts
        ]
        print_json({"ok": not conflicts, "conflicts": conflicts, "text": merged.text})
    else:
        if output is None:
            to_people().stream.write(merged.text)
        for conflict in merged.conflicts:
            to_side().line(f"conflict: {conflict.words}")
    return Exit.FAILED if merged.conflicts else Exit.DONE


def rename(
    file: Annotated[str, Parameter(help="A workflow file.")],
    old: Annotated[str, Parameter(help="The id of the step now.")],
    new: Annotated[str, Parameter(help="Its id from now on.")],
    *,
    json: Json = False,
) -> int:
    """Rename a step everywhere in its file: links, expressions, tests and layout; nothing else is touched."""
    text = read_source(file)
    edits = rename_step(text, old, new)
    write_whole(Path(file), apply_edits(text, edits))
    if json:
        print_json({"ok": True, "file": file, "from": old, "to": new, "places": len(edits)})
    else:
        to_people().line(f"Renamed {old} to {new} in {len(edits)} places of {file}.")
    return Exit.DONE


def _read(file: str) -> Document:
    text = read_source(file)
    document, problems = read_document(text)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if document is None or errors:
        for problem in errors:
            show_problem(to_side(), file, text, problem)
        raise NotReadError(f"{file} cannot be read.", hint=f"Mend it first: auraos check {file}")
    return document


def _as_data(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {
        "kind": change.kind,
        "subject": change.subject,
        "path": format_path(change.path),
        "words": change.words,
    }
    if change.before is not msgspec.UNSET:
        data["before"] = change.before
    if change.after is not msgspec.UNSET:
        data["after"] = change.after
    return data
