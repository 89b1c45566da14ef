"""The step types that the tests of checks use: those of the house, read as everybody's are."""

from functools import cache

from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue, Effect, StepType

_HTTP_SETTINGS = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "method": {"enum": ["GET", "HEAD", "POST", "PUT", "DELETE"]},
        "json": {},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "secret": {"anyOf": [{"type": "string", "x-kind": "secret"}, {"type": "null"}]},
    },
    "required": ["url"],
    "additionalProperties": False,
}


@cache
def catalogue() -> Catalogue:
    """Return the installed types, and `shop.order`, whose effect follows from its settings as with any HTTP call."""
    return Catalogue([*load_installed().catalogue.all(), SHOP])


def _effect(settings: object) -> Effect:
    method = settings.get("method", "GET") if isinstance(settings, dict) else "GET"
    return {"GET": Effect.READ, "HEAD": Effect.READ, "POST": Effect.WRITE}.get(str(method), Effect.IDEMPOTENT)


async def _execute(settings: dict[str, object], context: object) -> object:
    return settings


SHOP = StepType(
    name="http.request",
    title="Ask a shop",
    summary="Asks a shop.",
    settings=_HTTP_SETTINGS,
    output={
        "type": "object",
        "properties": {"status": {"type": "integer"}, "headers": {"type": "object"}, "json": {}},
    },
    effect=_effect,
    execute=_execute,
)
