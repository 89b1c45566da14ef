"""Running again: always a new run, which takes over what the first one finished."""

# ruff: noqa: PLR0913 (a command has as many parameters as it has options)

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from auraos.app.definitions.files import check_source, folder_of, read_source
from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.house import House, open_for_reading
from auraos.cli.failures import WrongInputError
from auraos.cli.following import lead, person
from auraos.cli.options import DEFAULT_DATA, AllowNet, Data, Json, read_pair
from auraos.cli.problems import count_words, show_problem
from auraos.cli.runs.failed import MOST, Code, Limit, Since, Workflow, read_wanted, retry_failed
from auraos.cli.runs.lead import patience_of
from auraos.cli.runs.options import Run, Wait
from auraos.cli.runs.rows import called_by_number, opening
from auraos.cli.screen import to_side
from auraos.cli.target import chosen
from auraos.cli.values import with_kinds
from auraos.core.run import FINAL, effects_repeated, static_path
from auraos.engine.ports import RunRow, Version

On = Annotated[
    str,
    Parameter(
        name="--on",
        help="The version that the new run lives by instead of the old one: a workflow file; on a server, which must keep "
        "it, also its number, or `live`.",
    ),
]
Again = Annotated[
    bool,
    Parameter(
        negative="", help="Do effects that succeeded once more, under new keys. Without it they are refused."
    ),
]


