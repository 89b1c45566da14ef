"""`auraos people` and `auraos workspaces`: who belongs to a server, and the rooms that it is divided into."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.documents import document
from auraos.cli.exits import Exit
from auraos.cli.options import Json
from auraos.cli.screen import clean, print_json, to_people, to_side
from auraos.cli.times import clock

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.access import WorkspaceDetail
    from auraos.client.shapes.people import Invitation, NewChoice, PersonDetail

Person: TypeAlias = Annotated[str, Parameter(help="The name by which they sign in.")]
Title: TypeAlias = Annotated[str, Parameter(help="The name that others see.")]


def list_people(*, json: Json = False) -> int:
    """List all people of the installation by name."""

    async def go(client: "Client") -> "list[PersonDetail]":
        return [one async for one in client.people.all_people(limit=500)]

    found = ask_server(go)
    if json:
        print_json({"ok": True, "people": document(found)})
    else:
        rows = [
            (one.name, one.state, "second factor" if one.has_second_proof else "password only", one.title)
            for one in found
        ]
        show_columns(to_people(), rows)
    return Exit.DONE


def add(name: Person, /, *, title: Title = "", json: Json = False) -> int:
    """Add a person, and print the token by which they choose a password, this once. They may do nothing yet."""

    async def go(client: "Client") -> "Invitation":
        return await client.people.add_person(name=name, title=title)

    return _show_invitation(ask_server(go), as_json=json)


def reset(
    name: Person,
    /,
    *,
    second_factor: Annotated[
        bool, Parameter(negative="", help="Be rid of their second factor, too.")
    ] = False,
    keep_keys: Annotated[
        bool, Parameter(negative="", help="Let their API keys go on to open what they do.")
    ] = False,
    json: Json = False,
) -> int:
    """Let a person choose a password anew, by a token that is printed this once. All their sessions end, and their API keys
    are revoked.
    """

    async def go(client: "Client") -> "NewChoice":
        return await client.people.reset_person(
            name, second_proof=second_factor, keys="keep" if keep_keys else "revoke"
        )

    found = ask_server(go)
    if not json:
        revoked, left = found.keys_revoked, found.keys_left
        to_side().line(f"API keys: {revoked} revoked, {left} left.")
    return _show_invitation(found, as_json=json)


def disable(name: Person, /, *, json: Json = False) -> int:
    """Let a person in no more; all their sessions end, and their keys are revoked."""
    return _set_state(name, lambda client: client.people.disable_person(name), as_json=json)


def enable(name: Person, /, *, json: Json = False) -> int:
    """Let a person in again."""
    return _set_state(name, lambda client: client.people.enable_person(name), as_json=json)


def list_workspaces(*, json: Json = False) -> int:
    """List the workspaces in which you have a role."""

    async def go(client: "Client") -> "tuple[WorkspaceDetail, ...]":
        return await client.access.list_workspaces()

    found = ask_server(go)
    if json:
        print_json({"ok": True, "workspaces": document(found)})
    else:
        show_columns(
            to_people(),
            [
                (one.name, f"since {clock(one.created_at)}" if one.created_at else "", one.title)
                for one in found
            ],
        )
    return Exit.DONE


def add_workspace(
    name: Annotated[str, Parameter(help="The name of the workspace.")],
    /,
    *,
    title: Annotated[str, Parameter(help="What it is, in words.")] = "",
    json: Json = False,
) -> int:
    """Make a workspace, with its own definitions, runs, secrets and roles."""

    async def go(client: "Client") -> "WorkspaceDetail":
        return await client.access.add_workspace(name=name, title=title)

    found = ask_server(go)
    if json:
        print_json({"ok": True, "workspace": document(found)})
    else:
        to_people().line(f"The workspace {clean(found.name)} is there.")
    return Exit.DONE


def _show_invitation(found: "Invitation | NewChoice", *, as_json: bool) -> int:
    if as_json:
        print_json({"ok": True, **document(found)})
        return Exit.DONE
    to_people().line(found.token)
    who = clean(found.person.name)
    to_side().line(
        f"{who} chooses a password by this token until {clock(found.ends_at)}; it is shown this once."
    )
    return Exit.DONE


def _set_state(name: str, ask: "Callable[[Client], Awaitable[PersonDetail]]", *, as_json: bool) -> int:
    found = ask_server(ask)
    if as_json:
        print_json({"ok": True, "person": document(found)})
    else:
        to_people().line(f"{clean(name)} is {found.state}.")
    return Exit.DONE
