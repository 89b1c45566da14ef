"""`Door`: the ASGI application. Every request takes the same way: found, recognised, allowed, read, carried out, answered.

Whoever is not allowed learns nothing of what was asked for. What cannot be read changes nothing. What breaks is told by its
id, and written to the log.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from auraos.api.protocol.answers import Answer, Reply, Send
from auraos.api.protocol.asking import Ask, Asked, Limits
from auraos.api.protocol.fitting import fit
from auraos.api.protocol.problems import trouble_of
from auraos.api.protocol.reading import BodyTooLargeError, read_body, read_parameters
from auraos.api.protocol.routes import ALWAYS, OPEN, SELF, Found, Map, Route
from auraos.api.protocol.traffic import Passing, Traffic
from auraos.api.protocol.turns import Rests, Turns
from auraos.core.errors import AuraError, OperationalError, UnexpectedError, UserError
from auraos.observability.about import ABOUT
from auraos.observability.traces import Tracer
from auraos.security.access.errors import NotAllowedError
from auraos.security.access.principal import EVERYWHERE
from auraos.security.access.walls import within

log = logging.getLogger("auraos.api")

LARGEST_OF_STRANGERS: Final = 64 * 1024
"""So many bytes a body may have where anybody may ask."""
READ_ASIDE: Final = 128 * 1024
"""A body of more bytes is read beside the loop, so that others are answered meanwhile."""

_REVISION: Final = re.compile(r'\s*(?:(?:W/)?"([0-9]{1,15})(?:\.[\w-]{1,40})?"|([0-9]{1,15}))\s*', re.ASCII)
READING: Final = ("GET", "HEAD")
"""Requests by these methods only read."""

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]


class NoRouteError(UserError):
    """There is nothing at this address."""

    code = "no-route"


class MethodError(UserError):
    """The address does not know this method."""

    code = "method-not-allowed"


class RevisionNeededError(UserError):
    """A change must say which revision it was made from."""

    code = "revision-needed"


class ContentTypeError(UserError):
    """The body is not of a kind that is read here."""

    code = "wrong-content-type"


class SlowBodyError(UserError):
    """The body of a request took too long to come."""

    code = "body-too-slow"


class Gatekeeper(Protocol):
    """Recognises who asks, and says whether they may."""

    async def recognise(self, asked: Asked) -> Ask:
        """Return the request with whoever makes it; raise when they claim to be somebody they are not."""
        ...

    async def admit(self, ask: Ask, found: Found, at: Any) -> None:
        """Raise unless whoever asks may do this."""
        ...

    async def refused(self, ask: Ask, found: Found, error: NotAllowedError) -> None:
        """Hear that whoever asked may not do this, or not to what it is about."""
        ...


class Door:
    """All routes behind one door."""

    def __init__(
        self, routes: Map, keeper: Gatekeeper, new_id: Callable[[], str], traffic: Traffic | None = None
    ) -> None:
        self._traffic = traffic or Traffic()
        self.tracer: Tracer | None = None
        """Tells requests as spans, where somebody wants to know."""
        self._routes = routes
        self._keeper = keeper
        self._new_id = new_id
        self._turns = Turns()
        self._rests = Rests()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise UnexpectedError(f"Nothing answers {scope['type']} here.")
        request = self._new_id()
        passing = Passing(request, scope["method"])
        ABOUT.set(passing)
        if self.tracer is not None:
            passing.trace_by(self.tracer, _told_trace(scope))
        try:
            reply = await self._answer(scope, receive, passing)
        except AuraError as error:
            reply = _told(error, request)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("api.broke", extra={"route": passing.route}, exc_info=error)
            broken = UnexpectedError(
                "Something broke in the server.", hint=f"Its log tells more of {request}."
            )
            reply = _told(broken, request)
        sending = reply.send(send, with_body=scope["method"] != "HEAD", request=request)
        self._traffic.streams += reply.goes_on
        try:
            await (_while_there(sending, receive) if reply.goes_on else sending)
        finally:
            self._traffic.streams -= reply.goes_on
            self._over(passing, reply)

    def _over(self, passing: Passing, reply: Reply) -> None:
        """Count a request that was answered, and say so."""
        level = logging.WARNING if reply.status >= 500 else logging.DEBUG
        if log.isEnabledFor(level):
            told = {"method": passing.method, "route": passing.route, "status": reply.status}
            log.log(level, "api.answered", extra={**told, "seconds": round(passing.seconds, 4)})
        span = passing.span(reply.status)
        if span is not None and self.tracer is not None:
            self.tracer.tell(span)
        self._traffic.answered(passing, reply.status, went_on=reply.goes_on)

    async def _answer(self, scope: Scope, receive: Receive, passing: Passing) -> Reply:
        found = self._find(scope)
        passing.route = found.route.path
        if found.route.may == ALWAYS:
            return _reply(await found.route.handler(), found.route)
        headers = _headers(scope)
        client = scope.get("client")
        asked = Asked(
            request=passing.request,
            method=scope["method"],
            headers=headers,
            address=client[0] if client else "",
            is_open=found.route.may == OPEN,
        )
        ask = await self._keeper.recognise(asked)
        passing.workspace = ask.workspace
        try:
            with within(_workspace_of(ask, found.route)):
                return await self._carry_out(ask, found, scope, receive)
        except NotAllowedError as error:
            await self._keeper.refused(ask, found, error)
            raise

    async def _carry_out(self, ask: Ask, found: Found, scope: Scope, receive: Receive) -> Reply:
        route, headers = found.route, ask.asked.headers
        at = read_parameters(found.given, scope["query_string"], route)
        await self._keeper.admit(ask, found, at)
        given: dict[str, Any] = {}
        if route.over:
            ask = msgspec.structs.replace(ask, revision=_revision(headers))
        if route.at is not None:
            given["at"] = at
        if route.body is not None:
            raw = await _body(headers, receive, _largest(ask, route), ask.limits)
            read = asyncio.to_thread if len(raw) > READ_ASIDE else _here
            given["body"] = await read(read_body, raw, route.body)
        turn = await self._turns.take(_turn_of(ask), reads=ask.asked.method in READING)
        resting: list[str] = []

        def rest() -> bool:
            turn.leave()
            if not resting and self._rests.enter(_asker_of(ask)):
                resting.append(_asker_of(ask))
            return bool(resting)

        try:
            reply = _reply(await route.handler(msgspec.structs.replace(ask, rest=rest), **given), route)
        finally:
            turn.leave()
            for who in resting:
                self._rests.leave(who)
        if not isinstance(reply, Answer):
            return reply
        reply.headers.update(ask.pace)
        if route.deprecated is not None:
            reply.headers.update(route.deprecated.headers)
        return await fit(reply, ask.asked.method, headers)

    def _find(self, scope: Scope) -> Found:
        method, path = scope["method"], scope["path"]
        found = self._routes.find("GET" if method == "HEAD" else method, path)
        if found is not None:
            return found
        known = self._routes.methods(path)
        if known:
            raise MethodError(
                f"{path} does not know {method}.", hint=f"It knows {', '.join(known)}.", allow=known
            )
        raise NoRouteError("There is nothing at this address.", hint="See /api/v1/openapi.json.")


def _workspace_of(ask: Ask, route: Route) -> str:
    """Return the workspace that a route is served within: none where it concerns the whole installation, or whoever asks."""
    is_of_one = not route.everywhere and route.may not in (OPEN, SELF)
    return ask.workspace if is_of_one else EVERYWHERE


def _turn_of(ask: Ask) -> str:
    """Return in whose turn a request is: of a workspace that whoever asks belongs to, of whoever asks, or of their address."""
    grants = ask.who.grants if ask.who is not None else ()
    belongs = ask.roles and any(grant.workspace in (ask.workspace, EVERYWHERE) for grant in grants)
    return f"workspace {ask.workspace}" if belongs else _asker_of(ask)


def _asker_of(ask: Ask) -> str:
    return f"somebody {ask.who.id}" if ask.who is not None else f"address {ask.asked.address}"


async def _while_there(sending: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Send an answer that goes on, until it is done or whoever asked has gone."""
    task, gone = asyncio.create_task(sending), asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _told_trace(scope: Scope) -> str:
    """Return what whoever asks tells of the trace that they work in."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")


def _reply(answered: Any, route: Route) -> Reply:
    return answered if isinstance(answered, Reply) else Answer.of(answered, route.status)


def _headers(scope: Scope) -> Mapping[str, str]:
    """Return the headers; of one that comes twice where it must not, nothing is believed."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1")
        headers[key] = (
            f"{headers[key]}, {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
        )
    return headers


