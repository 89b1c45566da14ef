"""Whom a command talks to: a data folder of this machine, or a server. The words before all others say it, or the profile."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from urllib.parse import urlsplit

import msgspec

from auraos.app.remote.profiles import LOCAL, Profile, Profiles
from auraos.cli.failures import WrongInputError

SERVER, KEY, PROFILE, WORKSPACE = "AURAOS_SERVER", "AURAOS_KEY", "AURAOS_PROFILE", "AURAOS_WORKSPACE"
OPTIONS = {
    "--server": (
        "URL",
        "The server that is asked, instead of a folder of this machine. AURAOS_SERVER names it, too.",
    ),
    "--profile": (
        "NAME",
        "The profile whose server is asked; `local` is this machine. AURAOS_PROFILE names it, too.",
    ),
    "--workspace": ("NAME", "The workspace on the server. AURAOS_WORKSPACE names it, too."),
}
"""What every command takes that may ask a server."""


class NoServerChosenError(WrongInputError):
    """A command asks a server, and none is chosen."""

    code = "no-server-chosen"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says of whom to ask."""

    server: str = ""
    profile: str = ""
    workspace: str = ""
    is_local: bool = False
    """A data folder or a database is named."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and by what it knows this user."""

    profile: str
    """Its name; empty where none is used."""
    at: Profile


_wish: ContextVar[Wish] = ContextVar("wish")


def take_options(arguments: list[str]) -> tuple[list[str], Wish]:
    """Return the arguments without those that say whom to ask, and what these say."""
    rest: list[str] = []
    told: dict[str, str] = {}
    left = iter(arguments)
    for argument in left:
        name, equals, value = argument.partition("=")
        if name not in OPTIONS:
            rest.append(argument)
            continue
        given = value if equals else next(left, "")
        if not given or given.startswith("--"):
            raise WrongInputError(f"{name} wants a value: {OPTIONS[name][1]}")
        told[name.removeprefix("--")] = given
    if "server" in told and "profile" in told:
        raise WrongInputError("Both --server and --profile say whom to ask.", hint="Give one.")
    is_local = any(one.partition("=")[0] in ("--data", "--database") for one in rest)
    if is_local and told:
        raise WrongInputError(
            "Both a folder of this machine and a server are named.", hint="Give one of them."
        )
    return rest, Wish(**told, is_local=is_local)


def wish_for(wish: Wish) -> None:
    """Let this command ask whom it is told to."""
    _wish.set(wish)


def words_of_wish() -> list[str]:
    """Return the words by which this command was told whom to ask."""
    wish = _wish.get(Wish())
    told = {"--server": wish.server, "--profile": wish.profile, "--workspace": wish.workspace}
    return [word for name, value in told.items() if value for word in (name, value)]


def chosen(environment: Mapping[str, str] | None = None) -> Target | None:
    """Return the server that is chosen; None where a command is about this machine."""
    environment = os.environ if environment is None else environment
    wish, profiles = _wish.get(Wish()), Profiles.of(environment)
    if wish.is_local:
        return None
    found = _of_options(wish, profiles, environment) or _of_environment(profiles, environment)
    if found is None:
        name = wish.profile or environment.get(PROFILE, "") or profiles.current
        if name == LOCAL:
            return None
        found = Target(profile=name, at=profiles.find(name))
    workspace = wish.workspace or environment.get(WORKSPACE, "") or found.at.workspace
    return msgspec.structs.replace(found, at=msgspec.structs.replace(found.at, workspace=workspace))


def required() -> Target:
    """Return the server that is chosen; raise `NoServerChosenError` where none is."""
    found = chosen()
    if found is None:
        raise NoServerChosenError(
            "This asks a server, and none is chosen.",
            hint="`auraos login https://auraos.example.com`, or --server URL with a key in AURAOS_KEY.",
        )
    return found


def _of_options(wish: Wish, profiles: Profiles, environment: Mapping[str, str]) -> Target | None:
    return _at(wish.server, profiles, environment) if wish.server else None


def _of_environment(profiles: Profiles, environment: Mapping[str, str]) -> Target | None:
    wish = _wish.get(Wish())
    url = environment.get(SERVER, "")
    return _at(url, profiles, environment) if url and not wish.profile else None


def _at(url: str, profiles: Profiles, environment: Mapping[str, str]) -> Target:
    """Return a server by its address. No key goes to another address than the one that it was given for."""
    url = url.rstrip("/")
    of_environment = environment.get(SERVER, "").rstrip("/")
    key = environment.get(KEY, "")
    if key and of_environment in ("", url):
        return Target(profile="", at=Profile(url=url, key=key))
    current = profiles.current
    names = [name for name, profile in profiles.all().items() if profile.url == url]
    if names:
        name = current if current in names else names[0]
        return Target(profile=name, at=profiles.find(name))
    raise NoServerChosenError(
        f"There is no key for {url}.", hint=f"`auraos login {url}`, or a key in AURAOS_KEY."
    )


def refuse_local(**options: object) -> None:
    """Raise `WrongInputError` for an option that was given and means something on this machine only."""
    named = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if named:
        raise WrongInputError(
            f"{named[0]} is for runs of this machine, and a server is asked.",
            hint="Leave it out, or choose this machine with --profile local.",
        )


def is_exposed(url: str) -> bool:
    """Return whether what is sent to an address can be read on the way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")
