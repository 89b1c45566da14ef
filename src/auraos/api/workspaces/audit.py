"""The audit trail over HTTP: of a workspace for those who look after it, and of the whole installation."""

from collections.abc import AsyncIterator
from importlib.metadata import version

from auraos.api.protocol.answers import ALWAYS, Reply, Send
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.routes import Routes
from auraos.api.workspaces.audit_shapes import (
    EntryList,
    EntryPage,
    EntryShown,
    Exporting,
    HeadList,
    Heads,
    OneEntry,
    PrunedShown,
    Pruning,
    ReportShown,
    Wanted,
)
from auraos.security.audit.reporting import report
from auraos.security.audit.signing import KnownKey, SignedHead
from auraos.security.audit.trail import DAY

routes = Routes()

MAY = "audit.read"
LINES = "application/octet-stream"
TELLS = ("no-audit-entry",)


class Lines(Reply):
    """A file that is made while it is sent, and never in memory as a whole."""

    goes_on = True

    def __init__(self, lines: AsyncIterator[bytes], name: str) -> None:
        self._lines = lines
        self._name = name

    async def send(self, send: Send, *, with_body: bool, request: str) -> None:
        """Send each piece once whoever asked took the one before."""
        told = {
            **ALWAYS,
            "content-type": LINES,
            "content-disposition": f'attachment; filename="{self._name}"',
        }
        headers = [(name.encode(), value.encode()) for name, value in told.items()]
        headers.append((b"x-request-id", request.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if with_body:
            async for piece in self._lines:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@routes.get("/api/v1/audit", may=MAY)
async def list_audit_entries(ask: Ask, at: EntryList) -> EntryPage:
    """List what was done in the workspace, the newest first."""
    return await _page(ask, at, ask.workspace)


@routes.get("/api/v1/audit/report", may=MAY)
async def report_audit(ask: Ask, at: Wanted) -> ReportShown:
    """Count what was done in the workspace in a period."""
    return ReportShown.of(await report(ask.desk.audit, at.filter(ask.workspace)))


@routes.get("/api/v1/audit/export", may=MAY, gives=LINES)
async def export_audit(ask: Ask, at: Exporting) -> Lines:
    """Write out what was done in the workspace, as JSON lines, CSV or CEF."""
    return await _lines(ask, at, ask.workspace)


@routes.get("/api/v1/audit/{seq}", may=MAY, tells=TELLS)
async def show_audit_entry(ask: Ask, at: OneEntry) -> EntryShown:
    """Show one entry, with what was before and after."""
    return EntryShown.of(await ask.desk.audit.one(at.seq, ask.workspace))


@routes.get("/api/v1/installation/audit", may=MAY, everywhere=True)
async def list_all_audit_entries(ask: Ask, at: EntryList) -> EntryPage:
    """List what was done in all workspaces and to the installation, the newest first."""
    return await _page(ask, at, None)


@routes.get("/api/v1/installation/audit/report", may=MAY, everywhere=True)
async def report_all_audit(ask: Ask, at: Wanted) -> ReportShown:
    """Count what was done everywhere in a period."""
    return ReportShown.of(await report(ask.desk.audit, at.filter(None)))


@routes.get("/api/v1/installation/audit/export", may=MAY, everywhere=True, gives=LINES)
async def export_all_audit(ask: Ask, at: Exporting) -> Lines:
    """Write out the whole trail, or what is wanted of it; as whole JSON lines it can be verified."""
    return await _lines(ask, at, None)


@routes.get(
    "/api/v1/installation/audit/head", may=MAY, everywhere=True, tells=("audit-broken", "audit-key-refused")
)
async def show_audit_head(ask: Ask) -> SignedHead:
    """Show the end of the trail, signed, to be kept elsewhere."""
    return await ask.desk.audit.checkpoints.sign()


@routes.get("/api/v1/installation/audit/heads", may=MAY, everywhere=True, tells=("audit-key-refused",))
async def list_audit_heads(ask: Ask, at: HeadList) -> Heads:
    """List the heads that were signed, and the keys that they can be checked by."""
    trail = ask.desk.audit
    found = await trail.store.checkpoints(after=at.after, limit=at.limit + 1)
    items = tuple(found[: at.limit])
    return Heads(
        items=items,
        keys=await trail.checkpoints.known(),
        next=items[-1].seq if len(found) > at.limit else None,
    )


@routes.get("/api/v1/installation/audit/{seq}", may=MAY, everywhere=True, tells=TELLS)
async def show_any_audit_entry(ask: Ask, at: OneEntry) -> EntryShown:
    """Show one entry, whichever workspace it is of."""
    return EntryShown.of(await ask.desk.audit.one(at.seq, None))


@routes.post(
    "/api/v1/installation/audit/rotate-key", may="installation.rotate", everywhere=True, fresh=True,
    tells=("audit-broken", "audit-key-refused"),
)  # fmt: skip
async def rotate_audit_key(ask: Ask) -> KnownKey:
    """Let another key sign the heads of the trail."""
    return await ask.desk.audit.rotate_key(ask.actor)


@routes.post(
    "/api/v1/installation/audit/prune",
    may="audit.prune",
    everywhere=True,
    fresh=True,
    tells=("audit-kept-longer",),
)
async def prune_audit(ask: Ask, body: Pruning) -> PrunedShown:
    """Let go of old entries, as far as a signed head covers nothing younger."""
    gone = await ask.desk.audit.prune(ask.actor, body.older_than_days * DAY)
    return PrunedShown(until=gone.until, entries=gone.entries)


async def _page(ask: Ask, at: EntryList, workspace: str | None) -> EntryPage:
    found = await ask.desk.audit.page(at.filter(workspace), before=at.after, limit=at.limit + 1)
    return EntryPage.of(list(found), at.limit)


async def _lines(ask: Ask, at: Exporting, workspace: str | None) -> Lines:
    lines = await ask.desk.audit.export(ask.actor, at.filter(workspace), at.form, version("auraos"))
    return Lines(lines, f"audit.{at.form}")
