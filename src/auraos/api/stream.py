"""What happens, told as it does: server-sent events, each with a number after which a reader goes on who was cut off.

Whoever reads is asked for again and again: a reader who may not read any more is cut off within seconds. One who reads too
slowly is cut off too, and goes on where they were.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Final, TypeAlias

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.events import STREAM, Events, event
from auraos.api.protocol.names import END, Slug
from auraos.api.protocol.routes import About, Routes
from auraos.api.runs.run_shapes import Reveal, RunShown
from auraos.api.runs.runs import MAY_REVEAL, reveals, thing_of
from auraos.api.workspaces.audit_shapes import EntryShown
from auraos.app.runs.runs import NoRunError
from auraos.app.serving.feeds import TooManyStreamsError
from auraos.core.errors import UserError
from auraos.core.run import encode_fact
from auraos.core.values import to_plain
from auraos.documents.definitions.rows import Ref
from auraos.engine.ports import RunRow
from auraos.engine.stream import Change
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import NotAllowedError
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.scope import Scope
from auraos.security.audit.store import Filter

routes = Routes()

LAST = "last-event-id"
MAY = "runs.read"
MAY_AUDIT = "audit.read"
MAY_DEFINITIONS = "definitions.read"
AUDIT, ALL_AUDIT = "audit", "installation/audit"
LOOK_FOR_ENTRIES: Final = 1.0
"""So often, in seconds, it is looked for new entries of the audit trail."""
Still: TypeAlias = Callable[[], Awaitable[bool]]
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class LastEventError(UserError):
    """The last event that a reader names is none."""

    code = "last-event-refused"


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of."""

    topic: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^(runs(/[A-Za-z0-9_][A-Za-z0-9_.~-]*)?|definitions|audit|installation/audit){END}",
            max_length=140,
            description="`runs/` and the id or the number of a run; `runs` for how all runs of the workspace stand,"
            " `definitions` for what is done to its definitions; `audit` for the audit trail of the workspace,"
            " `installation/audit` for all of it.",
        ),
    ]
    workflow: Annotated[Slug, msgspec.Meta(description="Of `runs`, only those of this workflow.")] | None = (
        None
    )
    reveal: Reveal = False

    @property
    def run(self) -> str:
        """Return the name of the run."""
        return self.topic.removeprefix("runs/")


async def _thing(ask: Ask, at: Topic) -> Thing | None:
    if "/" not in at.topic or at.topic == ALL_AUDIT:
        return None
    try:
        row = await ask.desk.runs.find(ask.workspace, at.run)
    except NoRunError:
        return None
    return await thing_of(ask, row.workflow)


@routes.get(
    "/api/v1/stream",
    may=MAY,
    tells=("not-found", "ambiguous-run", "last-event-refused", "too-many-streams"),
    gives=STREAM,
    about=About(find=_thing, missing=lambda _, at: NoRunError.of(at.run)),
    narrows=True,
)
async def follow_topic(ask: Ask, at: Topic) -> Events:
    """Tell what happens, as server-sent events; `Last-Event-ID` says after which one."""
    last = ask.asked.headers.get(LAST, "").strip()
    after = _after(last)
    coming, still, end = await _topic(ask, at, after if last else None)
    try:
        seat = ask.desk.feeds.enter(ask.known.id)
    except TooManyStreamsError:
        await coming.aclose()
        raise
    return Events(coming, still, end, seat=seat)


async def _topic(ask: Ask, at: Topic, after: int | None) -> tuple[AsyncGenerator[bytes, None], Still, bytes]:
    """Return what comes, what says whether it may still be read, and what is told at its end."""
    match at.topic:
        case "audit" | "installation/audit":
            workspace = ask.workspace if at.topic == AUDIT else EVERYWHERE
            ask.require(MAY_AUDIT, Thing(), workspace)
            return (
                _entries(ask, workspace, after),
                lambda: ask.still_may(MAY_AUDIT, workspace, whole=True),
                b"",
            )
        case "runs":
            now = Now(ask, MAY)
            return _runs(ask, now, at.workflow or "", after or 0), now.look, b""
        case "definitions":
            now = Now(ask, MAY_DEFINITIONS)
            if now.scope is None:
                raise NotAllowedError("You may not read definitions here.", action=MAY_DEFINITIONS)
            return _definitions(ask, now, after), now.look, b""
    return await _run(ask, at, after or 0)


