"""Asking the server that is chosen. What it refuses, and what goes wrong on the way, is told like every other error."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from auraos.app.remote.profiles import Profile, Profiles
from auraos.app.remote.servers import SaidByServerError, client_of, told_as_errors
from auraos.cli.failures import WrongInputError
from auraos.cli.target import Target, required

if TYPE_CHECKING:
    from auraos.client import Client

T = TypeVar("T")


def ask_server(ask: "Callable[[Client], Awaitable[T]]") -> T:
    """Return what the chosen server answers to this; raise `NoServerChosenError` where none is chosen.

    What asks for a fresh proof of who asks is asked once more after that was given, if somebody is there to give it.
    """
    target = required()
    try:
        return ask_at(target.at, ask)
    except SaidByServerError as refused:
        if refused.said != "step-up-needed" or not sys.stdin.isatty():
            raise
    return ask_at(_proved(target), ask)


def ask_at(profile: Profile, ask: "Callable[[Client], Awaitable[T]]") -> T:
    """Return what the server of a profile answers to this."""

    async def go() -> T:
        async with client_of(profile) as client:
            with told_as_errors(profile.url):
                return await ask(client)

    return asyncio.run(go())


def secret_line(prompt: str) -> str:
    """Return what is typed unseen; where nobody types, the next line of standard input."""
    told = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    if not told.strip():
        raise WrongInputError("Nothing was given to be known by.", hint="Nothing is kept.")
    return told.strip()


def _proved(target: Target) -> Profile:
    """Prove anew who asks, and return the profile with what carries the session from now on."""
    password = secret_line(f"This asks for a fresh proof. Password of {target.at.who}: ")

    def prove(code: str) -> Profile:
        told = ask_at(target.at, lambda client: client.sign_in.prove_myself(password=password, code=code))
        return msgspec.structs.replace(target.at, key=told.token, ends_at=told.ends_at)

    try:
        proved = prove("")
    except SaidByServerError as refused:
        if refused.said != "second-proof-needed":
            raise
        proved = prove(secret_line("Code of your app, or a recovery code: "))
    if target.profile:
        profiles = Profiles.of(os.environ)
        kept = profiles.find(target.profile)
        profiles.keep(
            target.profile, msgspec.structs.replace(kept, key=proved.key, ends_at=proved.ends_at), use=False
        )
    return proved
