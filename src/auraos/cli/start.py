"""`auraos start`: a run in the process that serves, by the name of a workflow or by its file."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from auraos.app.definitions.files import STDIN, SUFFIXES, folder_of, read_source
from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.house import LONG_WAIT, House, open_server
from auraos.app.installed import load_installed
from auraos.app.remote.servers import ServerLostError
from auraos.app.runs.starting import check_start
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.following import follow_and_show, person
from auraos.cli.options import DEFAULT_DATA, Data, Json, read_input, read_pairs, runs_command
from auraos.cli.screen import clean, print_json, to_people, to_side
from auraos.cli.starting import check_file, refuse_file
from auraos.cli.target import Target, chosen
from auraos.core.errors import AuraError, OperationalError
from auraos.engine.clock import SystemClock
from auraos.engine.ports import RunRow

Begin: TypeAlias = Callable[[House, str], Awaitable[None]]
_PAUSE = 0.2
_COMES_BACK = ("engine-closed", "engine-gone", "no-server")
"""What a process that is restarted says, or what is said in place of it, while it is away."""
_LEAVES_OPEN = (*_COMES_BACK, "store-unavailable")
"""After these nobody here knows whether the run began."""


class StartUnknownError(OperationalError):
    """A run was asked for, and no answer came: it may have begun. Asked for again under its id, it is started once."""

    code = "start-unknown"


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
    id: Annotated[  # noqa: A002 (the word that people use)
        str,
        Parameter(
            help="An id of your own for the run. Asked for again under the same id, it is not started twice."
        ),
    ] = "",
    wait: Annotated[
        bool, Parameter(negative="", help="Stay with the run to its end, whatever it waits for.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Start a run in the process that serves the data folder, or at the server that is chosen.

    When the command is done, the run is on disk: it begins and ends whatever happens to the machine. A server that is just
    restarted is waited for, and the run is started once.
    """
    given, variables = read_input(input), read_pairs(var)
    target = chosen()
    if target is not None:
        return asyncio.run(_start_there(target, workflow, given, variables, id, wait=wait, as_json=json))
    wanted = workflow.partition("@")[0]
    name, text = (workflow, "") if not _is_file(workflow) else ("", read_source(workflow))
    installed = load_installed()
    if text:
        checked = check_file(workflow, text, installed)
        if checked.errors or checked.workflow is None:
            return refuse_file(checked, as_json=json)
        check_start(checked.workflow, given, variables)
        wanted = checked.workflow.name

    async def begin(house: House, run: str) -> None:
        sent: dict[str, Any] = {}
        if text:
            definitions = FolderDefinitions(folder_of(workflow), installed.catalogue)
            version = definitions.add(text)
            sent["called"] = [one for one in await definitions.called(version) if one.name != version.name]
        await house.engine.start(
            version if text else name, input=given, variables=variables, by=person(), run=run, **sent
        )

    return asyncio.run(_start(data, begin, id, wanted, wait=wait, as_json=json))


async def _start(data: Path, begin: Begin, own_id: str, workflow: str, *, wait: bool, as_json: bool) -> int:
    """Start the run, with an id that is known here, so that it is started once however often it is asked for."""
    run, asked, is_there = own_id or SystemClock().new_id(), False, False
    last = time.monotonic() + LONG_WAIT
    while True:
        try:
            async with open_server(data) as house:
                row = await house.store.find(run) if asked or own_id else None
                if row is None:
                    asked = True
                    await begin(house, run)
                    row = await house.find(run)
                is_there = True
                _refuse_another(row, workflow)
                if wait:
                    return await follow_and_show(house, row.run, patience="always", as_json=as_json)
                return _report(data, row, is_new=asked, as_json=as_json)
        except AuraError as error:
            is_over = error.code not in _COMES_BACK or time.monotonic() > last
            if not asked or error.code not in _LEAVES_OPEN or (is_over and is_there):
                raise
            if is_over:
                raise _without_answer(data, run, error) from error
        except asyncio.CancelledError:
            if asked and not is_there:
                to_side().line(
                    f"\nRun {run} was asked for and may have begun. With --id {run} it is not started twice."
                )
            raise
        await asyncio.sleep(_PAUSE)


async def _start_there(
    target: Target, workflow: str, given: Any, variables: dict[str, Any], own_id: str, *, wait: bool, as_json: bool
) -> int:  # fmt: skip
    """Start the run at a server, under a key, so that it is started once however often it is asked for."""
    if _is_file(workflow):
        raise WrongInputError(
            f"{workflow!r} is a file, and a server starts what was published there.",
            hint="Bring it there with `auraos apply -f DIR`, and start it by its name.",
        )
    from auraos.app.remote.house import open_remote  # noqa: PLC0415 (most runs are in a folder)

    key = own_id or SystemClock().new_id()
    async with open_remote(target.at, patience=LONG_WAIT) as house:
        try:
            run = (await house.runs.start(workflow, key=key, input=given, variables=variables)).run
        except ServerLostError as lost:
            if lost.said != "outcome-unknown":
                raise
            raise StartUnknownError(
                f"The run was asked for and no answer came, so it may have begun or not. {lost.message}",
                hint=f"Ask again with --id {key}: it is not started twice.",
                id=key,
            ) from lost
        if wait:
            return await follow_and_show(house, run, patience="always", as_json=as_json)
        return _report(DEFAULT_DATA, await house.find(run), is_new=True, as_json=as_json)


def _refuse_another(row: RunRow, workflow: str) -> None:
    """Refuse an id that a run of another workflow has."""
    if row.workflow != workflow:
        raise WrongInputError(
            f"The id {row.run!r} belongs to run {row.number}, which is one of {row.workflow!r}.",
            hint="Nothing was started. Choose another id.",
        )


def _without_answer(data: Path, run: str, error: AuraError) -> StartUnknownError:
    return StartUnknownError(
        f"Run {run} was asked for and no answer came, so it may have begun or not. {error.message}",
        hint=f"Ask again with --id {run}: it is not started twice."
        f" `{runs_command(data, 'show', run)}` shows it if it is there.",
        run=run,
    )


def _report(data: Path, row: RunRow, *, is_new: bool, as_json: bool) -> int:
    if as_json:
        print_json(
            {"ok": True, "run": row.run, "number": row.number, "workflow": row.workflow, "state": row.state}
        )
        return Exit.DONE
    screen = to_people()
    how = "is started; it is on disk." if is_new else "was started under this id before; nothing more was."
    screen.line(f"run {row.number} of {clean(row.workflow)} {how}")
    screen.line(f"  {screen.tint(runs_command(data, 'show', row.number), 'cyan')}")
    return Exit.DONE


def _is_file(workflow: str) -> bool:
    """Return whether a file is meant, and not the name of a workflow that the server knows."""
    return workflow in ("-", STDIN) or Path(workflow).suffix in SUFFIXES or "/" in workflow
