"""Egress: the only way out. Addresses are checked at connect and after every redirect, answers are bounded in size and
time, and each failure says whether anything was sent: `StepFailed` when certainly not, `StepUnknown` when perhaps."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from auraos.core.values import format_duration
from auraos.sdk import Answer, StepFailed, StepUnknown
from auraos.sdk.retry_after import read_retry_after
from auraos.security.addresses import Opening, normal_host
from auraos.security.circuit import Circuits, Place, Visit
from auraos.security.decoding import Decoder, bounded
from auraos.security.destinations import (
    CHECKED,
    BlockedAddressError,
    Destination,
    Destinations,
    Lookup,
    cannot_connect,
    make_socket,
)
from auraos.security.requests import Outgoing, becomes_get, next_hop, read_request
from auraos.security.reveal import Opener
from auraos.security.sending_secrets import Certificates, Wish

MOST_HOPS = 5
USER_AGENT = "AuraOS"
_REDIRECTS = (301, 302, 303, 307, 308)
_ASKS_ONLY = ("GET", "HEAD", "OPTIONS")
_PIECE = 65_536
_ROUNDS = 2
"""Timers that are due come after what is ready already, so they have had their turn after the second round of the loop."""


class Egress:
    """The HTTP client of all steps (the sdk's `Http`), and checked sockets for every other client."""

    def __init__(
        self,
        allowed: Iterable[str | Opening] = (),
        *,
        secrets: Opener | None = None,
        lookup: Lookup | None = None,
        trust: ssl.SSLContext | None = None,
        timeout: timedelta = timedelta(seconds=60),
        connect_timeout: timedelta = timedelta(seconds=10),
        circuits: Circuits | None = None,
    ) -> None:
        """Take what the operator opened beyond the public addresses, and where secrets come from.

        `lookup` resolves names in place of the operating system, `trust` judges certificates in place of its own list,
        and `circuits` says when a host that keeps failing is left alone.
        """
        self._destinations = Destinations(allowed, lookup=lookup)
        self._secrets = secrets
        self._trust = trust
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._circuits = Circuits() if circuits is None else circuits
        self._certificates = Certificates(trust)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> "Egress":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections that were kept for later."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def destination(self, host: str, port: int) -> Destination:
        """Return the checked addresses of a host, for a program that connects by itself; else fail before anything is sent."""
        return await self._destinations.check(host, port, within=self._connect_timeout)

    async def connect(self, host: str, port: int) -> socket.socket:
        """Return a connected socket to a host whose addresses were all checked, for clients that are not HTTP."""
        destination = await self._destinations.check(host, port, within=self._connect_timeout)
        return await self._destinations.connect(destination, within=self._connect_timeout)

    def request(  # noqa: PLR0913 (the sdk's promise)
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        secret: str | None = None,
        secret_in: str = "bearer",  # noqa: S107 (a place, not a password)
        follow_redirects: bool = True,
        timeout: timedelta | None = None,
        opener: Opener | None = None,
        carries_secret: bool = False,
    ) -> AbstractAsyncContextManager[Answer]:
        """Send a request and yield its answer; see `auraos.sdk.protocols.Http`.

        `opener` opens the secret in place of what Egress was made with. `carries_secret`: headers or body hold one already,
        as those of the house's own requests for tokens.
        """
        request = read_request(method, url, headers, body, carries_secret=carries_secret)
        wish = Wish(secret, secret_in, opener or self._secrets) if secret is not None else None
        return self._request(request, wish, follow_redirects, self._timeout if timeout is None else timeout)

    @asynccontextmanager
    async def _request(
        self, request: Outgoing, wish: Wish | None, follow: bool, span: timedelta
    ) -> AsyncIterator[Answer]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + span.total_seconds()
        acted = False
        for _ in range(MOST_HOPS + 1):
            place = Place(request.url.scheme, normal_host(request.host), request.port)
            try:
                await self._circuits.turn(place, within=(deadline - loop.time()) / 2)
                with self._circuits.visit(place) as visit:
                    destination = await self._check(request, wish)
                    if wish is not None:
                        request, wish = await wish.put_into(request), None
                    response = await self._send(request, destination, visit, span, deadline - loop.time())
                    visit.answered(response.status, retry_after=_asked_rest(response, self._circuits.wall()))
            except StepUnknown:
                raise
            except StepFailed as failure:
                raise (_after_effect(failure) if acted else failure) from failure.__cause__
            location = response.headers.get("Location")
            if not follow or response.status not in _REDIRECTS or not location:
                break
            response.close()
            acted = acted or (
                request.method not in _ASKS_ONLY and becomes_get(request.method, response.status)
            )
            try:
                request = next_hop(request, response.status, location)
            except StepFailed as failure:
                raise (_after_effect(failure) if acted else failure) from None
        else:
            endless = StepFailed(
                f"More than {MOST_HOPS} redirects, last to {request.shown}.", code="too-many-redirects"
            )
            raise _after_effect(endless) if acted else endless
        try:
            yield _Answer(response, request)
        finally:
            response.close()

    async def _check(self, request: Outgoing, wish: Wish | None) -> Destination:
        destination = await self._destinations.check(request.host, request.port, within=self._connect_timeout)
        carries = wish is not None or request.carries_secret
        if carries and request.url.scheme != "https" and not destination.opened:
            raise StepFailed(
                f"A secret is not sent to {request.shown} unencrypted.",
                error_class="credential",
                code="secret-needs-https",
                hint="Use https, or have the operator open the host with --allow-net.",
            )
        return destination

    async def _send(
        self, request: Outgoing, destination: Destination, visit: Visit, span: timedelta, left: float
    ) -> aiohttp.ClientResponse:
        if left <= 0:
            raise _too_slow(request, span, sent=False)
        progress = SimpleNamespace(sent=False, stood_still=lambda: self._circuits.stood_still(visit))
        token = CHECKED.set(destination)
        try:
            return await self._session(request.method).request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
                ssl=self._certificates.context(request.certificate) if request.certificate else True,
                timeout=aiohttp.ClientTimeout(total=left, connect=self._connect_timeout.total_seconds()),
                trace_request_ctx=progress,
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _failure(request, error, span, sent=progress.sent) from error
        finally:
            CHECKED.reset(token)

    def _session(self, method: str) -> aiohttp.ClientSession:
        """Return the connections for a method: what writes gets a fresh one, for nobody could say whether a kept one
        that closes at that moment took the request."""
        keeps = method in (*_ASKS_ONLY, "PUT", "DELETE")
        session = self._sessions.get(keeps)
        if session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_connection_create_end.append(_note_sent)
            tracing.on_connection_reuseconn.append(_note_sent)
            connector = aiohttp.TCPConnector(
                resolver=_CheckedResolver(),
                use_dns_cache=False,
                ssl=self._trust or ssl.create_default_context(),
                socket_factory=make_socket,
                force_close=not keeps,
                limit=200,
                limit_per_host=50,
            )
            session = self._sessions[keeps] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
                trace_configs=[tracing],
                requote_redirect_url=False,
                skip_auto_headers=("Content-Type",),
            )
        return session


