"""`auraos login` and `auraos logout`: by what a server knows this user is kept in a file of theirs, and never shown."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec
from cyclopts import Parameter

from auraos.app.remote.profiles import LOCAL, NoProfileError, Profile, Profiles
from auraos.app.remote.servers import SaidByServerError, ServerLostError
from auraos.cli.asking import ask_at, secret_line
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import Json
from auraos.cli.screen import clean, print_json, to_people, to_side
from auraos.cli.target import KEY, is_exposed
from auraos.cli.times import clock

if TYPE_CHECKING:
    pass

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)


def login(  # noqa: PLR0913 (a command has as many parameters as it has options)
    url: Annotated[str, Parameter(help="The address of the server, as in https://auraos.example.com.")],
    /,
    *,
    name: Annotated[
        str, Parameter(help="Sign in by this name and a password, instead of by an API key.")
    ] = "",
    profile: Annotated[
        str, Parameter(help="What to call it here; the host of the address when left out.")
    ] = "",
    workspace: Annotated[str, Parameter(help="The workspace that commands are about from now on.")] = "",
    authority: Annotated[
        Path | None, Parameter(help="A file of the certificate authority by which the server is trusted.")
    ] = None,
    use: Annotated[bool, Parameter(help="Use it for the commands that follow.")] = True,
    insecure: Annotated[
        bool,
        Parameter(
            negative="", help="Send the key over http:// to another machine, where others may read it."
        ),
    ] = False,
    json: Json = False,
) -> int:
    """Let a server know this user, by an API key or by name and password, and use it from now on.

    The key, or the password with a second factor, is asked for on the terminal; where there is none it is read from standard
    input, a line each. AURAOS_KEY gives the key, too. What is kept lies in profiles.json of the state folder, which nobody
    else can read.
    """
    url = _address(url, insecure=insecure)
    called = profile or urlsplit(url).netloc
    if called == LOCAL or not _NAME.fullmatch(called):
        raise WrongInputError(
            f"{called!r} cannot be the name of a profile.", hint="Choose another one with --profile."
        )
    stranger = Profile(
        url=url, key="", workspace=workspace, authority=str(authority.resolve()) if authority else ""
    )
    ask_at(stranger, lambda client: client.sign_in.show_owner())
    known = _by_password(stranger, name) if name else _by_key(stranger)
    me = ask_at(known, lambda client: client.sign_in.show_me())
    known = msgspec.structs.replace(known, who=me.name)
    Profiles.of(os.environ).keep(called, known, use=use)
    if json:
        told = {"profile": called, "url": url, "who": me.name, "kind": me.kind, "used": use}
        print_json({"ok": True, **told, "workspaces": list(me.workspaces)})
        return Exit.DONE
    screen = to_people()
    screen.line(f"{clean(url)} knows you as {clean(me.name)}; it is kept as the profile {clean(called)}.")
    if use:
        screen.line(
            "Commands that can ask a server ask this one from now on. `auraos profiles use local` ends that."
        )
    return Exit.DONE


def logout(
    profile: Annotated[str, Parameter(help="Its name; the one in use when left out.")] = "",
    /,
    *,
    json: Json = False,
) -> int:
    """Forget by what a server knows this user; a session there ends, too.

    An API key stays good until it is revoked: `auraos keys revoke`.
    """
    profiles = Profiles.of(os.environ)
    name = profile or profiles.current
    if name == LOCAL:
        raise NoProfileError("No server is in use.", hint="`auraos profiles list` lists them.")
    found = profiles.find(name)
    ended = found.kind == "session" and _ended(found)
    profiles.forget(name)
    if json:
        print_json({"ok": True, "profile": name, "session_ended": ended})
        return Exit.DONE
    to_people().line(f"The profile {clean(name)} is forgotten{', and its session is over' if ended else ''}.")
    if found.kind == "session" and not ended:
        to_side().line(
            f"  {clean(found.url)} could not be told; the session there ends at {clock(found.ends_at)}."
        )
    return Exit.DONE


def _by_key(stranger: Profile) -> Profile:
    key = os.environ.get(KEY, "") or secret_line("API key (its letters are not shown): ")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise WrongInputError(
            "This is no key.", hint="`auraos login URL --name NAME` signs in by a password."
        )
    return msgspec.structs.replace(stranger, key=key)


def _by_password(stranger: Profile, name: str) -> Profile:
    password = secret_line(f"Password of {name}: ")

    def sign_in(code: str) -> Profile:
        told = ask_at(
            stranger,
            lambda client: client.sign_in.sign_in(name=name, password=password, code=code, carry="token"),
        )
        return msgspec.structs.replace(stranger, key=told.token, kind="session", ends_at=told.ends_at)

    try:
        return sign_in("")
    except SaidByServerError as refused:
        if refused.said != "second-proof-needed":
            raise
    return sign_in(secret_line("Code of your app, or a recovery code: "))


def _ended(found: Profile) -> bool:
    """End the session at the server; return whether it is over."""
    try:
        ask_at(found, lambda client: client.sign_in.sign_out())
    except ServerLostError:
        return False
    except SaidByServerError as refused:
        return refused.said == "not-signed-in"
    return True


def _address(text: str, *, insecure: bool) -> str:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise WrongInputError(
            f"{text!r} is not the address of a server.", hint="Write it as https://auraos.example.com."
        )
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    if is_exposed(url) and not insecure:
        raise WrongInputError(
            f"{url} is not encrypted: whoever is between could read the key.",
            hint="Use https://, or say --insecure where nobody is between.",
        )
    return url
