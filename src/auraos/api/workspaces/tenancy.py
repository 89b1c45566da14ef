"""What a workspace may have and do, and how much of it it has used, over HTTP."""

from typing import Annotated

import msgspec

from auraos.api.people.access import OneWorkspace
from auraos.api.people.keys import PerSecond
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.keeper import PACE
from auraos.api.protocol.routes import Routes
from auraos.security.access.quotas import Quotas

routes = Routes()

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53, description="0 for as much as can be.")]


class QuotasGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a workspace may have and do; what is left out is as much as can be."""

    definitions: Count = 0
    secrets: Count = 0
    running_runs: Count = 0
    runs_a_day: Count = 0
    bytes: Count = 0
    requests_per_second: PerSecond = 0


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """How much of something there is, and how much there may be; 0 for as much as can be."""

    used: int
    most: int


class WorkspaceUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What the workspace has used of its quotas. Of runs no more than 10,000 are counted."""

    definitions: Measure
    secrets: Measure
    running_runs: Measure
    runs_a_day: Measure
    bytes: Measure
    measured_at: int
    """When the bytes were measured; 0 for not yet."""
    requests_per_second: int


@routes.get("/api/v1/usage", may="workspace.read")
async def show_usage(ask: Ask) -> WorkspaceUsage:
    """Show what the workspace has, and how much it may have."""
    access = ask.desk.identity.access
    used, quotas = await ask.desk.usage.of(ask.workspace), access.quotas(ask.workspace)
    measures = {
        name: Measure(used=getattr(used, name), most=getattr(quotas, name))
        for name in Quotas.__struct_fields__
    }
    pace = int(access.wish(ask.workspace, PACE) or 0)
    return WorkspaceUsage(**measures, measured_at=used.measured_at, requests_per_second=pace)


@routes.put(
    "/api/v1/workspaces/{name}/quotas",
    may="workspaces.change",
    everywhere=True,
    fresh=True,
    tells=("no-workspace", "changed-meanwhile"),
)
async def put_quotas(ask: Ask, at: OneWorkspace, body: QuotasGiven) -> QuotasGiven:
    """Say how much a workspace may have and do. What it has beyond that stays; more of it is refused."""
    quotas = Quotas(**{name: getattr(body, name) for name in Quotas.__struct_fields__})
    wishes = {**quotas.wishes, PACE: body.requests_per_second}
    await ask.desk.identity.access.change_workspace(ask.actor, at.name, None, wishes)
    return body
