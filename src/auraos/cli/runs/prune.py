"""`auraos runs prune`: deleting runs that ended long ago, with all that is kept of them."""

import asyncio
from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter

from auraos.app.by_hand.pruning import prune_folder
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import print_json, to_people
from auraos.core.values import ValueRefusedError, parse_duration


def prune(
    *,
    older_than: Annotated[str, Parameter(help="How long ago they ended, such as 30d or 12h.")] = "30d",
    dry_run: Annotated[bool, Parameter(help="Only say how many would go.", negative=())] = False,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Delete runs that ended long ago, with their journals, logs and files, and give the room back to the disk.

    A run that is not over is never deleted, nor one that such a run belongs to, nor one that is held. Where a process serves
    the folder, that one does it. It also prunes by itself, see `auraos serve --retention`.
    """
    age = read_age(older_than)
    if age is None:
        raise WrongInputError(
            "0 keeps runs for ever, and nothing can be that old.", hint="Write --older-than 30d."
        )
    if database:
        from auraos.app.by_hand.database import prune_database  # noqa: PLC0415 (a folder needs no driver)

        pruned = asyncio.run(prune_database(database, data, age, is_dry=dry_run))
    else:
        pruned = asyncio.run(prune_folder(data, age, is_dry=dry_run))
    if json:
        print_json(
            {
                "ok": True,
                "dry_run": dry_run,
                "runs": pruned.runs,
                "held": pruned.held,
                "orphans": pruned.orphans,
            }
        )
        return Exit.DONE
    runs = "1 run" if pruned.runs == 1 else f"{pruned.runs:,} runs"
    to_people().line(f"{runs} would be deleted." if dry_run else f"{runs} deleted.")
    if pruned.held:
        to_people().line(f"{pruned.held:,} more are held, and stay: auraos privacy holds")
    return Exit.DONE


def read_age(text: str) -> timedelta | None:
    """Return a length of time; None for 0, which means for ever."""
    if text.strip() == "0":
        return None
    try:
        age = parse_duration(text)
    except ValueRefusedError as error:
        raise WrongInputError(error.message, hint="Write it as 30d, 12h, or 0 for ever.") from error
    if age < timedelta():
        raise WrongInputError(f"{text!r} is less than nothing.", hint="Write it as 30d, 12h, or 0 for ever.")
    return age or None
