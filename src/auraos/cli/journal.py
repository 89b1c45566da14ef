"""`auraos journal`: the journals of a store as a whole, checked and written out."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Annotated

import msgspec
from cyclopts import Parameter

from auraos.app.by_hand.looking import open_to_look
from auraos.app.house import House
from auraos.app.runs import journals
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import clean, print_json, to_people, to_side
from auraos.engine.clock import SystemClock
from auraos.engine.ports import RunRow

_MOST_SHOWN = 50


def verify(
    *runs: Annotated[str, Parameter(help="Runs by number or id.")],
    all: Annotated[bool, Parameter(negative="", help="Every run of the store.")] = False,  # noqa: A002
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Hold journals against what the store shows of their runs.

    Folding a journal must give the state that is shown; its facts are numbered without holes; each effect that succeeded counts
    once; a run begins once and ends once. Exit code 1 says that something does not hold. Runs may go on meanwhile.
    """
    _refuse_unclear(runs, everything=all)

    async def look() -> tuple[int, list[journals.Finding]]:
        async with open_to_look(data, database) as house:
            return await journals.verify(house, _wanted(house, runs), _tell)

    count, findings = asyncio.run(look())
    if json:
        print_json({"ok": not findings, "runs": count, "findings": msgspec.to_builtins(findings)})
        return Exit.FAILED if findings else Exit.DONE
    screen = to_people()
    for found in findings[:_MOST_SHOWN]:
        code = screen.tint(f"error[{found.code}]", "red", "bold")
        screen.line(f"run {found.number or found.run}: {code}: {clean(found.message)}")
    if len(findings) > _MOST_SHOWN:
        screen.line(f"… and {len(findings) - _MOST_SHOWN} more; --json has them all.")
    screen.line(f"{count} journals, {len(findings)} findings.")
    return Exit.FAILED if findings else Exit.DONE


def export(
    *runs: Annotated[str, Parameter(help="Runs by number or id.")],
    all: Annotated[bool, Parameter(negative="", help="Every run of the store.")] = False,  # noqa: A002
    output: Annotated[
        Path | None, Parameter(help="A new file for the lines; standard output when left out.")
    ] = None,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Write journals as JSON lines: a header, and then versions, runs and facts.

    Each line is an object; `line` says what it is. A version comes before the first run on it, a run before its facts.
    """
    _refuse_unclear(runs, everything=all)
    if json and output is None:
        raise WrongInputError("The lines are JSON already.", hint="With --json, name a file with --output.")

    async def write(out: IO[bytes]) -> dict[str, int]:
        counted = {"version": 0, "run": 0, "fact": 0}
        header = {"line": "header", "format": 1, "exported_at": SystemClock().now()}
        out.write(msgspec.json.encode(header) + b"\n")
        async with open_to_look(data, database) as house:
            async for told in journals.export(house, _wanted(house, runs)):
                counted[told["line"]] += 1
                out.write(msgspec.json.encode(told) + b"\n")
        return counted

    if output is None:
        asyncio.run(write(sys.stdout.buffer))
        return Exit.DONE
    with output.open("xb") as out:
        counted = asyncio.run(write(out))
    if json:
        told = {"runs": counted["run"], "facts": counted["fact"], "versions": counted["version"]}
        print_json({"ok": True, "file": str(output), **told})
    else:
        to_people().line(f"{clean(str(output))}: {counted['run']} runs, {counted['fact']} facts.")
    return Exit.DONE


def _refuse_unclear(runs: tuple[str, ...], *, everything: bool) -> None:
    if bool(runs) == everything:
        raise WrongInputError("Which runs are meant?", hint="Name some, or say --all.")


def _wanted(house: House, runs: tuple[str, ...]) -> AsyncIterator[RunRow]:
    return journals.named_runs(house, runs) if runs else journals.all_runs(house)


def _tell(count: int) -> None:
    side = to_side()
    if side.is_terminal and count % 200 == 0:
        sys.stderr.write(f"\r\x1b[K{count} journals")
        sys.stderr.flush()
