"""The logs of all runs of a workspace over HTTP: searched by words, workflow, step, level and time."""

from typing import Annotated, Literal

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Limit, Moment, Slug
from auraos.api.protocol.routes import Routes
from auraos.api.runs.run_shapes import Path, Reveal, RunName
from auraos.api.runs.runs import MAY_REVEAL, asking_of, reaches_of
from auraos.app.runs.log_search import LinesFound, LineWish
from auraos.app.runs.runs import NoRunError
from auraos.engine.counting import FOREVER
from auraos.security.access.authorize import Thing

routes = Routes()

Text = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^[^\x00]*{END}",
        max_length=200,
        description="Stands in the message or in the fields, in capital letters or small ones.",
    ),
]
Level = Annotated[
    Literal["debug", "info", "warning", "error"], msgspec.Meta(description="It, or a more serious one.")
]
Cursor = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^[0-9A-Za-z_.~:-]*{END}", max_length=250, description="`next` of the answer before."
    ),
]


class LogSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines are meant, of which runs, and in which order those are looked at."""

    q: Text = ""
    workflow: Slug | None = None
    run: RunName | None = None
    step: Path | None = None
    level: Level | None = None
    since: Moment | None = None
    until: Moment | None = None
    order: Literal["newest", "oldest"] = "newest"
    after: Cursor = ""
    limit: Limit = 100
    reveal: Reveal = False


@routes.get(
    "/api/v1/logs", may="runs.read", narrows=True, tells=("not-found", "ambiguous-run", "cursor-refused")
)
async def list_logs(ask: Ask, at: LogSearch) -> LinesFound:
    """Search what the steps of runs logged; one request looks at so many runs and lines, and says where to go on."""
    reaches = reaches_of(ask, "runs.read")
    only = await ask.desk.runs.find(ask.workspace, at.run) if at.run else None
    if at.run and only is not None and reaches is not None and not await reaches(only):
        raise NoRunError.of(at.run)
    wish = LineWish(
        workspace=ask.workspace, text=at.q, workflow=at.workflow or "", step=at.step or "", level=at.level or "",
        since=at.since or 0, until=FOREVER if at.until is None else at.until, oldest_first=at.order == "oldest",
        after=at.after, limit=at.limit,
    )  # fmt: skip
    search = ask.desk.log_book.search
    if not at.reveal:
        return await search(asking_of(ask), wish, only=only, reaches=reaches)
    if not ask.scope(MAY_REVEAL).is_whole and not ask.scope(MAY_REVEAL).parts:
        ask.require(MAY_REVEAL, Thing(kind="workflow", name=at.workflow or ""))
    reveals = reaches_of(ask, MAY_REVEAL) or _always
    return await search(asking_of(ask), wish, only=only, reaches=reaches, reveals=reveals)


async def _always(_: object) -> bool:
    return True
