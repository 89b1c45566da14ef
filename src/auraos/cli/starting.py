"""What the commands that start a run from a file share: the file is checked before a run exists."""

import os

from auraos.app.definitions.files import CheckedFile, check_source, folder_of
from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.environment import known_secrets
from auraos.app.installed import Installed
from auraos.cli.exits import Exit
from auraos.cli.problems import count_words, problem_document, show_problem
from auraos.cli.screen import print_json, to_side


def check_file(file: str, text: str, installed: Installed) -> CheckedFile:
    """Return what is found in the text of a workflow file, with the other workflows of its folder at hand."""
    others = FolderDefinitions(folder_of(file), installed.catalogue).find_workflow
    return check_source(file, text, installed.catalogue, others=others, secrets=known_secrets(os.environ))


def refuse_file(checked: CheckedFile, *, as_json: bool) -> int:
    """Print what is wrong with a file that is not run, and return the exit code."""
    errors = checked.errors
    if as_json:
        told = {"code": "check-failed", "message": f"{checked.path} has {count_words(len(errors), 0)}."}
        listed = [problem_document(problem) for problem in errors]
        print_json({"ok": False, "error": {**told, "problems": listed}, "exit_code": int(Exit.WRONG_INPUT)})
        return Exit.WRONG_INPUT
    side = to_side()
    for problem in errors:
        show_problem(side, checked.path, checked.text, problem)
    side.line(f"Not started: {checked.path} has {len(errors)} error{'s' * (len(errors) != 1)}.")
    return Exit.WRONG_INPUT
