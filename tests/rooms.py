"""A whole front door over a store of its own, and callers who come through it.

person, token = await room.house.signed_in("editor")
got = await room.ask("GET", "/api/v1/definitions", token=token)
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import unquote

import msgspec

from auraos.api.front import route_map
from auraos.api.protocol.door import Door
from auraos.api.protocol.keeper import Keeper
from auraos.api.protocol.routes import Map
from auraos.api.protocol.site import Site
from auraos.app.audit.trail import audit_on
from auraos.app.expressions import Expressions
from auraos.app.health import Health
from auraos.app.installed import load_installed
from auraos.app.outside.world import World
from auraos.app.runs.approvals import Approvals
from auraos.app.runs.figures import RunFigures
from auraos.app.runs.log_search import LogBook
from auraos.app.runs.quotas import Usage
from auraos.app.serving.desk import Desk
from auraos.app.settings.flags import flags_on
from auraos.engine.clock import SystemClock
from auraos.security.identity.key_uses import KeyUses
from auraos.storage.tables.key_uses import KeyUseTables
from auraos.storage.veil import veiled
from houses import House
from kept_chores import chores_over
from kept_definitions import definitions_over
from kept_git import git_over
from kept_runs import bulks_over, feeds_over, moving_over, privacy_over, runs_over, trials_over
from kept_secrets import secrets_over
from kept_settings import settings_over

ADDRESS = "192.0.2.7"
LONGEST = 5.0


class Got(msgspec.Struct):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return the code of the problem that it tells of."""
        return str(self.json["code"]) if self.status >= 400 else ""

    @property
    def cookie(self) -> str:
        """Return the cookie that a browser would send from now on."""
        return self.headers["set-cookie"].partition(";")[0]


class Room:
    """A house with its front door."""

    def __init__(
        self,
        house: House,
        site: Site | None = None,
        keeper: type[Keeper] = Keeper,
        allowed: Sequence[str] = (),
    ) -> None:
        self.house = house
        self.patience = LONGEST
        """For so many seconds an answer is awaited, and what goes on is listened to."""
        self.routes: Map = route_map(Health())
        definitions = definitions_over(
            house, house.identity.access.wants_four_eyes, house.identity.access.most
        )
        services = secrets_over(house, definitions, allowed=allowed)
        self.services = services
        flags = flags_on(house.tables, definitions.store, now=house.clock.now)
        self.world = World(allowed)
        """What runs reach, and what takes their secrets out of what comes back; who lets it send something closes it."""
        self.world.use(services.stored)
        self.runs = runs_over(house, definitions, flags, self.world)
        audit = audit_on(house.tables, house.folder, "test", house.clock.now)
        self.desk = Desk(
            approvals=Approvals(self.runs, house.identity.access),
            audit=audit,
            bulks=bulks_over(house, self.runs),
            runs=self.runs,
            trials=trials_over(house, self.runs, definitions),
            definitions=definitions,
            expressions=Expressions(definitions.checker, load_installed().catalogue),
            feeds=feeds_over(house, self.runs, audit),
            figures=RunFigures(
                veiled(house.store, house.tables),
                definitions.store,
                self.runs._definitions,
                SystemClock().now,
            ),
            git=git_over(house, definitions, services),
            identity=house.identity,
            moving=moving_over(house, self.runs, definitions),
            key_uses=KeyUses(KeyUseTables(house.tables), house.clock.now),
            log_book=LogBook(self.runs, house.store, veiled(house.store, house.tables)),
            privacy=privacy_over(house, self.runs),
            secrets=services.secrets,
            secret_trials=services.trials,
            chores=chores_over(house, self.runs, definitions),
            consents=services.consents,
            usage=Usage(house.tables, house.folder / "blobs", house.identity.access.most, house.clock.now),
            settings=settings_over(house),
            flags=flags,
        )
        self.keeper = keeper(self.desk, site=site or Site(), now=house.clock.now)
        self.door = Door(self.routes, self.keeper, SystemClock().new_id)

    @asynccontextmanager
    async def letting_run(self) -> AsyncIterator["Room"]:
        """Let runs go, and reach what is allowed, for as long as this is open."""
        await self.runs.engine.open()
        try:
            yield self
        finally:
            await self.runs.engine.close()
            await self.services.close()
            await self.services.tokens._http.close()
            await self.world.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        workspace: str = "",
        **headers: str,
    ) -> Got:
        """Ask as a program does; `token` is a key, or carries a session."""
        given = {"host": "auraos.test", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if token:
            given["authorization"] = f"Bearer {token}"
        if workspace:
            given["x-auraos-workspace"] = workspace
        if body is not None:
            given.setdefault("content-type", "application/json")
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        return await through(self.door, method, path, raw, given, self.patience)

    async def browse(
        self, method: str, path: str, body: Any = None, *, cookie: str = "", **headers: str
    ) -> Got:
        """Ask as a page of ours does in a browser."""
        ours = {"origin": "http://auraos.test", "sec_fetch_site": "same-origin", "cookie": cookie, **headers}
        return await self.ask(method, path, body, **{name: value for name, value in ours.items() if value})


async def through(
    door: Door, method: str, path: str, body: bytes, headers: dict[str, str], patience: float = LONGEST
) -> Got:
    """Send a request through a door."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": (ADDRESS, 5),
    }
    sent: list[Any] = []

    coming = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        message = next(coming, None)
        if message is None:  # whoever asked stays, and sends nothing more
            await asyncio.Event().wait()
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    with suppress(TimeoutError):  # a stream goes on until whoever asked goes away
        await asyncio.wait_for(door(scope, receive, send), patience)
    told = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Got(sent[0]["status"], told, b"".join(each.get("body", b"") for each in sent[1:]))
