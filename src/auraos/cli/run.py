"""`auraos run`: a workflow file, run on this machine."""

# ruff: noqa: PLR0913 (a command has as many parameters as it has options)

import asyncio
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from auraos.app.definitions.files import folder_of, read_source
from auraos.app.house import House, open_for_driving
from auraos.app.installed import load_installed
from auraos.app.runs.following import Patience
from auraos.app.runs.starting import check_start
from auraos.cli.following import lead, person
from auraos.cli.options import DEFAULT_DATA, AllowNet, Data, Json, Pools, read_input, read_pairs, read_pools
from auraos.cli.starting import check_file, refuse_file


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
    pool: Pools = (),
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
    answer, and it is kept: `auraos runs` leads it on. Where a server leads the folder, its pools hold.
    """
    text = read_source(file)
    given = read_input(input)
    variables = read_pairs(var)
    pools = read_pools(pool)
    installed = load_installed()
    checked = check_file(file, text, installed)
    if checked.errors or checked.workflow is None:
        return refuse_file(checked, as_json=json)
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
        open_for_driving,
        data,
        files=files,
        installed=installed,
        allow_net=allow_net,
        pools=pools,
        create=True,
    )
    return asyncio.run(lead(opening, begin, patience=patience, as_json=json))
