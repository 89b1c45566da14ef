"""`auraos runs search`: lines that the steps of any run logged."""

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from auraos.app.house import House
from auraos.cli.exits import Exit
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json, read_number
from auraos.cli.runs.rows import with_house
from auraos.cli.screen import Screen, Tint, clean, pad, print_json, to_people
from auraos.cli.times import clock, read_moment
from auraos.engine.counting import FOREVER

if TYPE_CHECKING:
    from auraos.app.runs.log_search import FoundLine, LinesFound, LineWish

_LEVEL_TINTS: dict[str, Tint] = {"warning": "yellow", "error": "red", "info": "green"}
_AT_ONCE = 1000
MOST = 10_000


def search(  # noqa: PLR0913 (a command has as many parameters as it has options)
    text: Annotated[
        str, Parameter(help="What stands in a line or its fields, in capital letters or small ones.")
    ] = "",
    /,
    *,
    workflow: Annotated[str, Parameter(help="Only lines of runs of this workflow.")] = "",
    step: Annotated[
        str, Parameter(help="Only lines of the step at this path; of a step in a loop, those of all rounds.")
    ] = "",
    level: Annotated[
        Literal["", "debug", "info", "warning", "error"],
        Parameter(help="Only lines of this level, or a more serious one.", show_default=False),
    ] = "",
    since: Annotated[
        str, Parameter(help="Only lines that were written since then: 24h, 7d, or 2026-11-20T17:30:00Z.")
    ] = "",
    until: Annotated[str, Parameter(help="Only lines that were written before then.")] = "",
    oldest: Annotated[
        bool, Parameter(negative="", help="Begin with the oldest run, not the newest.")
    ] = False,
    limit: Annotated[int, Parameter(help="How many lines at most, from 1 to 10,000.")] = 100,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Search what the steps of all runs logged, the newest run first, and of each run the newest line first.

    What private runs said is neither shown nor found.
    """
    most = read_number(limit, "--limit", 1, MOST)
    begin, end = read_moment(since, "--since"), read_moment(until, "--until") or FOREVER

    async def look(house: House) -> tuple[list["FoundLine"], str]:
        from auraos.app.runs.log_search import LineWish  # noqa: PLC0415 (a wrong option needs none of it)

        found: list[FoundLine] = []
        after = ""
        while True:
            wish = LineWish(
                text=text, workflow=workflow, step=step, level=level, since=begin, until=end, oldest_first=oldest,
                limit=min(_AT_ONCE, most - len(found)), after=after,
            )  # fmt: skip
            page = await _ask(house, wish)
            found += page.items
            after = page.next
            if not after or len(found) >= most:
                return found, after

    lines, rest = with_house(data, look, database)
    if json:
        print_json({"ok": True, "lines": [msgspec.to_builtins(line) for line in lines], "more": bool(rest)})
        return Exit.DONE
    screen = to_people()
    if not lines:
        screen.line("There are no such lines.")
    for line in lines:
        _show(screen, line)
    if rest:
        screen.line(screen.tint("There may be more; --limit shows more of them.", "cyan"))
    return Exit.DONE


async def _ask(house: House, wish: "LineWish") -> "LinesFound":
    if house.is_remote:
        from auraos.app.remote.house import RemoteHouse  # noqa: PLC0415 (most runs are in a folder)

        assert isinstance(house, RemoteHouse)
        return await house.search(wish)
    from auraos.app.runs.log_search import search_lines  # noqa: PLC0415

    return await search_lines(house.store, wish)


def _show(screen: Screen, line: "FoundLine") -> None:
    fields = " ".join(
        f"{name}={msgspec.json.encode(value, enc_hook=str).decode()}"
        for name, value in (line.fields or {}).items()
    )
    level = screen.tint(pad(line.level, 7), _LEVEL_TINTS.get(line.level, "dim"))
    where = f"{screen.tint(clock(line.at), 'dim')} {level} run {line.number} of {clean(line.workflow)}, {clean(line.path)}"
    screen.line(f"{where}: {clean(line.message)}  {screen.tint(clean(fields), 'dim')}".rstrip())
