"""What is told of a run that another one called and that does not begin, or whose output is gone."""

import msgspec

from auraos.core.errors import UserError
from auraos.core.run.facts import ChildFinished, RunStarted, StepError
from auraos.engine.ports import LogLine, NotFoundError


def refusal_of(started: RunStarted, error: UserError, at: int) -> ChildFinished:
    """Return what a caller hears of a run that cannot begin."""
    assert started.parent is not None
    why = StepError(class_="permanent", code=error.code, message=error.message, hint=error.hint, at=at)
    return ChildFinished(
        at=at,
        path=started.parent.path,
        run=started.run,
        state="failed",
        error=why,
        page=started.page.number if started.page is not None else None,
    )


def words_of_refusal(started: RunStarted, error: UserError, at: int) -> list[LogLine]:
    """Return what the log of a run says when one that it sent off cannot begin."""
    parent = started.parent
    if parent is None:
        return []
    what = " that is to hear of its failure" if parent.kind == "failure" else ""
    words = f"The workflow {started.workflow!r}{what} was not started. {error.message}"
    fields = {"code": error.code, "workflow": started.workflow}
    return [
        LogLine(
            run=parent.run, path=parent.path, attempt=0, at=at, level="error", message=words, fields=fields
        )
    ]


def lost(told: ChildFinished, error: NotFoundError) -> ChildFinished:
    """Return the end of a called run whose output was deleted before it could be handed over."""
    message = f"The called run {told.run} was deleted before its output could be read. {error.message}"
    gone = StepError(class_="permanent", code="called-run-gone", message=message)
    return msgspec.structs.replace(told, state="refused", output=None, error=gone)
