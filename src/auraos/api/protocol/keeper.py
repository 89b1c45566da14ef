"""`Keeper`: recognises who asks, by a key or by the cookie of a session, and admits them to what they may do.

A page of another site cannot ask in the name of whoever looks at it: where a cookie speaks for somebody, the browser must say
that the page is ours. Nobody else's pages read an answer, as no answer allows it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from auraos.api.protocol.asking import Ask, Asked, Limits
from auraos.api.protocol.pace import Allowance, Pace, Refusals, TooFastError
from auraos.api.protocol.routes import OPEN, SELF, Found, Route
from auraos.api.protocol.site import Site
from auraos.app.serving.desk import Desk
from auraos.app.settings.keys import STRANGERS, STRANGERS_AT_ONCE
from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import UserError
from auraos.security.access import Principal, authorize
from auraos.security.access.errors import NotAllowedError, NoWorkspaceError
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.scope import scope_of
from auraos.security.identity.backoff import network_of
from auraos.security.identity.errors import NotSignedInError

WORKSPACE = "x-auraos-workspace"
DEFAULT = "default"
SAFE = ("GET", "HEAD")
UNREAD = Limits()
"""Of a request that brings nothing to read."""
MOST_SPENT = 1000
TOLD_AGAIN = 600 * 1_000_000
"""So many microseconds pass before it is told again that somebody used the same key, which opens nothing."""
PACE = "requests_per_second"
"""The wish of a workspace by which it says how much may be asked in it."""


class ForeignOriginError(UserError):
    """A page of another site asks in the name of whoever looks at it."""

    code = "foreign-origin"


class Keeper:
    """Keeps the door of one process."""

    def __init__(self, desk: Desk, *, site: Site, now: Callable[[], int]) -> None:
        self._desk = desk
        self._site = site
        self._now = now
        self._pace = Pace(now, desk.processes)
        self._refusals = Refusals()
        self._spent: dict[str, int] = {}
        """Until when it is not told again that a key was used which opens nothing, by its id."""

    async def recognise(self, asked: Asked) -> Ask:
        """Return the request with whoever makes it; raise `NotSignedInError` or `ForeignOriginError`."""
        asked = msgspec.structs.replace(asked, address=self._site.address_of(asked.address, asked.headers))
        try:
            token, who = await self._who(asked)
        except NotSignedInError:
            await self._paced(asked, None, "")
            raise
        if who is None and not asked.is_open:
            raise NotSignedInError(
                "Nobody is signed in.", hint="Sign in, or send a key as `Authorization: Bearer`."
            )
        workspace = asked.headers.get(WORKSPACE) or (who.home if who is not None else "") or DEFAULT
        roles = await self._desk.identity.access.roles(workspace) if workspace != EVERYWHERE else None
        return Ask(
            asked=asked, desk=self._desk, workspace=workspace, who=who, token=token, roles=roles or {}, site=self._site,
            pace=await self._counted(asked, who, workspace if roles else ""),
            limits=UNREAD if asked.method in SAFE else Limits.of(self._desk.settings, workspace if roles else ""),
        )  # fmt: skip

    async def _counted(self, asked: Asked, who: Principal | None, workspace: str) -> dict[str, str]:
        """Count a request for the key that it was made by, refused or not."""
        key = who.key if who is not None else ""
        try:
            told = await self._paced(asked, who, workspace)
        except TooFastError:
            if key:
                self._desk.key_uses.count(key, refused=True)
            raise
        if key:
            self._desk.key_uses.count(key)
        return told

    async def _paced(self, asked: Asked, who: Principal | None, workspace: str) -> dict[str, str]:
        """Count a request for the workspace and the key, or for the address of somebody unknown."""
        if who is None:
            settings = self._desk.settings
            allowance = Allowance(settings.value(STRANGERS), settings.value(STRANGERS_AT_ONCE))
            return await self._take(f"address {network_of(asked.address)}", allowance)
        told: dict[str, str] = {}
        wished = self._desk.identity.access.wish(workspace, PACE)
        if wished and any(grant.workspace in (workspace, EVERYWHERE) for grant in who.grants):
            told = await self._take(f"workspace {workspace}", Allowance.of(int(wished)))
        if who.per_second:
            told = await self._take(f"key {who.key}", Allowance.of(who.per_second))
        return told

    async def _take(self, who: str, allowance: Allowance) -> dict[str, str]:
        """Count a request; raise `TooFastError`, in time, where too many were made."""
        try:
            return self._pace.take(who, allowance)
        except TooFastError:
            await self._refusals.take(who)
            raise

    async def admit(self, ask: Ask, found: Found, at: Any) -> None:
        """Raise unless whoever asks may do this."""
        route = found.route
        if route.may == OPEN:
            return
        if route.may != SELF:
            await _refuse(ask, ask.known, route, at)
        if route.fresh:
            ask.require_fresh()

    async def refused(self, ask: Ask, found: Found, error: NotAllowedError) -> None:
        """Tell the audit trail that somebody may not do this."""
        route = found.route
        entry = Entry(
            at=self._now(), workspace="" if route.everywhere else ask.workspace, actor=ask.actor,
            action=error.data.get("action", route.may),
            object=Object(kind="route", name=route.name), outcome="refused", why=error.message,
            after=found.given or None,
        )  # fmt: skip
        await self._desk.identity.access.note_refusal(entry)

    async def _who(self, asked: Asked) -> tuple[str, Principal | None]:
        """Return the token that somebody carries, and who they are; None where nobody says so."""
        given = asked.headers.get("authorization")
        if given is not None:
            scheme, _, token = given.partition(" ")
            who = await self._recognised(token.strip()) if scheme.lower() == "bearer" else None
            if who is None:
                await self._tell_of_spent(asked, token.strip())
                raise NotSignedInError(
                    "The key or session opens nothing, or no more.", hint="Make another, or sign in."
                )
            return token.strip(), who
        token = self._site.token_in(asked.headers)
        self._refuse_foreign(asked, by_cookie=bool(token))
        who = await self._recognised(token) if token else None
        if token and who is None and not asked.is_open:
            raise NotSignedInError("The session is over.", hint="Sign in.")
        return token, who

    async def _tell_of_spent(self, asked: Asked, token: str) -> None:
        """Tell the audit trail that somebody used a key that opens nothing any more: once in some minutes for each key."""
        spent = await self._desk.identity.recognition.spent(token)
        if spent is None or self._now() < self._spent.get(spent[0].id, 0):
            return
        key, why = spent
        if len(self._spent) >= MOST_SPENT:
            self._spent.clear()
        self._spent[key.id] = self._now() + TOLD_AGAIN
        entry = Entry(
            at=self._now(), workspace="" if key.workspace == EVERYWHERE else key.workspace, action="keys.use",
            actor=Actor(kind="nobody", key=key.id, address=asked.address, request=asked.request),
            object=Object(kind="key", name=key.id), outcome="refused", why=why,
        )  # fmt: skip
        await self._desk.identity.access.note_refusal(entry)

    async def _recognised(self, token: str) -> Principal | None:
        return await self._desk.identity.recognition.principal(token)

    def _refuse_foreign(self, asked: Asked, *, by_cookie: bool) -> None:
        """Raise `ForeignOriginError` for what a page of another site may have sent."""
        origin, site = asked.headers.get("origin"), asked.headers.get("sec-fetch-site")
        if asked.method in SAFE and not by_cookie:
            return
        is_foreign = origin is not None and not self._site.is_own(origin, asked.headers)
        if asked.method not in SAFE:
            is_foreign = is_foreign or site not in (None, "same-origin")
            is_foreign = is_foreign or (by_cookie and origin is None and site is None)
        if is_foreign:
            raise ForeignOriginError(
                "The request does not come from a page of this site.",
                hint="Programs send a key instead of a cookie.",
            )


async def _refuse(ask: Ask, who: Principal, route: Route, at: Any) -> None:
    """Raise `NoWorkspaceError`, `NotAllowedError` or what is told of a thing that is not there, unless somebody may do this."""
    if not ask.roles:
        raise NoWorkspaceError.of(ask.workspace)
    workspace = EVERYWHERE if route.everywhere else ask.workspace
    decision = authorize(who, route.may, workspace, roles=ask.roles)
    if decision.is_allowed:
        return
    if not decision.knows_workspace and not route.everywhere:
        raise NoWorkspaceError.of(ask.workspace)
    scope = scope_of(who, route.may, workspace, roles=ask.roles)
    if scope is not None and route.narrows:
        return
    if scope is not None and route.about is not None:
        thing = await route.about.find(ask, at)
        seen = scope_of(who, f"{route.may.partition('.')[0]}.read", workspace, roles=ask.roles)
        if thing is not None and scope.reaches(thing):
            return
        if thing is None or seen is None or not seen.reaches(thing):
            raise route.about.missing(ask, at)
    raise NotAllowedError(decision.why, hint="Whoever administers the workspace can grant it.")
