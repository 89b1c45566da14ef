"""Asking the server that is chosen. What it refuses, and what goes wrong on the way, is told like every other error."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from auraos.app.profiles import Profile
from auraos.app.servers import client_of, told_as_errors
from auraos.cli.target import required

if TYPE_CHECKING:
    from auraos.client import Client

T = TypeVar("T")


def ask_server(ask: "Callable[[Client], Awaitable[T]]") -> T:
    """Return what the chosen server answers to this; raise `NoServerChosenError` where none is chosen."""
    return ask_at(required().at, ask)


def ask_at(profile: Profile, ask: "Callable[[Client], Awaitable[T]]") -> T:
    """Return what the server of a profile answers to this."""

    async def go() -> T:
        async with client_of(profile) as client:
            with told_as_errors(profile.url):
                return await ask(client)

    return asyncio.run(go())
