"""`auraos keys` and `auraos services`: by what programs come in, and as whom."""

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
    from auraos.client.shapes.keys import KeyDetail, ServiceDetail, ShownKey

OfService: TypeAlias = Annotated[
    str, Parameter(name="--service", help="Of this service account, instead of your own.")
]
Service: TypeAlias = Annotated[str, Parameter(help="The name of the service account.")]


def list_keys(*, service: OfService = "", json: Json = False) -> int:
    """List API keys: your own, or those of a service account. What they open by is shown nowhere."""

    async def go(client: "Client") -> "tuple[KeyDetail, ...]":
        return await (client.keys.list_service_keys(service) if service else client.keys.list_my_keys())

    found = ask_server(go)
    if json:
        print_json({"ok": True, "keys": document(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("There are no keys.")
    show_columns(
        screen, [(one.title, one.id, _state(one), " ".join(one.scopes or ("everything",))) for one in found]
    )
    return Exit.DONE


def add(
    title: Annotated[str, Parameter(help="What it is for, in words.")],
    /,
    *,
    service: OfService = "",
    scope: Annotated[
        tuple[str, ...],
        Parameter(help="All that it may be used for, as runs.*; everything when left out.", negative=""),
    ] = (),
    days: Annotated[int, Parameter(help="After so many days it opens nothing any more.")] = 90,
    json: Json = False,
) -> int:
    """Make an API key, and print it this once.

    With --workspace it opens that one only.
    """

    async def go(client: "Client") -> "ShownKey":
        if service:
            return await client.keys.add_service_key(service, title=title, scopes=scope or None, days=days)
        return await client.keys.add_my_key(
            title=title, scopes=scope or None, days=days, workspace=client.workspace or None
        )

    made = ask_server(go)
    if json:
        print_json({"ok": True, "key": document(made.key), "token": made.token})
        return Exit.DONE
    to_people().line(made.token)
    to_side().line(f"Keep it: it is shown this once. It opens until {clock(made.key.ends_at)}.")
    return Exit.DONE


def revoke(
    key: Annotated[str, Parameter(help="The id of the key; `auraos keys list` lists them.")],
    /,
    *,
    service: OfService = "",
    json: Json = False,
) -> int:
    """Let a key open nothing any more, at once."""

    async def go(client: "Client") -> None:
        await (client.keys.revoke_service_key(service, key) if service else client.keys.revoke_my_key(key))

    ask_server(go)
    if json:
        print_json({"ok": True, "key": key})
    else:
        to_people().line("The key opens nothing any more.")
    return Exit.DONE


def list_services(*, json: Json = False) -> int:
    """List the service accounts of the workspace: who programs are."""

    async def go(client: "Client") -> "tuple[ServiceDetail, ...]":
        return await client.keys.list_services()

    found = ask_server(go)
    if json:
        print_json({"ok": True, "services": document(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("There are no service accounts.")
    show_columns(
        screen, [(one.name, one.state, f"since {clock(one.created_at)}", one.title) for one in found]
    )
    return Exit.DONE


def add_service(
    name: Service,
    /,
    *,
    title: Annotated[str, Parameter(help="What it is, in words.")] = "",
    json: Json = False,
) -> int:
    """Add a service account, which may do nothing yet."""

    async def go(client: "Client") -> "ServiceDetail":
        return await client.keys.add_service(name=name, title=title)

    found = ask_server(go)
    if json:
        print_json({"ok": True, "service": document(found)})
        return Exit.DONE
    to_people().line(f"{clean(found.name)} is there, and may do nothing yet.")
    to_side().line(f"  auraos access grant {clean(found.name)} ROLE --to service")
    return Exit.DONE


def remove_service(name: Service, /, *, json: Json = False) -> int:
    """Let go of a service account, with its keys and all that was granted to it."""

    async def go(client: "Client") -> None:
        await client.keys.remove_service(name)

    ask_server(go)
    if json:
        print_json({"ok": True, "service": name})
    else:
        to_people().line(f"{clean(name)} is gone, and its keys open nothing any more.")
    return Exit.DONE


def _state(one: "KeyDetail") -> str:
    if one.revoked_at:
        return f"revoked {clock(one.revoked_at)}"
    used = f", used {clock(one.used_at)}" if one.used_at else ", never used"
    if one.usage.days_30:
        used += f", {one.usage.today:,} requests today, {one.usage.days_30:,} in 30 days"
    if one.usage.refused_days_30:
        used += f", {one.usage.refused_days_30:,} of them too fast"
    return f"until {clock(one.ends_at)}{used}"
