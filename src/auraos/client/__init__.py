"""The Python client of a server: `Client`, the errors it raises, and what servers answer.

It stands alone: it needs aiohttp and msgspec, and nothing else of AuraOS.

    async with Client("https://auraos.example.com", key) as client:
        run = await client.runs.start_run("hello", input={"name": "Ada"}, wait=10)
"""

from auraos.client.client import Client
from auraos.client.errors import (
    ClientError,
    NoServerThereError,
    ProblemError,
    UnknownOutcomeError,
    UnreachableError,
)
from auraos.client.events import Event

__all__ = [
    "Client",
    "ClientError",
    "Event",
    "NoServerThereError",
    "ProblemError",
    "UnknownOutcomeError",
    "UnreachableError",
]
