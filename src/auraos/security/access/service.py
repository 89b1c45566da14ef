"""`Access`: who may do what, and how that changes. Nobody gives what they do not have, and somebody always owns everything."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from auraos.core.audit import Actor, Entry, Object
from auraos.core.lookups import Lookups
from auraos.security.access.authorize import Decision, Thing, authorize
from auraos.security.access.errors import (
    ChangedMeanwhileError,
    LastOwnerError,
    NameTakenError,
    NotFoundError,
    NoWorkspaceError,
    RoleHeldError,
    RoleRefusedError,
    WorkspaceExistsError,
)
from auraos.security.access.giving import OWNER, missing_for, refuse_above, refuse_missing
from auraos.security.access.principal import EVERYWHERE, Grant, Principal
from auraos.security.access.quotas import PREFIX, Quotas
from auraos.security.access.roles import ROLES, Role
from auraos.security.access.rows import Group, Held, HolderKind, Member, OwnRole, Workspace
from auraos.security.access.walls import everywhere
from auraos.security.row_store import Add, Clear, OwnerStays, Remove, Replace, RowStore, Write

CLOSING = "closing"
"""The wish of a workspace that is being deleted: it is there for nobody."""
FOUR_EYES = "four_eyes"
"""The wish of a workspace that somebody else approves what is published."""
LONGEST_BELIEVED = 5_000_000
"""For so many microseconds the roles and workspaces that were read are believed."""


class Access:
    """Roles, grants, groups and workspaces. Whoever calls it has asked whether the actor may."""

    def __init__(self, store: RowStore, *, now: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._store = store
        self._now = now
        self._new_id = new_id
        self._forget: Callable[[], None] = lambda: None
        self._rooms: dict[str, Mapping[str, Role]] = {}
        self._wishes: dict[str, Mapping[str, bool | int | str]] = {}
        self._read_at = -LONGEST_BELIEVED
        self._changes = 0
        """How often something was changed here: what was read meanwhile may be as it was before."""
        self.lookups = Lookups()

    def when_changed(self, forget: Callable[[], None]) -> None:
        """Call this after every change, for whoever believes what was before."""
        self._forget = forget

    # --- reading ---

    async def roles(self, workspace: str) -> Mapping[str, Role] | None:
        """Return the roles of a workspace by name, those of the house first; None where there is no such workspace."""
        if self._now() - self._read_at >= LONGEST_BELIEVED:
            self.lookups.misses += 1
            await self._read_rooms()
        else:
            self.lookups.hits += 1
        return ROLES if workspace == EVERYWHERE else self._rooms.get(workspace)

    def wish(self, workspace: str, name: str) -> bool | int | str | None:
        """Return what a workspace wants otherwise than the house has it, as it was last read."""
        return self._wishes.get(workspace, {}).get(name)

    def known_workspaces(self) -> tuple[str, ...]:
        """Return the names of the workspaces, as they were last read."""
        return tuple(self._rooms)

    def most(self, workspace: str, what: str) -> int:
        """Return how much of something there may be in a workspace, as it was last read; 0 for as much as can be."""
        return int(self.wish(workspace, f"{PREFIX}{what}") or 0)

    def quotas(self, workspace: str) -> Quotas:
        """Return how much a workspace may have and do, as it was last read."""
        return Quotas(**{name: self.most(workspace, name) for name in Quotas.__struct_fields__})

    async def wants_four_eyes(self, workspace: str) -> bool:
        """Return whether nothing is published in a workspace that only its author has seen, as it is kept now."""
        found = await self._store.one(Workspace, name=workspace)
        return found is not None and bool(found.wishes.get(FOUR_EYES))

    async def grants_of(self, kind: HolderKind, holder: str) -> tuple[Grant, ...]:
        """Return what is granted to a person or service account now, of their own and through groups."""
        groups = await self._groups_of(holder) if kind == "person" else {}
        with everywhere():  # what somebody has elsewhere says whom they may act on
            held = await self._store.all(Held, holder=[holder, *groups])
        return tuple(each.grant(groups.get(each.holder, "")) for each in held)

    async def groups_of(self, who: Principal) -> Sequence[str]:
        """Return the names of the groups that somebody is in now."""
        return tuple((await self._groups_of(who.id)).values()) if who.kind == "person" else ()

    async def _groups_of(self, person: str) -> dict[str, str]:
        """Return the names of a person's groups by their ids."""
        memberships = await self._store.all(Member, person=person)
        ids = [each.group_id for each in memberships]
        return {group.id: group.name for group in await self._store.all(Group, id=ids)} if ids else {}

    async def own_roles(self, workspace: str) -> Sequence[OwnRole]:
        """Return the roles that a workspace has beside those of the house."""
        return await self._store.all(OwnRole, workspace=workspace)

    async def grants(self, workspace: str) -> Sequence[Held]:
        """Return all grants over a workspace, and over all workspaces."""
        return await self._store.all(Held, workspace=[workspace, EVERYWHERE])

    async def groups(self) -> Sequence[Group]:
        """Return all groups by name."""
        return await self._store.all(Group, order="name")

    async def group(self, name: str) -> Group:
        """Return a group."""
        found = await self._store.one(Group, name=name)
        if found is None:
            raise NotFoundError.of("group", name)
        return found

    async def members(self, group: Group) -> Sequence[str]:
        """Return the ids of the people of a group."""
        return [member.person for member in await self._store.all(Member, group_id=group.id)]

    async def workspaces(self, who: Principal) -> Sequence[Workspace]:
        """Return the workspaces in which somebody has a role."""
        names = {grant.workspace for grant in who.grants}
        found = [each for each in await self._store.all(Workspace) if not each.wishes.get(CLOSING)]
        return [each for each in found if each.name in names or EVERYWHERE in names]

    async def explain(self, who: Principal, action: str, workspace: str, thing: Thing) -> Decision:
        """Return whether somebody may do this, and why."""
        return authorize(who, action, workspace, thing, roles=await self.roles(workspace) or ROLES)

    async def note_refusal(self, entry: Entry) -> None:
        """Tell the audit trail that somebody was refused something."""
        await self._store.save([], [entry])

    # --- grants ---

    async def grant(self, actor: Actor, who: Principal, wish: Grant, kind: HolderKind, holder: str) -> Held:
        """Grant a role to somebody; raise `NotAllowedError` when the giver does not have all of it."""
        roles = await self._roles(wish.workspace)
        if wish.role not in roles:
            raise RoleRefusedError(
                f"There is no role {wish.role!r} in {wish.workspace!r}.", hint="List the roles."
            )
        if wish.role == OWNER and (kind != "person" or wish != Grant(role=OWNER, workspace=EVERYWHERE)):
            raise RoleRefusedError(
                "Only a person can own the installation, and only all of it.",
                hint=f"Grant it over {EVERYWHERE!r}.",
            )
        refuse_above(who, [wish], roles, "Granting this")
        same = [each for each in await self._store.all(Held, holder=holder) if each.grant() == wish]
        if same:
            return same[0]
        held = Held(
            id=self._new_id(), holder_kind=kind, holder=holder, role=wish.role, workspace=wish.workspace,
            kind=wish.kind, labels=wish.labels, name=wish.name, at=self._now(), author=actor.name,
        )  # fmt: skip
        entry = self._entry(actor, "access.grant", kind, holder, workspace=held.workspace, after=wish)
        await self._save([Add(held)], entry)
        return held

    async def is_of_owner(self, number: str) -> bool:
        """Return whether a grant is the role of an owner."""
        held = await self._store.one(Held, id=number)
        return held is not None and held.role == OWNER

    async def revoke(self, actor: Actor, who: Principal, workspace: str, number: str) -> None:
        """Take a grant back."""
        held = await self._store.one(Held, id=number)
        if held is None or held.workspace not in (workspace, EVERYWHERE):
            raise NotFoundError.of("grant", number)
        refuse_above(who, [held.grant()], await self._roles(held.workspace), "Taking this back")
        writes: list[Write] = [Remove(held)]
        if held.role == OWNER:
            writes.append(OwnerStays())
        entry = self._entry(
            actor,
            "access.revoke",
            held.holder_kind,
            held.holder,
            workspace=held.workspace,
            before=held.grant(),
        )
        await self._save(writes, entry, NotFoundError.of("grant", number))

    # --- roles of a workspace ---

    async def put_role(self, actor: Actor, who: Principal, role: OwnRole) -> OwnRole:
        """Make or change a role of a workspace."""
        if role.name in ROLES:
            raise RoleRefusedError(
                f"The role {role.name!r} belongs to the house.", hint="Choose another name."
            )
        before = await self._store.one(OwnRole, workspace=role.workspace, name=role.name)
        await self._refuse_above_role(who, role, "Making this role")
        if before is not None:
            await self._refuse_above_role(who, before, "Changing this role")
        if before != role:
            entry = self._entry(
                actor,
                "access.change-roles",
                "role",
                role.name,
                workspace=role.workspace,
                before=before,
                after=role,
            )
            await self._save([Add(role) if before is None else Replace(before, role)], entry)
        return role

    async def remove_role(self, actor: Actor, who: Principal, workspace: str, name: str) -> None:
        """Let go of a role that nobody holds."""
        role = await self._store.one(OwnRole, workspace=workspace, name=name)
        if role is None:
            raise NotFoundError.of("role", name)
        await self._refuse_above_role(who, role, "Letting go of this role")
        if await self._store.all(Held, workspace=workspace, role=name):
            raise RoleHeldError(f"Somebody holds the role {name!r}.", hint="Take it back from them first.")
        entry = self._entry(actor, "access.change-roles", "role", name, workspace=workspace, before=role)
        await self._save([Remove(role)], entry)

    async def _refuse_above_role(self, who: Principal, role: OwnRole, what: str) -> None:
        """Raise `NotAllowedError` for a role that holds, or held, more than whoever changes it may do."""
        given = Grant(role=role.name, workspace=role.workspace)
        refuse_missing(who, missing_for(who, given, role.actions, await self._roles(role.workspace)), what)

    # --- groups ---

    async def add_group(self, actor: Actor, name: str, title: str, outside: str = "") -> Group:
        """Make a group; one from outside is filled by the provider that knows it."""
        group = Group(id=self._new_id(), name=name, title=title, outside=outside)
        taken = NameTakenError(f"There is a group {name!r} already.", hint="Choose another name.")
        await self._save([Add(group)], self._entry(actor, "people.group", "group", name, after=group), taken)
        return group

    async def remove_group(self, actor: Actor, who: Principal, name: str) -> None:
        """Let go of a group, with all that was granted to it."""
        group = await self.group(name)
        await self._refuse_above_group(who, group)
        writes: list[Write] = [
            Remove(group),
            Clear(Member, {"group_id": group.id}),
            Clear(Held, {"holder": group.id}),
        ]
        await self._save(writes, self._entry(actor, "people.group", "group", name, before=group))

    async def put_members(self, actor: Actor, who: Principal, name: str, people: Sequence[str]) -> None:
        """Say who is in a group, by their ids; raise `NotAllowedError` when that gives more than the giver has."""
        group = await self.group(name)
        if group.outside:
            raise RoleRefusedError(
                f"Who is in {name!r} is said by {group.outside!r}.", hint="Change it there."
            )
        await self._refuse_above_group(who, group)
        before, after = set(await self.members(group)), set(people)
        writes: list[Write] = [
            *(Remove(Member(group_id=group.id, person=person)) for person in sorted(before - after)),
            *(Add(Member(group_id=group.id, person=person)) for person in sorted(after - before)),
        ]
        if writes:
            entry = self._entry(
                actor, "people.group", "group", name, before=sorted(before), after=sorted(after)
            )
            await self._save(writes, entry)

    async def _refuse_above_group(self, who: Principal, group: Group) -> None:
        for grant in await self.grants_of("group", group.id):
            refuse_above(
                who, [grant], await self._roles(grant.workspace), f"Changing the group {group.name!r}"
            )

    # --- workspaces ---

    async def add_workspace(self, actor: Actor, name: str, title: str) -> Workspace:
        """Make a workspace."""
        made = Workspace(name=name, title=title, created_at=self._now())
        taken = WorkspaceExistsError(f"There is a workspace {name!r} already.", hint="Choose another name.")
        entry = self._entry(actor, "workspaces.create", "workspace", name, workspace=name, after=made)
        await self._save([Add(made)], entry, taken)
        return made

    async def change_workspace(
        self, actor: Actor, name: str, title: str | None, wishes: Mapping[str, Any]
    ) -> Workspace:
        """Change what a workspace is called, unless that is None, and what it wants otherwise than the house has it."""
        before = await self._store.one(Workspace, name=name)
        if before is None:
            raise NoWorkspaceError.of(name)
        after = Workspace(
            name=name, title=before.title if title is None else title, created_at=before.created_at,
            wishes={**before.wishes, **wishes},
        )  # fmt: skip
        if after != before:
            entry = self._entry(
                actor, "workspaces.change", "workspace", name, workspace=name, before=before, after=after
            )
            await self._save([Replace(before, after)], entry)
        return after

    async def find_workspace(self, name: str) -> Workspace | None:
        """Return a workspace as it is kept now, None where there is none."""
        return await self._store.one(Workspace, name=name)

    async def forget_workspace(self, entry: Entry, name: str) -> None:
        """Let a workspace be no more, of which nothing is left but its name."""
        await self._save([Clear(Workspace, {"name": name})], entry)

    async def refuse_above(self, who: Principal, kind: HolderKind, holder: str, what: str) -> None:
        """Raise `NotAllowedError` when somebody would act on a person or account that has more than they have."""
        for grant in await self.grants_of(kind, holder):
            refuse_above(who, [grant], await self._roles(grant.workspace), what)

    # --- how ---

    async def _roles(self, workspace: str) -> Mapping[str, Role]:
        return await self.roles(workspace) or ROLES

    async def _read_rooms(self) -> None:
        now, changes = self._now(), self._changes
        found = [each for each in await self._store.all(Workspace) if not each.wishes.get(CLOSING)]
        own: dict[str, dict[str, Role]] = {each.name: {} for each in found}
        with everywhere():  # the roles of all workspaces are read at once
            rows = await self._store.all(OwnRole)
        for row in rows:
            own.setdefault(row.workspace, {})[row.name] = Role(
                name=row.name, title=row.title, actions=row.actions
            )
        is_new = changes == self._changes
        if not is_new and self._read_at != -LONGEST_BELIEVED:
            return  # somebody has read it since it was changed
        self._rooms = {each.name: {**own[each.name], **ROLES} for each in found}
        self._wishes = {each.name: each.wishes for each in found}
        if is_new:
            self._read_at = now

    def _entry(self, actor: Actor, action: str, kind: str, name: str, **more: Any) -> Entry:
        about = Object(kind=kind, id=name) if kind == "person" else Object(kind=kind, name=name)
        return Entry(at=self._now(), actor=actor, action=action, object=about, **{"workspace": "", **more})

    async def _save(self, writes: Sequence[Write], entry: Entry, missing: Exception | None = None) -> None:
        """Make a change and tell of it; raise what stands for one that did not hold."""
        refused = await self._store.save(writes, [entry])
        if isinstance(refused, OwnerStays):
            raise LastOwnerError.of()
        if refused is not None:
            about = entry.object or Object(kind="")
            raise missing or ChangedMeanwhileError.of(about.kind, about.name)
        self._changes += 1
        self._read_at = -LONGEST_BELIEVED
        self._forget()