async def _run(ask: Ask, at: Topic, after: int) -> tuple[AsyncGenerator[bytes, None], Still, bytes]:
    row = await ask.desk.runs.find(ask.workspace, at.run)
    thing = await thing_of(ask, row.workflow)
    if not ask.scope(MAY).reaches(thing):
        raise NoRunError.of(at.run)
    revealed = await reveals(ask, at, row, "stream")

    async def still() -> bool:
        scope = await ask.scope_now(MAY)
        if scope is None or not scope.reaches(await thing_of(ask, row.workflow)):
            return False
        return not revealed or await ask.still_may(MAY_REVEAL)

    return _changes(ask, row, after, revealed=revealed), still, event("end", {"run": row.run})


class Now:
    """What a reader may see by now: grants that were narrowed count within seconds."""

    def __init__(self, ask: Ask, action: str) -> None:
        self._ask = ask
        self._action = action
        own = ask.scope(action)
        self.scope: Scope | None = own if own.is_whole or own.parts else None

    async def look(self) -> bool:
        """Look anew; return whether there is anything left that may be seen."""
        self.scope = await self._ask.scope_now(self._action)
        return self.scope is not None

    def reaches(self, thing: Thing) -> bool:
        """Return whether a thing may be seen."""
        return self.scope is not None and self.scope.reaches(thing)

    @property
    def is_whole(self) -> bool:
        """Return whether everything may be seen."""
        return self.scope is not None and self.scope.is_whole


async def _runs(ask: Ask, now: Now, workflow: str, after: int) -> AsyncGenerator[bytes, None]:
    """Yield how runs stand, whenever that changes."""
    coming = ask.desk.feeds.runs(ask.workspace, after)
    try:
        async for row in coming:
            if row is None:
                yield event("gap", {})
            elif row.workflow == (workflow or row.workflow) and (
                now.is_whole or now.reaches(await thing_of(ask, row.workflow))
            ):
                yield event("run", RunShown.of(row), row.changed_at)
    finally:
        await coming.aclose()


async def _definitions(ask: Ask, now: Now, after: int | None) -> AsyncGenerator[bytes, None]:
    """Yield what is done to definitions."""
    coming = ask.desk.feeds.definitions(ask.workspace, after)
    try:
        async for shown in coming:
            thing = shown.entry.object
            if thing is None:
                continue
            row = await ask.desk.definitions.store.find(Ref(ask.workspace, thing.kind, thing.name))
            labels = row.labels if row is not None else {}
            if now.reaches(Thing(kind=thing.kind, name=thing.name, labels=labels)):
                entry = shown.entry
                told = {
                    "kind": thing.kind,
                    "name": thing.name,
                    "action": entry.action,
                    "at": entry.at,
                    "by": entry.actor.name,
                }
                yield event("definition", told, shown.seq)
    finally:
        await coming.aclose()


async def _changes(ask: Ask, row: RunRow, after: int, *, revealed: bool) -> AsyncGenerator[bytes, None]:
    """Yield what happens in a run."""
    changes = ask.desk.runs.follow(row, after, revealed=revealed)
    try:
        async for change in changes:
            yield _event_of(change)
    finally:
        await changes.aclose()


async def _entries(ask: Ask, workspace: str, after: int | None) -> AsyncGenerator[bytes, None]:
    """Yield the entries of the audit trail that come, or those after a number."""
    trail = ask.desk.audit
    wanted = Filter(workspace=None if workspace == EVERYWHERE else workspace)
    seq = (await trail.head()).seq if after is None else after
    while True:
        found = await trail.after(wanted, seq)
        for shown in found:
            seq = shown.seq
            yield event("entry", EntryShown.of(shown), seq)
        if not found:
            await asyncio.sleep(LOOK_FOR_ENTRIES)


def _after(last: str) -> int:
    if last and not _NUMBER.fullmatch(last):
        raise LastEventError(
            "Last-Event-ID is no number of an event.", hint="Send the `id` of the last event that came."
        )
    return int(last or 0)


def _event_of(change: Change) -> bytes:
    if change.fact is not None:
        fact = msgspec.Raw(encode_fact(change.fact))
        return event("fact", {"run": change.run, "seq": change.seq, "fact": fact}, change.seq)
    if change.log is not None:
        line = msgspec.structs.replace(change.log, fields=to_plain(change.log.fields))
        return event("log", msgspec.structs.asdict(line))
    return event("progress", {"run": change.run, "progress": change.progress})
