"""`auraos start`: a run in the process that serves, by the name of a workflow or by its file."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from auraos.app.definitions import FolderDefinitions
from auraos.app.files import STDIN, SUFFIXES, folder_of, read_source
from auraos.app.house import LONG_WAIT, House, open_server
from auraos.app.installed import load_installed
from auraos.app.starting import check_start
from auraos.cli.exits import Exit
from auraos.cli.following import follow_and_show, person
from auraos.cli.options import DEFAULT_DATA, Data, Json, read_input, read_pairs, runs_command
from auraos.cli.screen import clean, print_json, to_people
from auraos.cli.starting import check_file, refuse_file
from auraos.core.errors import AuraError
from auraos.engine.clock import SystemClock
from auraos.engine.ports import RunRow

Begin: TypeAlias = Callable[[House, str], Awaitable[None]]
_PAUSE = 0.2
_COMES_BACK = ("engine-closed", "engine-gone", "no-server")
"""What a process that is restarted says, or what is said in place of it, while it is away."""


def start(
    workflow: Annotated[
        str,
        Parameter(
            help="The name of a workflow that the server knows, or a workflow file; - is standard input."
        ),
    ],
    /,
    *,
    input: Annotated[  # noqa: A002 (the word that people use)
        tuple[str, ...], Parameter(help="The input: one JSON text, @FILE, or key=value again and again.")
    ] = (),
    var: Annotated[tuple[str, ...], Parameter(help="Another value for a variable: key=value.")] = (),
    wait: Annotated[
        bool, Parameter(negative="", help="Stay with the run to its end, whatever it waits for.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Start a run in the process that serves the data folder.

    When the command is done, the run is on disk: it begins and ends whatever happens to the machine. A server that is just
    restarted is waited for, and the run is started once.
    """
    given, variables = read_input(input), read_pairs(var)
    name, text = (workflow, "") if not _is_file(workflow) else ("", read_source(workflow))
    installed = load_installed()
    if text:
        checked = check_file(workflow, text, installed)
        if checked.errors or checked.workflow is None:
            return refuse_file(checked, as_json=json)
        check_start(checked.workflow, given, variables)

    async def begin(house: House, run: str) -> None:
        sent: dict[str, Any] = {}
        if text:
            definitions = FolderDefinitions(folder_of(workflow), installed.catalogue)
            version = definitions.add(text)
            sent["called"] = [one for one in await definitions.called(version) if one.name != version.name]
        await house.engine.start(
            version if text else name, input=given, variables=variables, by=person(), run=run, **sent
        )

    return asyncio.run(_start(data, begin, wait=wait, as_json=json))


async def _start(data: Path, begin: Begin, *, wait: bool, as_json: bool) -> int:
    """Start the run, with an id of our own, so that it is started once however often it is asked for."""
    run, asked = SystemClock().new_id(), False
    last = time.monotonic() + LONG_WAIT
    while True:
        try:
            async with open_server(data) as house:
                row = await house.store.find(run) if asked else None
                if row is None:
                    asked = True
                    await begin(house, run)
                    row = await house.find(run)
                if wait:
                    return await follow_and_show(house, row.run, patience="always", as_json=as_json)
                return _report(data, row, as_json=as_json)
        except AuraError as error:
            if not asked or error.code not in _COMES_BACK or time.monotonic() > last:
                raise
        await asyncio.sleep(_PAUSE)


def _report(data: Path, row: RunRow, *, as_json: bool) -> int:
    if as_json:
        print_json(
            {"ok": True, "run": row.run, "number": row.number, "workflow": row.workflow, "state": row.state}
        )
        return Exit.DONE
    screen = to_people()
    screen.line(f"run {row.number} of {clean(row.workflow)} is started; it is on disk.")
    screen.line(f"  {screen.tint(runs_command(data, 'show', row.number), 'cyan')}")
    return Exit.DONE


def _is_file(workflow: str) -> bool:
    """Return whether a file is meant, and not the name of a workflow that the server knows."""
    return workflow in ("-", STDIN) or Path(workflow).suffix in SUFFIXES or "/" in workflow
