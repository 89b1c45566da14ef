"""`auraos runs list`: it reads rows of a table and nothing else, so it needs neither the engine nor step types."""

from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from auraos.app.house import House
from auraos.cli.exits import Exit
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.runs.rows import STATE_TINTS, left_words, row_document, took, with_house
from auraos.cli.screen import fit, pad, print_json, to_people
from auraos.cli.times import clock, with_local_times
from auraos.engine.ports import RunQuery, RunRow

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
]
_MOVING = ("running", "cancelling", "compensating")


def list_runs(
    *,
    state: Annotated[tuple[State, ...], Parameter(help="Only runs in this state; may be given again.")] = (),
    workflow: Annotated[str, Parameter(help="Only runs of this workflow.")] = "",
    limit: Annotated[int, Parameter(help="How many at most.")] = 50,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """List the runs, the newest first."""
    query = RunQuery(states=state, workflow=workflow, limit=max(1, min(limit, 1000)))

    async def look(house: House) -> tuple[list[RunRow], bool, str]:
        return list(await house.store.runs(query)), house.is_driven, house.held

    rows, driven, held = with_house(data, look, database)
    if json:
        print_json({"ok": True, "driven": driven, "runs": [row_document(row) for row in rows]})
        return Exit.DONE
    screen = to_people()
    if not rows:
        screen.line("There are no such runs." if state or workflow else "There are no runs yet.")
    wide = max((len(row.workflow) for row in rows), default=0)
    for row in rows:
        tint = STATE_TINTS.get(row.state, "blue")
        lasted = took(row)
        left = row.state in _MOVING and not driven
        why = left_words(data, row, held, database=database) if left else fit(with_local_times(row.why), 70)
        line = f"{row.number:>6}  {screen.tint(pad(row.state, 12), tint)} {pad(row.workflow, wide)}  {clock(row.started_at)}"
        screen.line(f"{line}  {screen.tint(lasted, 'dim')}  {screen.tint(why, 'dim')}".rstrip())
    return Exit.DONE