class _CheckedResolver(AbstractResolver):
    """Gives the client the addresses that were checked for this very request, and resolves nothing itself."""

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002 (the checked one counts)
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Return the checked addresses of the request of this context."""
        checked = CHECKED.get()
        if checked is None:
            raise BlockedAddressError(f"{host} was not checked for this request")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=checked.port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in checked.addresses
        ]

    async def close(self) -> None:
        """Close nothing: there is nothing open."""


class _Answer:
    """An answer whose body has not been read yet."""

    def __init__(self, response: aiohttp.ClientResponse, request: Outgoing) -> None:
        self._response = response
        self._request = request

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return _joined(self._response)

    @property
    def url(self) -> str:
        return str(self._request.url) if not self._request.carries_secret else self._request.shown

    async def read(self, limit: int) -> bytes:
        body = bytearray()
        async for piece in self.stream(limit):
            body += piece
        return bytes(body)

    async def stream(self, limit: int) -> AsyncIterator[bytes]:
        if self._request.method == "HEAD":
            return
        decoder = Decoder(self._response.headers.get("Content-Encoding", ""))
        async for piece in bounded(self._pieces(), decoder, limit):
            yield piece

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_chunked(_PIECE):
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            slow = isinstance(error, TimeoutError)
            raise StepUnknown(
                f"The answer of {self._request.shown} broke off: {'no more came in time' if slow else _reason(error)}.",
                code="timeout" if slow else "connection-lost",
                data={"status": self.status},
            ) from error


def _joined(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return headers by their names in lower case, repeated ones joined."""
    joined: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def _asked_rest(response: aiohttp.ClientResponse, now: datetime) -> timedelta | None:
    """Return for how long an answer asks to be left alone; None where it does not."""
    return read_retry_after(_joined(response), now) if "Retry-After" in response.headers else None


async def _note_sent(_session: Any, context: SimpleNamespace, _parameters: Any) -> None:
    """Note that the request has a connection: from here on nobody can say that nothing was sent. A process that stood still
    first lets its loop come round, so that whatever was due meanwhile, the step's time-out above all, can still keep it back.
    """
    progress = context.trace_request_ctx
    if progress.stood_still():
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
    progress.sent = True


def _failure(request: Outgoing, error: BaseException, span: timedelta, *, sent: bool) -> StepFailed:
    if sent:
        if isinstance(error, TimeoutError):
            return _too_slow(request, span, sent=True)
        return StepUnknown(
            f"{request.shown} gave no definite answer: {_reason(error)}.", code="connection-lost"
        )
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return StepFailed(
                f"{request.shown} is not who it says: {_reason(error)}.",
                code="certificate-refused",
                hint="Its certificate is expired, for another name, or signed by nobody known.",
            )
        case aiohttp.ClientConnectorError(os_error=BlockedAddressError() as blocked):
            return StepFailed(f"Blocked destination {request.shown}: {blocked}.", code="blocked-destination")
        case aiohttp.ClientSSLError():
            message = f"No encrypted connection to {request.shown}: {_reason(error)}."
            return StepFailed(message, error_class="transient", code="tls-failed")
        case aiohttp.ClientConnectorError():
            return cannot_connect(request.host, request.port, error.os_error)
        case TimeoutError():
            return cannot_connect(request.host, request.port, error)
        case ValueError():
            return StepFailed(f"{request.shown} cannot be asked: {_reason(error)}.", code="bad-url")
    message = f"No connection to {request.shown}: {_reason(error)}."
    return StepFailed(message, error_class="transient", code="cannot-connect")


def _too_slow(request: Outgoing, span: timedelta, *, sent: bool) -> StepFailed:
    message = f"{request.shown} gave no whole answer within {format_duration(span)}."
    if sent:
        return StepUnknown(message, code="timeout")
    return StepFailed(message, error_class="transient", code="connect-timeout")


def _after_effect(failure: StepFailed) -> StepUnknown:
    """Turn a failure on the way to a redirect's target into an unknown outcome: the first host did something already."""
    message = f"The request was taken, and then its redirect failed: {failure.message}"
    return StepUnknown(message, code=failure.error_code, data=failure.error_data, hint=failure.hint)


def _reason(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0][:300].rstrip(".")
    return text or type(error).__name__
