"""One wish for many runs: looked at first, then done to each of them in the background, with what became of each.

What somebody may do to one run by its route they may do to many here, and to the same runs.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Id, Limit, Slug
from auraos.api.protocol.routes import Routes
from auraos.api.runs.run_shapes import (
    Cancelling,
    Number,
    Pausing,
    Prioritizing,
    Repeating,
    Resuming,
    RunName,
    RunShown,
    Signal,
    StateName,
)
from auraos.api.runs.runs import asking_of, reaches_of
from auraos.app.bulk.bulks import NoBulkError
from auraos.app.bulk.selecting import MOST, Selection, Which
from auraos.core.errors import UserError
from auraos.engine.ports import RunRow
from auraos.storage.tables.bulk_rows import Action, Became, Bulk, BulkRun, Deed

routes = Routes()

MOST_NAMED = 1000
MOST_SHOWN = 100
"""So many runs are shown of those that would be meant."""
LONGEST_WAIT = 30
TELLS = ("bulk-changed", "bulk-refused")


class BulkRefusedError(UserError):
    """A wish for many runs does not say which, or says it twice."""

    code = "bulk-refused"


class Filter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs by what they have in common; without states, those that it can be done to. Times are microseconds since 1970."""

    workflow: Slug | None = None
    state: Annotated[tuple[StateName, ...], msgspec.Meta(max_length=10)] = ()
    version: Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]*{END}", max_length=64)] = ""
    code: Annotated[
        str,
        msgspec.Meta(
            max_length=100, description="The code or class of the error of failed runs, for `retry`."
        ),
    ] = ""
    since: Number = 0
    until: Number = 0


