"""Roles, grants, workspaces and the answer to "who may do what, and why" over HTTP."""

from typing import Annotated

import msgspec

from auraos.api.people.keys import PerSecond
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.keeper import PACE
from auraos.api.protocol.names import Action, Id, PersonName, Slug, Title
from auraos.api.protocol.routes import SELF, Routes
from auraos.core.errors import UserError
from auraos.documents.definitions.errors import NoDefinitionError
from auraos.documents.definitions.rows import Ref
from auraos.security.access import Grant
from auraos.security.access.authorize import Thing
from auraos.security.access.giving import OWNER
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.rows import Held, HolderKind, OwnRole, Workspace
from auraos.security.access.service import FOUR_EYES

routes = Routes()

Labels = dict[Annotated[str, msgspec.Meta(max_length=100)], Annotated[str, msgspec.Meta(max_length=100)]]


class OneRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role, by name."""

    name: Slug


class OneGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant."""

    id: Id


class RoleActions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role of the workspace holds."""

    title: Title = ""
    actions: Annotated[tuple[Action, ...], msgspec.Meta(min_length=1, max_length=200)]


class NewGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role to grant to somebody: in the workspace, or only over things of a kind, with labels, or of one name."""

    holder_kind: HolderKind
    holder: PersonName
    """The name of the person, service account or group."""
    role: Slug
    everywhere: bool = False
    """Over all workspaces instead of this one."""
    kind: Slug | None = None
    labels: Annotated[Labels, msgspec.Meta(max_length=10)] = {}
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


class NewWorkspace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workspace to make."""

    name: Slug
    title: Title = ""


class WorkspaceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a workspace is called, how much may be asked in it, and whether it wants four eyes."""

    title: Title = ""
    requests_per_second: PerSecond = 0
    four_eyes: Annotated[
        bool, msgspec.Meta(description="Publish only what somebody approved who did not write it.")
    ] = False


class OneWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace, by name."""

    name: Slug


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """May this person, or service account, do this to that?"""

    who: PersonName
    action: Action
    kind: str = ""
    name: str = ""
    label: tuple[str, ...] = ()
    """As in `team=sales`."""


class RoleDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A role, and whether it belongs to the house."""

    name: str
    title: str
    actions: tuple[str, ...]
    is_of_house: bool


class GrantDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A role that somebody holds."""

    id: str
    holder_kind: HolderKind
    holder: str
    role: str
    workspace: str
    kind: str
    labels: dict[str, str]
    name: str
    at: int
    author: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Yes or no, and why."""

    allowed: bool
    why: str
    grant: Grant | None = None


class WorkspaceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace."""

    name: str
    title: str
    created_at: int
    requests_per_second: int
    four_eyes: bool

    @classmethod
    def of(cls, row: Workspace) -> "WorkspaceDetail":
        """Return what is shown of a workspace."""
        pace = int(row.wishes.get(PACE, 0))
        return cls(
            name=row.name, title=row.title, created_at=row.created_at, requests_per_second=pace,
            four_eyes=bool(row.wishes.get(FOUR_EYES)),
        )  # fmt: skip


@routes.get("/api/v1/access/roles", may="access.read")
async def list_roles(ask: Ask) -> tuple[RoleDetail, ...]:
    """List the roles of the workspace, and what each may do."""
    own = {row.name for row in await ask.desk.identity.access.own_roles(ask.workspace)}
    return tuple(
        RoleDetail(name=role.name, title=role.title, actions=role.actions, is_of_house=role.name not in own)
        for role in ask.roles.values()
    )


@routes.put(
    "/api/v1/access/roles/{name}", may="access.change-roles", tells=("role-refused", "changed-meanwhile")
)
async def put_role(ask: Ask, at: OneRole, body: RoleActions) -> RoleDetail:
    """Make or change a role of the workspace."""
    wish = OwnRole(workspace=ask.workspace, name=at.name, title=body.title, actions=body.actions)
    role = await ask.desk.identity.access.put_role(ask.actor, ask.known, wish)
    return RoleDetail(name=role.name, title=role.title, actions=role.actions, is_of_house=False)


@routes.delete("/api/v1/access/roles/{name}", may="access.change-roles", tells=("not-found", "role-held"))
async def remove_role(ask: Ask, at: OneRole) -> None:
    """Let go of a role of the workspace that nobody holds."""
    await ask.desk.identity.access.remove_role(ask.actor, ask.known, ask.workspace, at.name)


@routes.get("/api/v1/access/grants", may="access.read")
async def list_grants(ask: Ask) -> tuple[GrantDetail, ...]:
    """List who holds which role over the workspace."""
    names = await ask.desk.identity.names(ask.workspace)
    held = await ask.desk.identity.access.grants(ask.workspace)
    return tuple(_detail(each, names.get(each.holder, each.holder)) for each in held)


@routes.post(
    "/api/v1/access/grants",
    may="access.grant",
    status=201,
    tells=("not-found", "role-refused", "step-up-needed"),
)
async def grant_role(ask: Ask, body: NewGrant) -> GrantDetail:
    """Grant a role to somebody. Nobody grants what they do not have; the role of an owner asks for a fresh proof."""
    if body.role == OWNER:
        ask.require_fresh()
    identity = ask.desk.identity
    holder = await identity.holder(body.holder_kind, body.holder, ask.workspace)
    wish = Grant(
        role=body.role, workspace=EVERYWHERE if body.everywhere else ask.workspace, kind=body.kind or "",
        labels=body.labels, name=body.name,
    )  # fmt: skip
    held = await identity.access.grant(ask.actor, ask.known, wish, body.holder_kind, holder)
    return _detail(held, body.holder)


@routes.delete(
    "/api/v1/access/grants/{id}", may="access.revoke", tells=("not-found", "last-owner", "step-up-needed")
)
async def revoke_grant(ask: Ask, at: OneGrant) -> None:
    """Take a grant back. Somebody always owns the installation; the role of an owner asks for a fresh proof."""
    if await ask.desk.identity.access.is_of_owner(at.id):
        ask.require_fresh()
    await ask.desk.identity.access.revoke(ask.actor, ask.known, ask.workspace, at.id)


@routes.get("/api/v1/access/explain", may="access.read", tells=("not-found",))
async def explain_access(ask: Ask, at: Question) -> Explanation:
    """Say whether somebody may do something, and why."""
    identity = ask.desk.identity
    try:
        who = await identity.principal("person", at.who, ask.workspace)
    except UserError:
        who = await identity.principal("service", at.who, ask.workspace)
    thing = Thing(kind=at.kind, name=at.name, labels=await _labels(ask, at))
    decision = await identity.access.explain(who, at.action, ask.workspace, thing)
    return Explanation(allowed=decision.is_allowed, why=decision.why, grant=decision.grant)


@routes.get("/api/v1/workspaces", may=SELF)
async def list_workspaces(ask: Ask) -> tuple[WorkspaceDetail, ...]:
    """List the workspaces in which one has a role."""
    return tuple(WorkspaceDetail.of(each) for each in await ask.desk.identity.access.workspaces(ask.known))


@routes.post(
    "/api/v1/workspaces", may="workspaces.create", everywhere=True, status=201, tells=("workspace-exists",)
)
async def add_workspace(ask: Ask, body: NewWorkspace) -> WorkspaceDetail:
    """Make a workspace."""
    return WorkspaceDetail.of(await ask.desk.identity.access.add_workspace(ask.actor, body.name, body.title))


@routes.put(
    "/api/v1/workspaces/{name}",
    may="workspaces.change",
    everywhere=True,
    fresh=True,
    tells=("no-workspace", "changed-meanwhile"),
)
async def change_workspace(ask: Ask, at: OneWorkspace, body: WorkspaceChange) -> WorkspaceDetail:
    """Change what a workspace is called, how much may be asked in it, and whether it wants four eyes."""
    access = ask.desk.identity.access
    wishes = {PACE: body.requests_per_second, FOUR_EYES: body.four_eyes}
    return WorkspaceDetail.of(await access.change_workspace(ask.actor, at.name, body.title, wishes))


async def _labels(ask: Ask, at: Question) -> dict[str, str]:
    """Return the labels that were given, or those of the definition that is asked about."""
    if at.label or not (at.kind and at.name):
        return {label: value for label, _, value in (each.partition("=") for each in at.label)}
    try:
        return (await ask.desk.definitions.find(Ref(ask.workspace, at.kind, at.name))).labels
    except NoDefinitionError:
        return {}


def _detail(held: Held, holder: str) -> GrantDetail:
    shown = {field: getattr(held, field) for field in GrantDetail.__struct_fields__ if field != "holder"}
    return GrantDetail(**shown, holder=holder)
