"""How the runs of a workflow went, over HTTP: in figures, for any window of time."""

from typing import Annotated

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Moment, Slug
from auraos.api.protocol.routes import About, Routes
from auraos.api.runs.runs import thing_of
from auraos.app.runs.figures import WorkflowFigures
from auraos.documents.definitions.rows import Ref
from auraos.engine.ports import NotFoundError
from auraos.security.access.authorize import Thing

routes = Routes()

VersionName = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^([1-9][0-9]{{0,8}}|[0-9a-f]{{12,64}}){END}",
        max_length=64,
        description="Only runs of this version: its number, its hash, or at least twelve characters of it.",
    ),
]


class FiguresOf(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a workflow that were asked for from `since` on, without which it is seven days, and before `until`."""

    name: Slug
    since: Moment | None = None
    until: Moment | None = None
    version: VersionName | None = None


async def _thing(ask: Ask, at: FiguresOf) -> Thing | None:
    return await thing_of(ask, at.name)


def _missing(at: FiguresOf) -> NotFoundError:
    return NotFoundError(
        f"There is no workflow named {at.name!r} in this workspace.", hint="List what there is."
    )


@routes.get(
    "/api/v1/workflows/{name}/figures",
    may="runs.read",
    tells=("not-found", "no-version"),
    about=About(find=_thing, missing=lambda _, at: _missing(at)),
)
async def show_workflow_figures(ask: Ask, at: FiguresOf) -> WorkflowFigures:
    """Tell how the runs of a workflow went: how many, how they ended, how long they took, waited, and each step took."""
    figures = await ask.desk.figures.of(
        ask.workspace, at.name, since=at.since, until=at.until, version=at.version or ""
    )
    if (
        not figures.all.begun
        and await ask.desk.definitions.store.find(Ref(ask.workspace, "workflow", at.name)) is None
    ):
        raise _missing(at)
    return figures
