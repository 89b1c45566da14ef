"""What all commands that look at runs share: the folder opened for it, and a row of the table of runs, in words and in JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from auraos.app.house import House, release_command
from auraos.app.looking import open_to_look
from auraos.cli.options import runs_command
from auraos.cli.screen import Tint
from auraos.cli.times import now, took_words
from auraos.core.errors import AuraError
from auraos.engine.ports import RunRow

_T = TypeVar("_T")
STATE_TINTS: dict[str, Tint] = {
    "succeeded": "green",
    "failed": "red",
    "quarantined": "red",
    "waiting": "yellow",
    "paused": "yellow",
    "cancelled": "yellow",
    "compensated": "yellow",
}


def with_house(data: Path, look: Callable[[House], Awaitable[_T]], database: str = "") -> _T:
    """Look at a folder, or at the database that is named."""

    async def go() -> _T:
        async with open_to_look(data, database) as house:
            return await look(house)

    return asyncio.run(go())


@contextmanager
def called_by_number(name: str, row: RunRow) -> Iterator[None]:
    """Let what is refused of a run call it by its number, as people do; by its id where the person wrote that."""
    try:
        yield
    except AuraError as error:
        if name != row.run:
            error.message = error.message.replace(row.run, str(row.number))
            error.hint = error.hint.replace(row.run, str(row.number))
        raise


def left_words(data: Path, row: RunRow, held: str, *, database: str = "") -> str:
    """Return why nobody leads a run on, and what to do."""
    if held:
        return f"{held} `{release_command(data)}` lets it go on."
    if database:
        return "No process leads it on now; `auraos serve` with this database does so."
    return f"No process leads it on now; `{runs_command(data, 'resume', row.number)}` does so."


def took(row: RunRow) -> str:
    """Return how long a run took, or has been there."""
    return took_words((row.finished_at or now()) - row.started_at)


def row_document(row: RunRow) -> dict[str, Any]:
    return {
        "run": row.run,
        "number": row.number,
        "workflow": row.workflow,
        "version": row.version,
        "state": row.state,
        "why": row.why,
        "started_at": row.started_at,
        "changed_at": row.changed_at,
        "finished_at": row.finished_at,
        "by": row.by,
        "parent": row.parent,
    }
