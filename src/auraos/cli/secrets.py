"""`auraos secrets`: what a server keeps under seal. A value goes there and never comes back."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.credentials import given_credential
from auraos.cli.documents import document
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import Json, read_json
from auraos.cli.screen import clean, print_json, to_people
from auraos.cli.times import clock

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.secrets import KeyRotation, SecretDetail, SecretFacts, Tried, Value

Name: TypeAlias = Annotated[str, Parameter(help="The name of the secret.")]


def list_secrets(*, json: Json = False) -> int:
    """List the secrets of the workspace: where each may go, and never what it is."""

    async def go(client: "Client") -> "list[SecretFacts]":
        return [one async for one in client.secrets.all_secrets(limit=500)]

    found = ask_server(go)
    if json:
        print_json({"ok": True, "secrets": document(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("There are no secrets.")
    show_columns(
        screen,
        [
            (
                one.name,
                one.kind,
                ", ".join(one.hosts),
                f"until {clock(one.ends_at)}" if one.ends_at else "",
                one.title,
            )
            for one in found
        ],
    )
    return Exit.DONE


def set_(
    name: Name,
    /,
    *,
    host: Annotated[
        tuple[str, ...],
        Parameter(help="A host that it may go to. May be given again and again.", negative=""),
    ] = (),
    kind: Annotated[str, Parameter(help="Of which kind it is; `auraos secrets kinds` lists them.")] = "text",
    workflow: Annotated[
        tuple[str, ...], Parameter(help="A workflow that may use it; all may when left out.", negative="")
    ] = (),
    source: Annotated[
        str,
        Parameter(help='Where it is kept, instead of a value: {"from": "environment", "name": "SHOP_KEY"}.'),
    ] = "",
    title: Annotated[str, Parameter(help="What it is, in words.")] = "",
    json: Json = False,
) -> int:
    """Keep a secret, bound to the hosts that it may go to, or store another value of one that is there.

    The value is asked for on the terminal, part by part, and what is secret is not shown; where nobody types, it is read from
    standard input: what has one part as it is, any other kind as JSON, as {"user": …, "password": …}. The hosts of before stay
    where none is given.
    """
    place = read_json(source, "What --source is given", "--source") if source else None

    async def go(client: "Client") -> "tuple[SecretFacts, bool]":
        before = await _before(client, name)
        hosts = host or (before.secret.hosts if before is not None else ())
        if not hosts:
            raise WrongInputError(
                "A secret is bound to the hosts that it may go to.", hint="--host api.example.com"
            )
        workflows = workflow or (before.secret.workflows if before is not None else ())
        given = None if place is not None else given_credential(kind, await _schema(client, kind))
        value = _value(credential=given, kind=kind, source=place, hosts=hosts, workflows=workflows)
        if before is None:
            return await client.secrets.create_secret(name=name, value=value, title=title), True
        changed = await client.secrets.replace_secret(name, revision=before.revision, value=value)
        return changed, False

    found, is_new = ask_server(go)
    if json:
        print_json({"ok": True, "is_new": is_new, "secret": document(found)})
        return Exit.DONE
    what = "is kept" if is_new else f"has another value from now on, version {found.version}"
    to_people().line(f"{clean(name)} {what}; it goes to {clean(', '.join(found.hosts))} only.")
    return Exit.DONE


def try_secret(
    name: Name,
    /,
    *,
    url: Annotated[str, Parameter(help="What is asked with GET; its host is one of the secret's.")] = "",
    json: Json = False,
) -> int:
    """Try a secret at a host that it is bound to. Ends with 1 when it does not work."""

    async def go(client: "Client") -> "Tried":
        return await client.secrets.try_secret(name, url=url)

    found = ask_server(go)
    if json:
        print_json({**document(found), "ok": found.works})
    else:
        to_people().line(clean(found.words))
    return Exit.DONE if found.works else Exit.FAILED


def uses(name: Name, /, *, json: Json = False) -> int:
    """Show a secret: its versions, which definitions name it, and which workflows used it when."""

    async def go(client: "Client") -> "SecretDetail":
        return await client.secrets.show_secret(name)

    found = ask_server(go)
    if json:
        print_json({"ok": True, **document(found)})
        return Exit.DONE
    screen = to_people()
    one = found.secret
    screen.line(f"{screen.tint(clean(one.name), 'bold')}: {one.kind}, goes to {clean(', '.join(one.hosts))}")
    for version in found.versions:
        over = f", revoked {clock(version.revoked_at)}" if version.revoked_at else ""
        screen.line(f"  version {version.version}, kept {clock(version.at)}{over}")
    for named in found.named_by:
        screen.line(
            f"  named by {named.kind}/{clean(named.name)} at {clean(named.place)}{'' if named.is_live else ' (draft)'}"
        )
    for one_version in found.in_flight:
        words = f"{one_version.runs:,} runs of {clean(one_version.workflow)} go on"
        screen.line(f"  {words} by version {one_version.version[:12]}, which names it")
    for use in found.uses:
        screen.line(
            f"  used by {clean(use.workflow)} {use.count:,} times, last {clock(use.at)} in run {clean(use.run)}"
        )
    return Exit.DONE


def revoke(
    name: Name,
    version: Annotated[int, Parameter(help="The number of the version.")],
    /,
    *,
    why: Annotated[str, Parameter(help="A word on it, for the audit trail.")] = "",
    json: Json = False,
) -> int:
    """Destroy a version of a secret: it never opens again."""

    async def go(client: "Client") -> "SecretFacts":
        return await client.secrets.revoke_version(name, version, why=why)

    found = ask_server(go)
    if json:
        print_json({"ok": True, "secret": document(found)})
    else:
        to_people().line(f"Version {version} of {clean(name)} is revoked and opens nothing any more.")
    return Exit.DONE


def delete(name: Name, /, *, json: Json = False) -> int:
    """Delete a secret with all of its versions; refused while a live definition names it."""

    async def go(client: "Client") -> None:
        await client.secrets.delete_secret(name)

    ask_server(go)
    if json:
        print_json({"ok": True, "name": name})
    else:
        to_people().line(f"{clean(name)} is deleted.")
    return Exit.DONE


def rotate(*, json: Json = False) -> int:
    """Seal all secrets of the workspace by a new key, while they are used. No value changes."""

    async def go(client: "Client") -> "KeyRotation":
        return await client.secrets.rotate_encryption_key()

    found = ask_server(go)
    if json:
        print_json({"ok": True, **document(found)})
    else:
        to_people().line(f"Key {found.version} seals the secrets now; {found.sealed_anew} were sealed anew.")
    return Exit.DONE


def kinds(*, json: Json = False) -> int:
    """List the kinds of credentials, and where the parts of each go."""

    async def go(client: "Client") -> list[Any]:
        return list(await client.secrets.list_secret_kinds())

    found = ask_server(go)
    if json:
        print_json({"ok": True, "kinds": document(found)})
        return Exit.DONE
    show_columns(
        to_people(), [(one.kind, ", ".join(one.schema.get("properties", {})), one.title) for one in found]
    )
    return Exit.DONE


async def _before(client: "Client", name: str) -> "SecretDetail | None":
    from auraos.client import ProblemError  # noqa: PLC0415 (help pages need no client)

    try:
        return await client.secrets.show_secret(name)
    except ProblemError as problem:
        if problem.code == "no-secret":
            return None
        raise


async def _schema(client: "Client", kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of credentials."""
    known = await client.secrets.list_secret_kinds()
    found = next((each.schema for each in known if each.kind == kind), None)
    if found is None:
        names = ", ".join(each.kind for each in known)
        raise WrongInputError(f"There is no kind of credentials {kind!r}.", hint=f"There are {names}.")
    return found


def _value(**fields: Any) -> "Value":
    """Return what is sent; what is wrong with it is told without what stands there."""
    from auraos.client.shapes.secrets import Value  # noqa: PLC0415

    given = {name: value for name, value in fields.items() if value not in (None, ())}
    try:
        return msgspec.convert(given, Value)
    except msgspec.ValidationError as error:
        raise WrongInputError(
            f"This is no value of that kind: {error}.", hint="`auraos secrets kinds` lists their parts."
        ) from None
