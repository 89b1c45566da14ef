"""`auraos runs list`: it reads rows of a table and nothing else, so it needs neither the engine nor step types."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from cyclopts import Parameter

from auraos.app.house import House
from auraos.app.runs.listing import Page, find_cursor, read_page
from auraos.cli.exits import Exit
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json, read_number, runs_command
from auraos.cli.runs.rows import STATE_TINTS, left_words, row_document, took, with_house
from auraos.cli.screen import clean, fit, pad, print_json, to_people
from auraos.cli.times import clock, with_local_times
from auraos.engine.ports import RunQuery

State: TypeAlias = Literal[
    "queued",
    "running",
    "waiting",
    "cancelling",
    "compensating",
    "paused",
    "quarantined",
    "succeeded",
    "failed",
    "cancelled",
    "compensated",
    "moved",
]
SHOWN, MOST = 50, 10_000
_MOVING = ("running", "cancelling", "compensating")


def list_runs(
    *,
    state: Annotated[tuple[State, ...], Parameter(help="Only runs in this state; may be given again.")] = (),
    workflow: Annotated[str, Parameter(help="Only runs of this workflow.")] = "",
    limit: Annotated[int, Parameter(help="How many at most, from 1 to 10,000.")] = SHOWN,
    after: Annotated[
        str,
        Parameter(
            help="Go on after this run, the last of the list before: its number, or the id under `next` of --json."
        ),
    ] = "",
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """List the runs, the newest first.

    Where there are more of them, the last line says how to see the next ones. What begins meanwhile does not shift them.
    """
    wanted = RunQuery(states=state, workflow=workflow, limit=read_number(limit, "--limit", 1, MOST))

    async def look(house: House) -> tuple[Page, bool, str]:
        before = await find_cursor(house, after) if after else ""
        page = await read_page(house, msgspec.structs.replace(wanted, before=before))
        return page, house.is_driven, house.held

    page, driven, held = with_house(data, look, database)
    rows = page.rows
    if json:
        listed = [row_document(row) for row in rows]
        print_json({"ok": True, "driven": driven, "runs": listed, "next": page.next})
        return Exit.DONE
    screen = to_people()
    if not rows:
        screen.line("There are no such runs." if state or workflow or after else "There are no runs yet.")
    wide = max((len(row.workflow) for row in rows), default=0)
    for row in rows:
        tint = STATE_TINTS.get(row.state, "blue")
        lasted = took(row)
        left = row.state in _MOVING and not driven
        why = left_words(data, row, held, database=database) if left else fit(with_local_times(row.why), 70)
        line = f"{row.number:>6}  {screen.tint(pad(row.state, 12), tint)} {pad(row.workflow, wide)}  {clock(row.started_at)}"
        screen.line(f"{line}  {screen.tint(lasted, 'dim')}  {screen.tint(why, 'dim')}".rstrip())
    if page.next:
        again = [word for one in state for word in ("--state", one)]
        again += ["--workflow", workflow] * bool(workflow) + ["--limit", str(limit)] * (limit != SHOWN)
        command = runs_command(data, "list", *again, "--after", rows[-1].number)
        if database:  # its address may hold a password
            command = f"this command with --after {rows[-1].number}"
        screen.line(f"There are more: {screen.tint(clean(command), 'cyan')}")
    return Exit.DONE
