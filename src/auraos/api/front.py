"""`Front`: the front door of a process. It tells of the process's health from its first moment, and lets others in once the
desk behind it is there.
"""

from auraos.api import problems, stream
from auraos.api.definitions import (
    definition_files,
    definition_history,
    definitions,
    expressions,
    git,
    kinds,
    promotions,
    reviews,
    trials,
)
from auraos.api.figures import figure_routes
from auraos.api.health import health_routes
from auraos.api.people import access, directories, federation, keys, passkeys, people, sign_in, welcome
from auraos.api.people.scim import BASE, ScimDoor
from auraos.api.protocol.answers import Send
from auraos.api.protocol.asking import Ask, Asked
from auraos.api.protocol.door import Door, Gatekeeper, Receive, Scope
from auraos.api.protocol.keeper import Keeper
from auraos.api.protocol.openapi import openapi_routes
from auraos.api.protocol.routes import Found, Map, Route
from auraos.api.protocol.server import Server
from auraos.api.protocol.site import Site
from auraos.api.protocol.traffic import Traffic
from auraos.api.runs import bulks, failures, logs, moves, run_definitions, run_figures, runs
from auraos.api.workspaces import audit, chores, consents, flags, privacy, secrets, settings, tenancy
from auraos.app.health import Health
from auraos.app.serving.desk import Desk
from auraos.app.serving.serving import Wishes
from auraos.core.errors import OperationalError
from auraos.engine.clock import SystemClock
from auraos.security.access.errors import NotAllowedError

NOUNS = (
    access.routes,
    consents.routes,
    audit.routes,
    bulks.routes,
    chores.routes,
    definition_files.routes,
    definition_history.routes,
    definitions.routes,
    directories.routes,
    expressions.routes,
    federation.routes,
    flags.routes,
    git.routes,
    keys.routes,
    kinds.routes,
    logs.routes,
    passkeys.routes,
    people.routes,
    privacy.routes,
    problems.routes,
    promotions.routes,
    reviews.routes,
    failures.routes,
    moves.routes,
    run_definitions.routes,
    run_figures.routes,
    runs.routes,
    secrets.routes,
    settings.routes,
    sign_in.routes,
    stream.routes,
    tenancy.routes,
    trials.routes,
    welcome.routes,
)
"""The routes of all nouns."""


class NotReadyError(OperationalError):
    """The process only just begins, or leaves."""

    code = "not-ready"


class Front:
    """The door of one process."""

    def __init__(self, health: Health) -> None:
        self._keeper = _Guard(health)
        traffic = Traffic()
        health.figures.add(traffic.figures)
        clock = SystemClock()
        self._door = Door(route_map(health), self._keeper, clock.new_id, traffic)
        self._scim = ScimDoor(clock.now, clock.new_id)
        self._server = Server(Entrance(self._door, self._scim))

    async def open(self, host: str, port: int) -> int:
        """Listen, and return the port."""
        return await self._server.open(host, port)

    def admit(self, desk: Desk, wishes: Wishes) -> None:
        """Let others in from now on, who are served by this desk."""
        site = Site(wishes.url, wishes.proxies)
        self._keeper.behind = Keeper(desk, site=site, now=SystemClock().now)
        self._scim.site, self._scim.desk = site, desk
        self._door.tracer = desk.tracer

    async def dismiss(self) -> None:
        """Let nobody in any more, and return when those who were in are served; it still tells of the health."""
        self._keeper.behind = self._scim.desk = None
        await self._server.settle()

    async def close(self) -> None:
        """Take nothing new, answer what was taken, and close."""
        await self._server.close()


class Entrance:
    """Leads directories to their own door, and everybody else to the other one."""

    def __init__(self, door: Door, scim: ScimDoor) -> None:
        self._door = door
        self._scim = scim

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_of_directory = scope["type"] == "http" and scope["path"].startswith(f"{BASE}/")
        await (self._scim if is_of_directory else self._door)(scope, receive, send)


def route_map(health: Health) -> Map:
    """Return all routes."""
    routes: list[Route] = [*health_routes(health), *figure_routes(health.figures)]
    for noun in NOUNS:
        routes += noun
    return Map([*routes, *openapi_routes(routes)])


class _Guard:
    """Keeps the door until somebody who recognises people is there."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.behind: Gatekeeper | None = None

    async def recognise(self, asked: Asked) -> Ask:
        return await self._behind().recognise(asked)

    async def admit(self, ask: Ask, found: Found, at: object) -> None:
        await self._behind().admit(ask, found, at)

    async def refused(self, ask: Ask, found: Found, error: NotAllowedError) -> None:
        await self._behind().refused(ask, found, error)

    def _behind(self) -> Gatekeeper:
        """Return whoever recognises people; raise `NotReadyError` while nobody does."""
        if self.behind is None:
            raise NotReadyError(
                f"The process is not ready: it is {self._health.phase}.",
                hint="Ask again in a moment.",
                retry_after=2,
            )
        return self.behind
