"""`auraos access`: who may do what on a server, and why."""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.documents import document
from auraos.cli.exits import Exit
from auraos.cli.options import Json
from auraos.cli.screen import clean, print_json, to_people

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.access import Explanation, GrantDetail, RoleDetail

Holder: TypeAlias = Literal["person", "service", "group"]


def explain(
    user: Annotated[str, Parameter(help="The name of a person, or of a service account.")],
    action: Annotated[str, Parameter(help="What they would do, as definitions.publish.")],
    thing: Annotated[
        str, Parameter(name="OBJECT", help="To what, as workflow/greet; left out for anything.")
    ] = "",
    /,
    *,
    label: Annotated[
        tuple[str, ...], Parameter(help="A label of it, as team=sales. May be given again.", negative="")
    ] = (),
    json: Json = False,
) -> int:
    """Say whether somebody may do something in the workspace, and why. Ends with 1 when they may not."""
    kind, _, name = thing.partition("/")

    async def go(client: "Client") -> "Explanation":
        return await client.access.explain_access(who=user, action=action, kind=kind, name=name, label=label)

    found = ask_server(go)
    if json:
        print_json({"ok": found.allowed, **document(found)})
    else:
        screen = to_people()
        verdict = screen.tint("yes", "green", "bold") if found.allowed else screen.tint("no", "red", "bold")
        screen.line(f"{verdict}  {clean(found.why)}")
    return Exit.DONE if found.allowed else Exit.FAILED


def roles(*, json: Json = False) -> int:
    """List the roles of the workspace, and what each may do."""

    async def go(client: "Client") -> "tuple[RoleDetail, ...]":
        return await client.access.list_roles()

    found = ask_server(go)
    if json:
        print_json({"ok": True, "roles": document(found)})
    else:
        show_columns(to_people(), [(one.name, " ".join(one.actions)) for one in found])
    return Exit.DONE


def grants(*, json: Json = False) -> int:
    """List who holds which role over the workspace, and over what in it."""

    async def go(client: "Client") -> "tuple[GrantDetail, ...]":
        return await client.access.list_grants()

    found = ask_server(go)
    if json:
        print_json({"ok": True, "grants": document(found)})
    else:
        show_columns(
            to_people(), [(one.holder, one.holder_kind, one.role, _over(one), one.id) for one in found]
        )
    return Exit.DONE


def grant(
    holder: Annotated[str, Parameter(help="The name of a person, a service account or a group.")],
    role: Annotated[str, Parameter(help="The role; `auraos access roles` lists them.")],
    /,
    *,
    to: Annotated[Holder, Parameter(help="What it is the name of.")] = "person",
    kind: Annotated[str, Parameter(help="Only over things of this kind.")] = "",
    name: Annotated[str, Parameter(help="Only over the one of this name.")] = "",
    label: Annotated[
        tuple[str, ...], Parameter(help="Only over those with this label, as team=sales.", negative="")
    ] = (),
    json: Json = False,
) -> int:
    """Grant a role to somebody, in the workspace or over a part of it. Nobody grants what they do not have."""
    labels = {key: value for key, _, value in (one.partition("=") for one in label)}

    async def go(client: "Client") -> "GrantDetail":
        return await client.access.grant_role(
            holder_kind=to, holder=holder, role=role, kind=kind or None, labels=labels, name=name
        )

    found = ask_server(go)
    if json:
        print_json({"ok": True, "grant": document(found)})
    else:
        to_people().line(f"{clean(found.holder)} is {found.role} over {_over(found)} from now on.")
    return Exit.DONE


def revoke(
    grant: Annotated[str, Parameter(help="The id of the grant; `auraos access grants` lists them.")],
    /,
    *,
    json: Json = False,
) -> int:
    """Take a grant back. Somebody always owns the installation."""

    async def go(client: "Client") -> None:
        await client.access.revoke_grant(grant)

    ask_server(go)
    if json:
        print_json({"ok": True, "grant": grant})
    else:
        to_people().line("The grant is taken back.")
    return Exit.DONE


def _over(one: "GrantDetail") -> str:
    where = "everything everywhere" if one.workspace == "*" else one.workspace
    parts = [one.kind, one.name, *(f"{key}={value}" for key, value in one.labels.items())]
    return " ".join([where, *(part for part in parts if part)])