def retry(
    run: Annotated[
        str,
        Parameter(help="The number of a run, its id, or the beginning of its id; left out with --failed."),
    ] = "",
    /,
    *,
    failed: Annotated[
        bool, Parameter(negative="", help="Every failed run that nobody has taken up again, instead of one.")
    ] = False,
    workflow: Workflow = "",
    code: Code = "",
    since: Since = "",
    limit: Limit = MOST,
    dry_run: Annotated[
        bool, Parameter(negative="", help="With --failed: say which runs it would be, and start nothing.")
    ] = False,
    start: Annotated[
        str, Parameter(name="--from", help="Begin at this step; where it failed when left out.")
    ] = "",
    on: On = "",
    again: Again = False,
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Run again from a step, keeping what was done, as a new run.

    The first run stays as it is. Outputs of finished steps are taken over, so nothing is done twice.

    With --failed it is one new run for each failed one that is meant. Those whose retry succeeded or is under way are left
    alone, so calling it again repeats nothing. `auraos runs failed` shows them.
    """
    if failed:
        _refuse_with_failed(run, start, again=again)
        is_there, text = chosen() is not None, source_of(on)
        files = folder_of(on) if on and not is_there else None
        return retry_failed(
            read_wanted(workflow, code, since, limit),
            find_version=lambda house: find_version(house, on, text),
            opening=partial(open_for_reading, data)
            if dry_run and not is_there
            else opening(data, allow_net, files=files),
            dry_run=dry_run,
            patience=patience_of(wait),
            as_json=json,
        )
    if workflow or code or since or dry_run:
        raise WrongInputError(
            "--workflow, --code, --since and --dry-run choose among failed runs.", hint="Add --failed."
        )
    if not run:
        raise WrongInputError(
            "Which run is to be retried?", hint="Give its number, or --failed for every failed one."
        )
    return _again(run, "retry", start, {}, on, again, allow_net=allow_net, wait=wait, data=data, as_json=json)


def fork(
    run: Run,
    /,
    *,
    set: Annotated[  # noqa: A002 (the word that people use)
        tuple[str, ...], Parameter(name="--set", help='Another output of a step: steps.price={"total": 3}.')
    ] = (),
    start: Annotated[str, Parameter(name="--from", help="Do this step and all that follow it anew.")] = "",
    on: On = "",
    again: Again = False,
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Run again with other outputs of some steps, as a new run.

    What follows from a changed step is done anew; everything else is taken over.
    """
    changes = dict(_change(one) for one in set)
    if not changes and not start:
        raise WrongInputError("What is to be different?", hint="Give --set steps.NAME=JSON, or --from STEP.")
    return _again(
        run, "fork", start, changes, on, again, allow_net=allow_net, wait=wait, data=data, as_json=json
    )


def _refuse_with_failed(run: str, start: str, *, again: bool) -> None:
    if run:
        raise WrongInputError(
            f"--failed and run {run} together: which is meant?", hint="Leave one of them out."
        )
    if start or again:
        raise WrongInputError(
            "--from and --again are decisions about one run, and --failed means many.",
            hint="Retry that run on its own, with its number.",
        )


def _change(text: str) -> tuple[str, Any]:
    path, value = read_pair(text)
    return path.removeprefix("steps."), with_kinds(value)


def _again(
    run: str,
    kind: Literal["retry", "fork"],
    start: str,
    changes: dict[str, Any],
    on: str,
    again: bool,
    *,
    allow_net: tuple[str, ...],
    wait: bool | None,
    data: Path,
    as_json: bool,
) -> int:
    text = source_of(on)

    async def begin(house: House) -> tuple[str, int]:
        row = await house.find(run)
        if row.state not in FINAL and kind == "retry":
            raise WrongInputError(
                f"Run {row.number} is {row.state}; only a run that is over is run again.",
                hint=f"`auraos runs resume {row.number}` leads it on, `auraos runs fork` branches off from it.",
            )
        version: Any = await find_version(house, on, text)
        if not again and not house.is_remote:
            await _refuse_repeating(house, row, start, changes)
        with called_by_number(run, row):
            started = await house.engine.retry(
                row.run,
                kind=kind,
                start_at=start or None,
                changes=changes,
                again=again,
                workflow=version,
                by=person(),
            )
        return started, 0

    opened = opening(data, allow_net, files=folder_of(on) if on and chosen() is None else None)
    return asyncio.run(lead(opened, begin, patience=patience_of(wait), as_json=as_json))


def source_of(on: str) -> str:
    """Return the text of the version that is named; nothing where that is a version which a server keeps."""
    is_kept = chosen() is not None and (on == "live" or on.isdecimal())
    return read_source(on) if on and not is_kept else ""


async def find_version(house: House, on: str, text: str) -> Version | str | None:
    """Return the version that is named: that of a file, or, on a server, the number under which it is kept there."""
    if not on:
        return None
    if not house.is_remote:
        return read_version(house, on, text)
    from auraos.app.remote.house import RemoteHouse  # noqa: PLC0415 (most runs are in a folder)

    assert isinstance(house, RemoteHouse)
    return await house.number_of(on, text)


def read_version(house: House, file: str, text: str) -> Version:
    """Return the version that a file is; tell what is wrong with one that is none."""
    definitions = FolderDefinitions(folder_of(file), house.installed.catalogue)
    checked = check_source(file, text, house.installed.catalogue, others=definitions.find_workflow)
    for problem in checked.errors:
        show_problem(to_side(), file, text, problem)
    if checked.errors:
        raise WrongInputError(f"{file} has {count_words(len(checked.errors), 0)}; no run was started.")
    return house.definitions.add(text)


async def _refuse_repeating(house: House, row: RunRow, start: str, changes: dict[str, Any]) -> None:
    """Refuse to do effects again that stand in the world already, unless the person said so."""
    program, facts = await house.program(row), await house.facts(row.run)
    repeated = effects_repeated(program, facts, start) if start else []
    for changed in changes:
        following = effects_repeated(program, facts, changed) if static_path(changed) in program.steps else []
        repeated += [path for path in following if static_path(path) not in (changed, static_path(changed))]
    if repeated:
        listed = ", ".join(sorted(set(repeated))[:10])
        raise WrongInputError(
            f"This would do again what stands in the world already: {listed}.",
            hint="Add --again if that is what you want; they then get new keys.",
        )
