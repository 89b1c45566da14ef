"""The way out of a process, made when a step first wants it: many runs send nothing, and loading the client takes time."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import TYPE_CHECKING

from auraos.engine.pulse import Pulse
from auraos.sdk import Answer
from auraos.security.addresses import parse_opening
from auraos.security.reveal import Opener

if TYPE_CHECKING:
    from auraos.security.destinations import Connected, Destination
    from auraos.security.egress import Egress


class LateEgress:
    """An Egress that is not there until something is sent. What the operator opened is read at once, and refused if wrong."""

    def __init__(self, allowed: Iterable[str], secrets: Opener) -> None:
        self._allowed = [parse_opening(one) for one in allowed]
        self._secrets = secrets
        self._egress: Egress | None = None
        self._pulse = Pulse()

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
        """Send a request and yield its answer; see `Egress.request`."""
        return self._made().request(
            method, url, headers=headers, body=body, secret=secret, secret_in=secret_in,
            follow_redirects=follow_redirects, timeout=timeout, opener=opener, carries_secret=carries_secret,
        )  # fmt: skip

    async def destination(self, host: str, port: int) -> "Destination":
        """Return the checked addresses of a host, for a program that connects by itself; else fail before anything is sent."""
        return await self._made().destination(host, port)

    async def connect(self, host: str, port: int) -> "Connected":
        """Return a connected socket to a host whose addresses were all checked."""
        return await self._made().connect(host, port)

    def _made(self) -> "Egress":
        if self._egress is None:
            from auraos.security.circuit import Circuits  # noqa: PLC0415 (see above)
            from auraos.security.egress import Egress  # noqa: PLC0415 (see above)

            self._pulse.start()
            circuits = Circuits(woke=self._pulse.woke)
            self._egress = Egress(self._allowed, secrets=self._secrets, circuits=circuits)
        return self._egress

    def seen_by(self, opener: Opener) -> "RunEgress":
        """Return it as one run has it, whose secrets are opened for this run."""
        return RunEgress(self, opener)

    async def close(self) -> None:
        """Close what was opened."""
        self._pulse.stop()
        if self._egress is not None:
            await self._egress.close()
            self._egress = None


class RunEgress:
    """The way out as one run has it (the sdk's `Http`)."""

    __slots__ = ("_egress", "_opener")

    def __init__(self, egress: LateEgress, opener: Opener) -> None:
        self._egress = egress
        self._opener = opener

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
    ) -> AbstractAsyncContextManager[Answer]:
        """Send a request and yield its answer; see `auraos.sdk.protocols.Http`."""
        return self._egress.request(
            method, url, headers=headers, body=body, secret=secret, secret_in=secret_in,
            follow_redirects=follow_redirects, timeout=timeout, opener=self._opener,
        )  # fmt: skip
