"""Failed runs over HTTP that nobody has taken up again, each with the reason."""

from typing import Annotated

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Slug
from auraos.api.protocol.routes import Routes
from auraos.api.runs.run_shapes import RunShown
from auraos.api.runs.runs import reaches_of
from auraos.app.runs.failed import Failure, Wanted

routes = Routes()


class FailureList(msgspec.Struct, frozen=True, kw_only=True):
    """Which failed runs to list."""

    workflow: Slug | None = None
    code: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^[^\x00]*{END}", max_length=100, description="The code of the error, or its class."
        ),
    ] = ""
    since: Annotated[
        int, msgspec.Meta(ge=0, description="Those that failed since then, in microseconds since 1970.")
    ] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000


class FailureShown(msgspec.Struct, frozen=True, kw_only=True):
    """A failed run, and why it failed."""

    run: RunShown
    step: str
    """Without the numbers of loops; empty where the run failed as a whole."""
    error_class: str
    code: str

    @classmethod
    def of(cls, failure: Failure) -> "FailureShown":
        """Return what is shown of a failed run."""
        cause = failure.cause
        return cls(
            run=RunShown.of(failure.row), step=cause.step, error_class=cause.error_class, code=cause.code
        )


class FailurePage(msgspec.Struct, frozen=True, kw_only=True):
    """Failed runs, the newest first, and whether there are more of them."""

    items: tuple[FailureShown, ...]
    more: bool


@routes.get("/api/v1/failures", may="runs.read", narrows=True)
async def list_failures(ask: Ask, at: FailureList) -> FailurePage:
    """List the failed runs that nobody has taken up again: none of whose retries succeeded, or is under way."""
    wanted = Wanted(
        workflow=at.workflow or "", code=at.code, since=at.since, limit=at.limit, workspace=ask.workspace
    )
    found = await ask.desk.runs.failures(wanted, reaches_of(ask, "runs.read"))
    return FailurePage(items=tuple(map(FailureShown.of, found.failures)), more=found.more)
