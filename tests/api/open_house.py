"""A door behind which everybody may do what the headers of the request say, for tests of what is behind it."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from auraos.api.protocol.asking import Ask, Asked
from auraos.api.protocol.door import Door
from auraos.api.protocol.keeper import _refuse
from auraos.api.protocol.routes import Found, Map, Route
from auraos.app.serving.desk import Desk
from auraos.security.access import ROLES, Principal
from auraos.security.access.principal import Grant

OWNER = (Grant(role="owner", workspace="*"),)


class Got(msgspec.Struct):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return what it says."""
        return json.loads(self.body)


class OpenKeeper:
    """Recognises Ann, in the workspace that the request names, with what was granted to her."""

    def __init__(self, desk: Desk, grants: tuple[Grant, ...]) -> None:
        self.desk = desk
        self.grants = grants
        self.roles = ROLES

    async def recognise(self, asked: Asked) -> Ask:
        """Return the request as Ann's."""
        who = Principal(kind="person", id="1", name="ann", grants=self.grants)
        workspace = asked.headers.get("x-auraos-workspace", "default")
        return Ask(asked=asked, desk=self.desk, workspace=workspace, who=who, roles=self.roles)

    async def admit(self, ask: Ask, found: Found, at: Any) -> None:
        """Raise unless Ann may do this."""
        await _refuse(ask, ask.known, found.route, at)

    async def refused(self, ask: Ask, found: Found, error: Any) -> None:
        """Keep no account of it."""


class OpenHouse:
    """Asks through a door."""

    def __init__(self, routes: Iterable[Route], desk: Desk, grants: tuple[Grant, ...] = OWNER) -> None:
        self.keeper = OpenKeeper(desk, grants)
        self._door = Door(Map(routes), self.keeper, lambda: "request-1")

    def may(self, *grants: Grant) -> "OpenHouse":
        """Let Ann do no more than this from now on."""
        self.keeper.grants = grants
        return self

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Got:
        """Return what is answered."""
        path, _, query = path.partition("?")
        raw = json.dumps(body).encode() if body is not None else b""
        given = {**({"content-type": "application/json"} if body is not None else {}), **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 5),
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._door(scope, receive, send)
        start, end = sent
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        return Got(start["status"], told, end["body"])
