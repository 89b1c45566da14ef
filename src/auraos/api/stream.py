"""What happens, told as it does: server-sent events, each with a number after which a reader goes on who was cut off.

Whoever reads is asked for again and again: a reader who may not read any more is cut off within seconds. One who reads too
slowly is cut off too, and goes on where they were.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Annotated, Final

import msgspec

from auraos.api.asking import Ask
from auraos.api.audit_shapes import EntryShown
from auraos.api.events import STREAM, Events, event
from auraos.api.names import END
from auraos.api.routes import About, Routes
from auraos.api.run_shapes import Reveal
from auraos.api.runs import MAY_REVEAL, reveals, thing_of
from auraos.app.runs import NoRunError
from auraos.core.errors import UserError
from auraos.core.run import encode_fact
from auraos.core.values import to_plain
from auraos.engine.ports import RunRow
from auraos.engine.stream import Change
from auraos.security.access.authorize import Thing
from auraos.security.access.principal import EVERYWHERE
from auraos.security.audit.store import Filter

routes = Routes()

LAST = "last-event-id"
MAY = "runs.read"
MAY_AUDIT = "audit.read"
AUDIT, ALL_AUDIT = "audit", "installation/audit"
LOOK_FOR_ENTRIES: Final = 1.0
"""So often, in seconds, it is looked for new entries of the audit trail."""
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class LastEventError(UserError):
    """The last event that a reader names is none."""

    code = "last-event-refused"


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of."""

    topic: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^(runs/[A-Za-z0-9_][A-Za-z0-9_.~-]*|audit|installation/audit){END}",
            max_length=140,
            description="`runs/` and the id or the number of a run; `audit` for the audit trail of the workspace,"
            " `installation/audit` for all of it.",
        ),
    ]
    reveal: Reveal = False

    @property
    def run(self) -> str:
        """Return the name of the run."""
        return self.topic.removeprefix("runs/")


async def _thing(ask: Ask, at: Topic) -> Thing | None:
    if at.topic in (AUDIT, ALL_AUDIT):
        return None
    try:
        row = await ask.desk.runs.find(ask.workspace, at.run)
    except NoRunError:
        return None
    return await thing_of(ask, row.workflow)


@routes.get(
    "/api/v1/stream",
    may=MAY,
    tells=("not-found", "ambiguous-run", "last-event-refused"),
    gives=STREAM,
    about=About(find=_thing, missing=lambda _, at: NoRunError.of(at.run)),
)
async def follow_topic(ask: Ask, at: Topic) -> Events:
    """Tell what happens, as server-sent events; `Last-Event-ID` says after which one."""
    last = ask.asked.headers.get(LAST, "").strip()
    after = _after(last)
    if at.topic in (AUDIT, ALL_AUDIT):
        workspace = ask.workspace if at.topic == AUDIT else EVERYWHERE
        ask.require(MAY_AUDIT, Thing(), workspace)
        entries = _entries(ask, workspace, after if last else None)
        return Events(entries, lambda: ask.still_may(MAY_AUDIT, workspace, whole=True))
    row = await ask.desk.runs.find(ask.workspace, at.run)
    revealed = await reveals(ask, at, row, "stream")

    async def still() -> bool:
        return await ask.still_may(MAY) and (not revealed or await ask.still_may(MAY_REVEAL))

    return Events(_changes(ask, row, after, revealed=revealed), still, event("end", {"run": row.run}))


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
