"""`auraos run`: a workflow file, run on this machine."""

import asyncio
import os
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from auraos.app.definitions import FolderDefinitions
from auraos.app.environment import known_secrets
from auraos.app.files import CheckedFile, check_source, folder_of, read_source
from auraos.app.following import Patience
from auraos.app.house import House, open_for_driving
from auraos.app.installed import Installed, load_installed
from auraos.app.starting import check_start
from auraos.cli.exits import Exit
from auraos.cli.following import lead, person
from auraos.cli.options import DEFAULT_DATA, AllowNet, Data, Json, read_input, read_pairs
from auraos.cli.problems import count_words, problem_document, show_problem
from auraos.cli.screen import print_json, to_side


def run(
    file: Annotated[str, Parameter(help="A workflow file; - is standard input.")],
    /,
    *,
    input: Annotated[  # noqa: A002 (the word that people use)
        tuple[str, ...], Parameter(help="The input: one JSON text, @FILE, or key=value again and again.")
    ] = (),
    var: Annotated[tuple[str, ...], Parameter(help="Another value for a variable: key=value.")] = (),
    data: Data = DEFAULT_DATA,
    allow_net: AllowNet = (),
    wait: Annotated[
        bool | None,
        Parameter(
            help="Stay to the end whatever it waits for, or leave as soon as it waits. "
            "Left out: stay while only time must pass."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Run a workflow file on this machine and keep its journal.

    The file is checked and the input is compared with its schema before a run exists. While the run goes on you see its
    steps; its output goes to standard output. When it waits for a person, a signal or an event, you are told how to
    answer, and it is kept: `auraos runs` leads it on.
    """
    text = read_source(file)
    given = read_input(input)
    variables = read_pairs(var)
    installed = load_installed()
    checked = _check(file, text, installed)
    if checked.errors or checked.workflow is None:
        return _refuse(checked, as_json=json)
    patience: Patience = "for-time" if wait is None else "always" if wait else "never"
    check_start(checked.workflow, given, variables)
    files = folder_of(file)

    async def begin(house: House) -> tuple[str, int]:
        version = house.definitions.add(text)
        called = [one for one in await house.definitions.called(version) if one.name != version.name]
        started = await house.engine.start(
            version, input=given, variables=variables, by=person(), called=called
        )
        return started, 0

    opening = partial(
        open_for_driving, data, files=files, installed=installed, allow_net=allow_net, create=True
    )
    return asyncio.run(lead(opening, begin, patience=patience, as_json=json))


def _check(file: str, text: str, installed: Installed) -> CheckedFile:
    others = FolderDefinitions(folder_of(file), installed.catalogue).find_workflow
    return check_source(file, text, installed.catalogue, others=others, secrets=known_secrets(os.environ))


def _refuse(checked: CheckedFile, *, as_json: bool) -> int:
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
