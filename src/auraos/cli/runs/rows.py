"""What all commands that look at runs share: the folder opened for it, and a row of the table of runs, in words and in JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from auraos.app.by_hand.looking import open_to_look
from auraos.app.house import House, release_command
from auraos.cli.options import runs_command
from auraos.cli.screen import Tint
from auraos.cli.target import Target, chosen, refuse_local
from auraos.cli.times import now, took_words
from auraos.core.errors import AuraError
from auraos.engine.ports import RunRow

_T = TypeVar("_T")
Opening: TypeAlias = Callable[..., AbstractAsyncContextManager[House]]
STATE_TINTS: dict[str, Tint] = {
    "succeeded": "green",
    "failed": "red",
    "quarantined": "red",
    "waiting": "yellow",
    "paused": "yellow",
    "cancelled": "yellow",
    "compensated": "yellow",
}


def with_house(
    data: Path, look: Callable[[House], Awaitable[_T]], database: str = "", *, reveal: bool = False
) -> _T:
    """Look at a folder, at the database that is named, or at the server that is chosen."""
    target = None if database else chosen()

    opened = open_to_look(data, database, reveal=reveal) if target is None else _remote(target, reveal=reveal)

    async def go() -> _T:
        async with opened as house:
            return await look(house)

    return asyncio.run(go())


def opening(data: Path, allow_net: tuple[str, ...] = (), **local: Any) -> Opening:
    """Return what opens the house in which runs are led: the one of a folder, or the server that is chosen."""
    target = chosen()
    if target is None:
        from auraos.app.house import open_for_driving  # noqa: PLC0415

        return partial(open_for_driving, data, allow_net=allow_net, **local)
    refuse_local(allow_net=allow_net)
    return lambda **_: _remote(target)


def _remote(target: Target, *, reveal: bool = False) -> AbstractAsyncContextManager[House]:
    from auraos.app.remote.house import open_remote  # noqa: PLC0415 (most runs are in a folder)

    return open_remote(target.at, reveal=reveal)


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