def _revision(headers: Mapping[str, str]) -> int:
    """Return the revision that a change was made from: the `ETag` of what was read begins with it."""
    given = headers.get("if-match", "")
    found = _REVISION.fullmatch(given)
    if found is None:
        raise RevisionNeededError(
            "The request does not say which revision it changes."
            if not given
            else "If-Match names no revision.",
            hint="Send the ETag of what you read as If-Match.",
        )
    return int(found[1] or found[2])


async def _here(read: Callable[..., Any], *given: Any) -> Any:
    return read(*given)


def _largest(ask: Ask, route: Route) -> int:
    """Return how large a body may be: nobody who is unknown has much to say."""
    most = ask.limits.largest_body
    return min(most, LARGEST_OF_STRANGERS) if route.may == OPEN else most


async def _body(headers: Mapping[str, str], receive: Receive, largest: int, limits: Limits) -> bytes:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ContentTypeError(
            f"The body is {kind or 'of no kind that is told'}, and JSON is read here.",
            hint="Send it with Content-Type: application/json.",
        )
    packed = headers.get("content-encoding", "identity").strip().lower()
    if packed != "identity":
        raise ContentTypeError(
            f"The body is packed as {packed[:40]!r}, and nothing is unpacked here.", hint="Send it as it is."
        )
    pieces: list[bytes] = []
    size, longest = 0, limits.longest_body.total_seconds()
    try:
        async with asyncio.timeout(longest):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise GoneError("Whoever asked went away.")
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > largest:
                    raise BodyTooLargeError(f"The body has more than {largest} bytes.")
                if not message.get("more_body"):
                    return b"".join(pieces)
    except TimeoutError as error:
        raise SlowBodyError(f"The body took longer than {longest:g} s to come.") from error


class GoneError(OperationalError):
    """Whoever asked went away."""

    code = "client-gone"


def _told(error: AuraError, request: str) -> Answer:
    trouble = trouble_of(error, instance=request)
    headers = {}
    if trouble.status == 401:
        headers["www-authenticate"] = "Bearer"
    if "allow" in error.data:
        headers["allow"] = ", ".join(error.data["allow"])
    if "retry_after" in error.data:
        headers["retry-after"] = str(error.data["retry_after"])
    return Answer(trouble.status, msgspec.json.encode(trouble), "application/problem+json", headers)