class ForMany(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which runs are meant, by name or by a filter, and how it is done."""

    runs: Annotated[tuple[RunName, ...], msgspec.Meta(max_length=MOST_NAMED)] = ()
    filter: Filter | None = None
    limit: Annotated[
        int, msgspec.Meta(ge=1, le=MOST, description="No more than so many of what the filter finds.")
    ] = 1000
    dry_run: Annotated[bool, msgspec.Meta(description="Only say which runs are meant.")] = False
    expect: Annotated[
        Number | None, msgspec.Meta(description="Refuse it unless it means so many runs, as a dry run told.")
    ] = None
    first: Annotated[
        Number, msgspec.Meta(description="Do it to so many, then wait until somebody says to go on.")
    ] = 0


class Waited(msgspec.Struct, frozen=True, kw_only=True):
    """For how many seconds its end is awaited."""

    wait: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = 5


class OneBulk(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for many runs, and a page of them: those after this position."""

    id: Id
    after: Number | None = None
    limit: Limit = 100


class BulkAt(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for many runs."""

    id: Id


class BulkList(msgspec.Struct, frozen=True, kw_only=True):
    """Which wishes to list."""

    after: Annotated[Id, msgspec.Meta(description="`next` of the page before.")] | None = None
    limit: Limit = 50


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be meant: how many runs are in which state, and the first of them. `more`: the filter finds more."""

    more: bool
    states: dict[str, int]
    runs: tuple[RunShown, ...]


class BulkShown(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for many runs, and how far it is; of one that was only looked at, a preview."""

    id: str
    action: Action
    state: str
    by: str
    total: int
    done: int
    refused: int
    unknown: int
    created_at: int
    over_at: int
    preview: Preview | None = None

    @classmethod
    def of(cls, bulk: Bulk) -> "BulkShown":
        """Return what is shown of it."""
        own = ("action", "by", "preview")
        told = {name: getattr(bulk, name) for name in BulkShown.__struct_fields__ if name not in own}
        return cls(action=bulk.deed.action, by=bulk.actor.name or bulk.actor.id, **told)

    @classmethod
    def before(cls, action: Action, by: str, selection: Selection) -> "BulkShown":
        """Return what is told of one that only would be."""
        rows = [each.row for each in selection.meant[:MOST_SHOWN] if each.row is not None]
        preview = Preview(
            more=selection.more, states=selection.states, runs=tuple(RunShown.of(row) for row in rows)
        )
        return cls(
            id="", action=action, state="preview", by=by, total=len(selection.meant), done=0, refused=0, unknown=0,
            created_at=0, over_at=0, preview=preview,
        )  # fmt: skip


class BulkPage(msgspec.Struct, frozen=True, kw_only=True):
    """Wishes, the newest first; `next` asks for the page after it."""

    items: tuple[BulkShown, ...]
    next: str = ""


class BulkRunShown(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run; `made` is the run that was started in its place."""

    position: int
    run: str
    number: int
    became: Became
    code: str
    message: str
    made: str

    @classmethod
    def of(cls, run: BulkRun) -> "BulkRunShown":
        """Return what is shown of it."""
        return cls(**{name: getattr(run, name) for name in cls.__struct_fields__})


class BulkDetail(BulkShown, frozen=True, kw_only=True):
    """A wish with what became of each run; those after `next` are on the page after it."""

    runs: tuple[BulkRunShown, ...]
    next: int | None = None


# --- the wishes ---


class CancelMany(ForMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs to end."""

    how: Cancelling = Cancelling()


class PauseMany(ForMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs to pause."""

    how: Pausing = Pausing()


class ResumeMany(ForMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs to let go on."""

    how: Resuming = Resuming()


class RepeatMany(ForMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs to begin once more."""

    how: Repeating = Repeating()


class PrioritizeMany(ForMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs whose turn changes."""

    how: Prioritizing


class SignalMany(ForMany, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs that get a signal."""

    how: Signal


@routes.post("/api/v1/bulks/cancel", may="runs.cancel", status=202, also=(200,), tells=TELLS, narrows=True)
async def cancel_many(ask: Ask, at: Waited, body: CancelMany) -> BulkShown | Answer:
    """End many runs."""
    return await _begin(ask, at, body, "cancel", body.how)


@routes.post("/api/v1/bulks/pause", may="runs.pause", status=202, also=(200,), tells=TELLS, narrows=True)
async def pause_many(ask: Ask, at: Waited, body: PauseMany) -> BulkShown | Answer:
    """Start nothing new in many runs until they are resumed."""
    return await _begin(ask, at, body, "pause", body.how)


@routes.post("/api/v1/bulks/resume", may="runs.resume", status=202, also=(200,), tells=TELLS, narrows=True)
async def resume_many(ask: Ask, at: Waited, body: ResumeMany) -> BulkShown | Answer:
    """Let many runs go on."""
    return await _begin(ask, at, body, "resume", body.how)


@routes.post("/api/v1/bulks/retry", may="runs.retry", status=202, also=(200,), tells=TELLS, narrows=True)
async def retry_many(ask: Ask, at: Waited, body: RepeatMany) -> BulkShown | Answer:
    """Start a new run for each of many that failed; those that were taken up again already are left out."""
    return await _begin(ask, at, body, "retry", body.how)


@routes.post("/api/v1/bulks/fork", may="runs.fork", status=202, also=(200,), tells=TELLS, narrows=True)
async def fork_many(ask: Ask, at: Waited, body: RepeatMany) -> BulkShown | Answer:
    """Start a new run out of each of many that are over."""
    return await _begin(ask, at, body, "fork", body.how)


@routes.post(
    "/api/v1/bulks/prioritize", may="runs.prioritize", status=202, also=(200,), tells=TELLS, narrows=True
)
async def prioritize_many(ask: Ask, at: Waited, body: PrioritizeMany) -> BulkShown | Answer:
    """Change the priority of many runs that wait to begin."""
    return await _begin(ask, at, body, "prioritize", body.how)


@routes.post("/api/v1/bulks/signal", may="runs.signal", status=202, also=(200,), tells=TELLS, narrows=True)
async def signal_many(ask: Ask, at: Waited, body: SignalMany) -> BulkShown | Answer:
    """Send a signal to many runs."""
    return await _begin(ask, at, body, "signal", body.how)


# --- looking at them, and leading them ---


@routes.get("/api/v1/bulks", may="runs.read", narrows=True)
async def list_bulks(ask: Ask, at: BulkList) -> BulkPage:
    """List wishes for many runs, the newest first; whoever sees some runs only is shown their own."""
    found = await ask.desk.bulks.newest(ask.workspace, at.after or "", at.limit + 1)
    items = tuple(BulkShown.of(bulk) for bulk in found[: at.limit] if _is_seen(ask, bulk))
    return BulkPage(items=items, next=found[at.limit - 1].id if len(found) > at.limit else "")


@routes.get("/api/v1/bulks/{id}", may="runs.read", tells=("no-bulk",), narrows=True)
async def show_bulk(ask: Ask, at: OneBulk) -> BulkDetail:
    """Show a wish for many runs, and what became of each."""
    bulk = await _bulk(ask, at.id)
    after = -1 if at.after is None else at.after
    found = await ask.desk.bulks.runs(bulk, after, at.limit + 1)
    runs = tuple(BulkRunShown.of(run) for run in found[: at.limit])
    return BulkDetail(
        **msgspec.structs.asdict(BulkShown.of(bulk)), runs=runs,
        next=runs[-1].position if len(found) > at.limit else None,
    )  # fmt: skip


@routes.post("/api/v1/bulks/{id}/stop", may="runs.pause", tells=("no-bulk", "bulk-state"), narrows=True)
async def stop_bulk(ask: Ask, at: BulkAt) -> BulkShown:
    """Do nothing more to the runs that are left."""
    bulk = await _own(ask, at.id)
    return BulkShown.of(await ask.desk.bulks.stop(asking_of(ask), bulk))


@routes.post("/api/v1/bulks/{id}/go-on", may="runs.resume", tells=("no-bulk", "bulk-state"), narrows=True)
async def go_on_with_bulk(ask: Ask, at: BulkAt) -> BulkShown:
    """Go on with the runs that are left, after the first ones or after a stop."""
    bulk = await _own(ask, at.id)
    return BulkShown.of(await ask.desk.bulks.go_on(asking_of(ask), bulk))


async def _begin(ask: Ask, at: Waited, body: ForMany, action: Action, how: Any) -> Answer:
    if bool(body.runs) == (body.filter is not None):
        raise BulkRefusedError("Say which runs are meant.", hint="Give either `runs` or a `filter`.")
    deed, bulks = _deed(action, how), ask.desk.bulks
    reaches = _reaches(ask, action)
    selection = await bulks.select(ask.workspace, deed, _which(body), body.limit, reaches)
    if body.dry_run:
        by = ask.known.name or ask.known.id
        return Answer.of(BulkShown.before(action, by, selection))
    begun = await bulks.begin(
        asking_of(ask), ask.workspace, deed, selection, first=body.first, expect=body.expect
    )
    bulk = begun
    if at.wait and ask.rest():
        bulk = await bulks.settled(begun, at.wait)
        await ask.require_still(f"runs.{action}")
    return Answer.of(BulkShown.of(bulk), 202 if bulk.state == "running" else 200)


def _reaches(ask: Ask, action: Action) -> Callable[[RunRow], Awaitable[bool]] | None:
    """Return what says of a run whether whoever asks may see it and do this to it; None where they may to all."""
    reaching = [reaches_of(ask, "runs.read"), reaches_of(ask, f"runs.{action}")]
    tests = [each for each in reaching if each is not None]

    async def reaches(row: RunRow) -> bool:
        return all([await test(row) for test in tests])

    return reaches if tests else None


def _deed(action: Action, how: Any) -> Deed:
    told = {name: getattr(how, name) for name in how.__struct_fields__ if name != "id"}
    return Deed(action=action, **told)


def _which(body: ForMany) -> Which:
    given = body.filter or Filter()
    return Which(
        runs=body.runs, workflow=given.workflow or "", states=given.state, version=given.version, code=given.code,
        since=given.since, until=given.until,
    )  # fmt: skip


async def _bulk(ask: Ask, name: str) -> Bulk:
    bulk = await ask.desk.bulks.find(ask.workspace, name)
    if not _is_seen(ask, bulk):
        raise NoBulkError(f"There is no bulk {name!r}.", hint="List the bulks.")
    return bulk


async def _own(ask: Ask, name: str) -> Bulk:
    """Return a wish that whoever asks could have had: of an action that they may do to all runs, or their own."""
    bulk = await _bulk(ask, name)
    scope = ask.scope(f"runs.{bulk.deed.action}")
    if not scope.is_whole and not (scope.parts and bulk.actor.id == ask.known.id):
        raise NoBulkError(f"There is no bulk {name!r}.", hint="List the bulks.")
    return bulk


def _is_seen(ask: Ask, bulk: Bulk) -> bool:
    return ask.scope("runs.read").is_whole or bulk.actor.id == ask.known.id
