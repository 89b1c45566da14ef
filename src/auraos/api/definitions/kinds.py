"""The kinds of definitions over HTTP, and the JSON Schema of each for editors: with the settings of every step type that is
installed here.
"""

from typing import Annotated, Any

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END
from auraos.api.protocol.routes import SELF, Routes
from auraos.security.access.errors import NotFoundError

routes = Routes()

SUFFIX = "-v1.json"


class OneSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A schema, by the name of its file."""

    file: Annotated[str, msgspec.Meta(pattern=rf"^[a-z]{{1,40}}-v1\.json{END}")]


class KindDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of definitions, and where its JSON Schema is."""

    name: str
    title: str
    schema: str


@routes.get("/api/v1/kinds", may=SELF)
async def list_kinds(ask: Ask) -> tuple[KindDetail, ...]:
    """List the kinds of definitions."""
    kinds = ask.desk.definitions.checker.kinds
    found = [kind for name in kinds if (kind := kinds.find(name)) is not None]
    return tuple(
        KindDetail(name=kind.name, title=kind.title or kind.name, schema=f"/schema/{kind.name}{SUFFIX}")
        for kind in found
    )


@routes.get("/schema/{file}", may=SELF, tells=("not-found",))
async def show_schema(ask: Ask, at: OneSchema) -> dict[str, Any]:
    """Return the JSON Schema of the documents of a kind."""
    schema = ask.desk.definitions.checker.schema(at.file.removesuffix(SUFFIX))
    if schema is None:
        raise NotFoundError.of("schema", at.file)
    return schema
