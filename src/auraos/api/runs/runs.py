"""Runs over HTTP: start them, look at them as they are or were, answer and lead them."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.routes import About, Routes
from auraos.api.runs.run_shapes import (
    Brought,
    Cancelling,
    Decision,
    Ended,
    Event,
    Fact,
    JournalOf,
    JournalPage,
    LogPage,
    LogsOf,
    LookedAt,
    OneRun,
    Pausing,
    Prioritizing,
    Reasons,
    Repeating,
    Resolution,
    Resuming,
    RunAt,
    RunList,
    RunPage,
    RunShown,
    Signal,
    Start,
    StartOf,
    State,
    error_of,
    state_of,
    wait_of,
)
from auraos.app.runs.reading import LONG, beside
from auraos.app.runs.runs import Asking, NoRunError
from auraos.core.errors import UserError
from auraos.core.values import to_plain
from auraos.documents.definitions.rows import Ref
from auraos.engine.ports import NotFoundError, RunQuery, RunRow
from auraos.engine.slices import in_slices
from auraos.security.access.authorize import Thing

routes = Routes()

IDEMPOTENCY = "idempotency-key"
MOST_KEY = 200
MAY_REVEAL = "privacy.reveal"
TELLS = ("not-found", "ambiguous-run")
LED = (*TELLS, "request-refused-by-run", "held", "engine-closed")
MADE = (*LED, "key-taken", "key-refused", "cannot-inherit", "no-version", "definition-archived")


class KeyRefusedError(UserError):
    """An idempotency key is none."""

    code = "key-refused"


async def _run_thing(ask: Ask, at: Any) -> Thing | None:
    """Return the workflow of a run: whoever may do something to it may do so to its runs."""
    try:
        row = await ask.desk.runs.find(ask.workspace, at.run)
    except NoRunError:
        return None
    return await thing_of(ask, row.workflow)


async def thing_of(ask: Ask, workflow: str) -> Thing:
    """Return what a workflow is to those who may do something to some of them only, in the store or beside it."""
    row = await ask.desk.definitions.store.find(Ref(ask.workspace, "workflow", workflow))
    return Thing(kind="workflow", name=workflow, labels=row.labels if row is not None else {})


async def _workflow_thing(ask: Ask, at: StartOf) -> Thing | None:
    return await thing_of(ask, at.name.partition("@")[0])


ABOUT = About(find=_run_thing, missing=lambda _, at: NoRunError.of(at.run))
ABOUT_WORKFLOW = About(
    find=_workflow_thing,
    missing=lambda _, at: NotFoundError(
        f"There is no workflow named {at.name.partition('@')[0]!r} in this workspace.",
        hint="List what there is.",
    ),
)


@routes.post(
    "/api/v1/workflows/{name}/runs",
    may="runs.start",
    status=201,
    keyed=True,
    tells=("not-found", "input-refused", "definition-archived", "no-version", "key-taken", "engine-closed", "held", "starts-off"),
    about=ABOUT_WORKFLOW,
)  # fmt: skip
async def start_run(ask: Ask, at: StartOf, body: Start) -> Ended | Answer:
    """Start a run; under one Idempotency-Key it is started once, and the answer is 200 where it was there."""
    runs = ask.desk.runs
    begun = await runs.start(
        asking_of(ask), ask.workspace, at.name, given=body.input, variables=body.variables, key=key_of(ask),
        follow=bool(at.wait),
    )  # fmt: skip
    status = 201 if begun.is_new else 200
    if at.wait and ask.rest():
        ended = await runs.end(begun, min(at.wait, ask.limits.longest_wait.total_seconds()))
        await ask.require_still("runs.start")
        if ended.row is not None:
            return Answer.of(Ended.after(ended.row, ended.output, ended.error), status)
    row = None if at.wait else begun.row
    row = row or await runs.find(ask.workspace, begun.run)
    revealed = await reveals(ask, at, row, "output")
    return Answer.of(await _ended(ask, row, revealed=revealed), status)


@routes.get("/api/v1/runs", may="runs.read", narrows=True)
async def list_runs(ask: Ask, at: RunList) -> RunPage:
    """List runs, the newest first."""
    query = RunQuery(
        workspace=ask.workspace, states=at.state, workflow=at.workflow or "", before=at.after or "", limit=at.limit
    )  # fmt: skip
    rows, after = await ask.desk.runs.page(query, reaches_of(ask, "runs.read"))
    return RunPage(items=tuple(await in_slices(RunShown.of, rows)), next=after)


@routes.get("/api/v1/runs/{run}", may="runs.read", tells=TELLS, about=ABOUT)
async def show_run(ask: Ask, at: LookedAt) -> Ended | Answer:
    """Show a run, and what came of it."""
    row = await row_of(ask, at)
    revealed = await reveals(ask, at, row, "output")
    if row.finished_at is None:
        return Ended.after(row)
    seen = await ask.desk.runs.look(row, revealed=revealed)
    return await _told(seen.size, lambda: Ended.after(row, seen.view.output, seen.view.error))


@routes.get("/api/v1/runs/{run}/state", may="runs.read", tells=(*TELLS, "no-fact"), about=ABOUT)
async def show_state(ask: Ask, at: RunAt) -> State | Answer:
    """Show a run with its steps, as it is or as it was at a moment."""
    row = await row_of(ask, at)
    revealed = await reveals(ask, at, row, "state")
    seen = await ask.desk.runs.look(row, at.seq, revealed=revealed)
    return await _told(seen.size, lambda: state_of(seen))


@routes.get("/api/v1/runs/{run}/journal", may="runs.read", tells=TELLS, about=ABOUT)
async def list_facts(ask: Ask, at: JournalOf) -> JournalPage | Answer:
    """List the facts of a run, in order."""
    row = await row_of(ask, at)
    revealed = await reveals(ask, at, row, "journal")
    found = await ask.desk.runs.lines(row, at.after, at.limit + 1, revealed=revealed)
    items = tuple(Fact(seq=seq, fact=msgspec.Raw(line)) for seq, line in found[: at.limit])
    page = JournalPage(items=items, next=items[-1].seq if len(found) > at.limit else None)
    return await _told(sum(len(line) for _, line in found), lambda: page)


@routes.get("/api/v1/runs/{run}/why", may="runs.read", tells=TELLS, about=ABOUT)
async def explain_run(ask: Ask, at: LookedAt) -> Reasons:
    """Say why a run is where it is, and what it waits for."""
    row = await row_of(ask, at)
    seen = await ask.desk.runs.look(row, revealed=await reveals(ask, at, row, "why"))
    places = await ask.desk.runs.places(row)
    waits = tuple(wait_of(why, places.get(why.path, "")) for why in seen.view.why)
    return Reasons(state=row.state, why=row.why, waits=waits, error=error_of(seen.view.error))


@routes.get("/api/v1/runs/{run}/logs", may="runs.read", tells=TELLS, about=ABOUT)
async def list_log_lines(ask: Ask, at: LogsOf) -> LogPage:
    """List what the steps of a run logged."""
    row = await row_of(ask, at)
    revealed = await reveals(ask, at, row, "logs")
    lines = await ask.desk.runs.logs(row, at.step, at.limit + 1, after=at.after, revealed=revealed)
    items = tuple(msgspec.structs.replace(line, fields=to_plain(line.fields)) for line in lines[: at.limit])
    return LogPage(items=items, next=at.after + at.limit if len(lines) > at.limit else None)


@routes.post("/api/v1/runs/{run}/signal", may="runs.signal", tells=(*LED, "mailbox-full"), about=ABOUT)
async def signal_run(ask: Ask, at: OneRun, body: Signal) -> RunShown:
    """Send a signal that a run waits for; one that comes early is kept for it."""
    row = await row_of(ask, at)
    await ask.desk.runs.signal(asking_of(ask), row, body.name, body.data, body.key, body.id)
    return await _after(ask, row)


@routes.post("/api/v1/runs/{run}/approve", may="runs.approve", tells=LED, about=ABOUT)
async def approve_run(ask: Ask, at: OneRun, body: Decision) -> RunShown:
    """Answer what a step of a run asks."""
    row = await row_of(ask, at)
    await ask.desk.approvals.answer(
        asking_of(ask), ask.known, row, body.decision, path=body.step, comment=body.comment, data=body.data
    )
    return await _after(ask, row)


@routes.post("/api/v1/runs/{run}/resolve", may="runs.resolve", tells=LED, about=ABOUT)
async def resolve_run(ask: Ask, at: OneRun, body: Resolution) -> RunShown:
    """Say what became of an attempt whose outcome is unknown."""
    row = await row_of(ask, at)
    await ask.desk.runs.resolve(
        asking_of(ask), row, body.outcome, path=body.step, attempt=body.attempt, output=body.output, message=body.message
    )  # fmt: skip
    return await _after(ask, row)


@routes.post("/api/v1/runs/{run}/pause", may="runs.pause", tells=LED, about=ABOUT)
async def pause_run(ask: Ask, at: OneRun, body: Pausing) -> RunShown:
    """Start nothing new in a run until it is resumed."""
    row = await row_of(ask, at)
    await ask.desk.runs.pause(asking_of(ask), row, body.reason)
    return await _after(ask, row)


@routes.post("/api/v1/runs/{run}/resume", may="runs.resume", tells=LED, about=ABOUT)
async def resume_run(ask: Ask, at: OneRun, body: Resuming) -> RunShown:
    """Let a run go on that is paused or in quarantine."""
    row = await row_of(ask, at)
    await ask.desk.runs.resume(asking_of(ask), row, body.variables)
    return await _after(ask, row)


@routes.post("/api/v1/runs/{run}/prioritize", may="runs.prioritize", tells=LED, about=ABOUT)
async def prioritize_run(ask: Ask, at: OneRun, body: Prioritizing) -> RunShown:
    """Change the priority of a run that waits to begin."""
    row = await row_of(ask, at)
    await ask.desk.runs.prioritize(asking_of(ask), row, body.priority)
    return await _after(ask, row)


@routes.post("/api/v1/runs/{run}/cancel", may="runs.cancel", tells=LED, about=ABOUT)
async def cancel_run(ask: Ask, at: OneRun, body: Cancelling) -> RunShown:
    """End a run; what it must clean up still runs."""
    row = await row_of(ask, at)
    await ask.desk.runs.cancel(asking_of(ask), row, body.reason, undo=body.undo, force=body.force)
    return await _after(ask, row)


@routes.post("/api/v1/runs/{run}/retry", may="runs.retry", status=201, tells=MADE, about=ABOUT, keyed=True)
async def retry_run(ask: Ask, at: OneRun, body: Repeating) -> RunShown | Answer:
    """Start a new run that goes on where a failed one ended, or begins again at a step."""
    return await _again(ask, at, body, "retry")


@routes.post("/api/v1/runs/{run}/fork", may="runs.fork", status=201, tells=MADE, about=ABOUT, keyed=True)
async def fork_run(ask: Ask, at: OneRun, body: Repeating) -> RunShown | Answer:
    """Start a new run out of one that is over, perhaps with other outputs."""
    return await _again(ask, at, body, "fork")


@routes.post("/api/v1/events", may="events.send", tells=("engine-closed", "held", "value-refused"))
async def send_event(ask: Ask, body: Event) -> Brought:
    """Bring an event to every run that waits for its type."""
    runs = await ask.desk.runs.publish(asking_of(ask), ask.workspace, body.type, body.data, body.id)
    return Brought(runs=runs)


async def _again(ask: Ask, at: OneRun, body: Repeating, kind: Literal["retry", "fork"]) -> Answer:
    runs, row, key = ask.desk.runs, await row_of(ask, at), key_of(ask)
    how: dict[str, Any] = {
        "start_at": body.start_at, "changes": body.changes or None, "repeat": body.again, "version": body.version
    }  # fmt: skip
    if key:
        made, is_new = await runs.again_once(asking_of(ask), row, kind, key, **how)
    else:
        made, is_new = await runs.again(asking_of(ask), row, kind, **how), True
    return Answer.of(RunShown.of(made), 201 if is_new else 200)


async def row_of(ask: Ask, at: Any) -> RunRow:
    """Return the run that is named."""
    return await ask.desk.runs.find(ask.workspace, at.run)


async def _after(ask: Ask, row: RunRow) -> RunShown:
    """Return a run as it is after something was asked of it."""
    return RunShown.of(await ask.desk.runs.find(ask.workspace, row.run))


def asking_of(ask: Ask) -> Asking:
    """Return who asks, as the runs and the audit trail are told."""
    return Asking(actor=ask.actor, request=ask.asked.request)


def key_of(ask: Ask) -> str:
    """Return the key under which a run is started once."""
    key = ask.asked.headers.get(IDEMPOTENCY, "").strip()
    if len(key) > MOST_KEY:
        raise KeyRefusedError(f"The Idempotency-Key has more than {MOST_KEY} characters.")
    return key


def reaches_of(ask: Ask, action: str) -> Callable[[RunRow], Awaitable[bool]] | None:
    """Return what says of a run whether whoever asks may do this to it; None where they may to all."""
    scope = ask.scope(action)
    if scope.is_whole:
        return None
    things: dict[str, Thing] = {}

    async def reaches(row: RunRow) -> bool:
        if row.workflow not in things:
            things[row.workflow] = await thing_of(ask, row.workflow)
        return scope.reaches(things[row.workflow])

    return reaches


async def reveals(ask: Ask, at: Any, row: RunRow, what: str) -> bool:
    """Return whether what a private run is about is shown: where that is asked for, by somebody who may, and written down."""
    if not at.reveal or not await ask.desk.runs.is_private(row):
        return False
    ask.require(MAY_REVEAL, await thing_of(ask, row.workflow))
    await ask.desk.runs.note_reveal(asking_of(ask), row, what)
    return True


async def _told(size: int, make: Callable[[], Any]) -> Answer:
    """Return the answer that says what `make` returns, made beside the loop where that is long."""
    return Answer.of(make()) if size < LONG else await beside(size, lambda: Answer.of(make()))


async def _ended(ask: Ask, row: RunRow, *, revealed: bool = False) -> Ended:
    if row.finished_at is None:
        return Ended.after(row)
    seen = (await ask.desk.runs.look(row, revealed=revealed)).view
    return Ended.after(row, seen.output, seen.error)
