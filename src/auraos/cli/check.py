"""`auraos check`: every problem of every file, at once."""

import os
from typing import Annotated, Any

from cyclopts import Parameter

from auraos.app.definitions.files import (
    STDIN,
    CheckedFile,
    MissingFileError,
    check_source,
    find_files,
    folder_of,
    is_gone,
    read_found,
)
from auraos.app.definitions.fixing import FixedFile, fix_source
from auraos.app.definitions.flag_files import FlagFiles, check_flag
from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.environment import known_secrets
from auraos.app.installed import Installed, load_installed
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import Json
from auraos.cli.problems import count_words, problem_document, show_broken, show_problem
from auraos.cli.screen import Tint, clean, print_json, to_people, to_side
from auraos.core.graph.check_calls import FindWorkflow
from auraos.core.graph.check_flags import FindFlag


def check(
    *paths: Annotated[str, Parameter(help="Files or folders; - is standard input.")],
    fix: Annotated[
        bool, Parameter(negative="", help="Mend what can be mended safely, and say what was done.")
    ] = False,
    secrets: Annotated[
        bool, Parameter(negative="", help="Also report secrets that are missing in this environment.")
    ] = False,
    json: Json = False,
) -> int:
    """Find every problem of files of workflows and feature flags; --fix mends the safe ones.

    A folder is searched for *.yaml and *.yml; files in it that name no `kind` are passed over. Errors give exit code 1,
    warnings do not.
    """
    if not paths:
        raise WrongInputError(
            "Which file?", hint="Write auraos check FILE, or auraos check . for this folder."
        )
    installed = load_installed()
    known = known_secrets(os.environ) if secrets else None
    checked: list[CheckedFile] = []
    mended: list[FixedFile] = []
    skipped: list[str] = []
    for found in find_files(paths):
        path, text = found.path, read_found(found)
        if text is None:
            skipped += [] if is_gone(found) else [path]
            continue
        if isinstance(text, CheckedFile):
            checked.append(text)
            continue
        others = FolderDefinitions(folder_of(path), installed.catalogue).find_workflow
        flags = FlagFiles(folder_of(path)).type_of

        def check_one(
            one: str, path: str = path, others: FindWorkflow = others, flags: FindFlag = flags
        ) -> CheckedFile:
            flag = check_flag(path, one, installed.catalogue)
            if flag is not None:
                return flag
            return check_source(path, one, installed.catalogue, others=others, secrets=known, flags=flags)

        if fix:
            try:
                mended.append(fix_source(path, text, lambda one, again=check_one: again(one).problems))  # type: ignore[misc]
            except MissingFileError:
                if found.named:
                    raise
                continue
            text = mended[-1].text
        checked.append(check_one(text))
    if json:
        _print_json(checked, mended, skipped, installed)
    else:
        _print_text(checked, mended, skipped, installed)
    return Exit.FAILED if any(one.errors for one in checked) else Exit.DONE


def _print_text(
    checked: list[CheckedFile], mended: list[FixedFile], skipped: list[str], installed: Installed
) -> None:
    screen = to_people()
    side = to_side()
    for broken in installed.broken:
        show_broken(side, broken)
    for one in mended:
        for title in one.done:
            side.line(f"{clean(one.path)}: {side.tint('fixed', 'green')}: {clean(title)}")
    for checked_file in checked:
        for problem in checked_file.problems:
            show_problem(screen, checked_file.path, checked_file.text, problem)
    errors = sum(len(one.errors) for one in checked)
    warnings = sum(len(one.problems) for one in checked) - errors
    if mended and mended[0].path == STDIN:
        screen.stream.write(mended[0].text)
        return
    files = f"{len(checked)} file{'s' * (len(checked) != 1)}"
    tint: Tint = "red" if errors else "yellow" if warnings else "green"
    screen.line(f"{files} checked: " + screen.tint(count_words(errors, warnings), tint, "bold"))
    if mended and not any(one.done for one in mended):
        why = "no problem has a fix that is certainly right" if errors + warnings else "nothing is wrong"
        screen.line(f"--fix changed nothing: {why}.")
    if skipped:
        shown = ", ".join(clean(one) for one in skipped[:5]) + (" …" if len(skipped) > 5 else "")
        screen.line(f"{len(skipped)} passed over, for they name no kind: {shown}")


def _print_json(
    checked: list[CheckedFile], mended: list[FixedFile], skipped: list[str], installed: Installed
) -> None:
    done = {one.path: one for one in mended}
    files: list[dict[str, Any]] = []
    for one in checked:
        entry: dict[str, Any] = {
            "path": one.path,
            "problems": [problem_document(each) for each in one.problems],
        }
        if one.path in done:
            entry["fixed"] = list(done[one.path].done)
            if one.path == STDIN:
                entry["text"] = one.text
        files.append(entry)
    errors = sum(len(one.errors) for one in checked)
    print_json(
        {
            "ok": not errors,
            "errors": errors,
            "warnings": sum(len(one.problems) for one in checked) - errors,
            "files": files,
            "skipped": skipped,
            "broken_plugins": installed.broken,
        }
    )
