"""Turns a host's name into addresses that were checked, all of them, and lets nothing connect anywhere else."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, TypeAlias

import msgspec

from auraos.core.values import format_duration
from auraos.sdk import StepFailed
from auraos.security.addresses import (
    METADATA_NAMES,
    Address,
    Opening,
    normal_host,
    parse_opening,
    why_refused,
)

Lookup: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
Connected: TypeAlias = socket.socket
"""A socket to a host whose addresses were all checked."""


class Destination(msgspec.Struct, frozen=True):
    """A host and port, and the addresses that were checked for it; `opened` when the operator opened it."""

    host: str
    port: int
    addresses: tuple[Address, ...]
    opened: bool


class BlockedAddressError(OSError):
    """Something tried to connect to an address that was not checked for it."""


class Destinations:
    """Resolves and checks; holds what the operator opened."""

    def __init__(self, allowed: Iterable[str | Opening] = (), *, lookup: Lookup | None = None) -> None:
        self._openings = tuple(parse_opening(entry) if isinstance(entry, str) else entry for entry in allowed)
        self._lookup = lookup or look_up

    async def check(self, host: str, port: int, *, within: timedelta) -> Destination:
        """Return the addresses of a host when all of them may be reached; else fail before anything is sent."""
        named = any(opening.covers_name(host, port) for opening in self._openings)
        if normal_host(host) in METADATA_NAMES and not named:
            raise blocked(host, port, "it is the metadata service of a cloud")
        addresses = await self._resolve(host, port, within)
        opened = named
        for address in addresses:
            if named or any(opening.covers_address(address, port) for opening in self._openings):
                opened = True
                continue
            reason = why_refused(address)
            if reason:
                raise blocked(host, port, reason)
        return Destination(host, port, addresses, opened)

    async def connect(self, destination: Destination, *, within: timedelta) -> socket.socket:
        """Return a connected socket to one of the checked addresses; they are tried in order."""
        loop = asyncio.get_running_loop()
        fault: OSError | None = None
        for address in destination.addresses:
            sock = socket.socket(_family(address), socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                async with asyncio.timeout(within.total_seconds()):
                    await loop.sock_connect(sock, (str(address), destination.port))
            except OSError as error:  # a time-out is one, too
                sock.close()
                fault = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise cannot_connect(destination.host, destination.port, fault) from fault

    async def _resolve(self, host: str, port: int, within: timedelta) -> tuple[Address, ...]:
        try:
            async with asyncio.timeout(within.total_seconds()):
                found = await self._lookup("localhost" if normal_host(host) == "localhost" else host, port)
        except TimeoutError as error:
            message = f"The name {host!r} was not resolved within {format_duration(within)}."
            raise StepFailed(message, error_class="transient", code="dns-failed") from error
        except socket.gaierror as error:
            raise _unresolved(host, error) from error
        except (UnicodeError, OSError, ValueError) as error:
            raise StepFailed(f"{host!r} is no host's name: {error}.", code="bad-url") from error
        if not found:
            raise StepFailed(f"The name {host!r} has no address.", code="unknown-host")
        return tuple(dict.fromkeys(ip_address(text.partition("%")[0]) for text in found))


CHECKED: ContextVar[Destination | None] = ContextVar("CHECKED", default=None)
"""The destination that the request of this context may connect to."""


def make_socket(address_info: Any) -> socket.socket:
    """Make the socket for a connection; refuse every address but those checked for this context's request."""
    family, kind, protocol, _, socket_address = address_info
    checked = CHECKED.get()
    address = ip_address(str(socket_address[0]).partition("%")[0])
    if checked is None or address not in checked.addresses or socket_address[1] != checked.port:
        raise BlockedAddressError(f"{address} was not checked for this request")
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    return sock


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the operating system resolves it."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


def blocked(host: str, port: int, reason: str) -> StepFailed:
    """Return the failure of a step that asked for a destination that is not open to it."""
    return StepFailed(
        f"Blocked destination {host}:{port}: {reason}.",
        code="blocked-destination",
        hint=f"If it is meant, the operator opens it with --allow-net {host}:{port}.",
        data={"host": host, "port": port},
    )


def cannot_connect(host: str, port: int, fault: BaseException | None) -> StepFailed:
    """Return the failure of a connection that did not come about; nothing was sent."""
    timed_out = isinstance(fault, TimeoutError)
    reason = (
        "no answer in time" if timed_out else getattr(fault, "strerror", None) or str(fault) or "no answer"
    )
    return StepFailed(
        f"No connection to {host}:{port}: {reason}.",
        error_class="transient",
        code="connect-timeout" if timed_out else "cannot-connect",
    )


def _unresolved(host: str, error: socket.gaierror) -> StepFailed:
    if error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_MEMORY, socket.EAI_SYSTEM):
        message = f"The name {host!r} cannot be resolved at present: {error.strerror}."
        return StepFailed(message, error_class="transient", code="dns-failed")
    return StepFailed(f"No host is named {host!r}: {error.strerror}.", code="unknown-host")


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6
