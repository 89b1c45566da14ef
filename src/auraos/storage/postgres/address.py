"""Where the database is, how a connection to it is opened, and what its failures are called.

Connections go to the server itself and not through a pooler that shares them by transaction: prepared statements,
advisory locks and notifications belong to a connection.
"""

import asyncio
import os
import socket
from typing import Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from auraos.core.errors import UserError
from auraos.engine.ports import StoreUnavailableError

CONNECT_TIMEOUT = 5.0
ANSWER_MARGIN = 5.0
"""For so many seconds longer than the server works on a statement its answer is awaited."""

_ALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}
_SERVER_ALIVE = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "2s",
}
"""By these both sides learn within seconds that the other is gone, also when nobody says so."""

FAILURES = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection may raise; what says that one write is at fault is sorted out before."""


class DatabaseAddressError(UserError):
    """The address of the database cannot be read, or the database does not let us in."""

    code = "database-address"


class Address:
    """The address of a database, `postgresql://…`. Its text shows no password."""

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        place, _, _ = rest.partition("?")
        known = scheme in ("postgresql", "postgres") and bool(rest)
        if not known:
            raise DatabaseAddressError(
                "The address of the database is not one of PostgreSQL.",
                hint="It looks like this: postgresql://user:password@host:5432/name",
            )
        self._url = url
        self._name = place.rpartition("@")[2]

    def __str__(self) -> str:
        return f"the database {self._name}"

    async def connect(self, role: str, *, statement_timeout: float, **settings: str) -> asyncpg.Connection:
        """Open a connection of its own for one role; raise an error in words if that fails."""
        server = {
            "application_name": role,
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": str(round(statement_timeout * 1000)),
            **settings,
        }
        try:
            connection = await asyncpg.connect(
                self._url,
                timeout=CONNECT_TIMEOUT,
                command_timeout=statement_timeout + ANSWER_MARGIN,
                server_settings=server,
                target_session_attrs=SessionAttribute.read_write,
            )
        except (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InvalidCatalogNameError,
            asyncpg.ClientConfigurationError,
        ) as error:
            raise DatabaseAddressError(
                f"PostgreSQL does not let us into {self}: {error}.",
                hint="Look at the name, user and password.",
            ) from error
        except FAILURES as error:
            raise self.unavailable(error) from error
        try:
            await _keep_alive(connection)
        except FAILURES as error:
            connection.terminate()
            raise self.unavailable(error) from error
        except BaseException:  # whoever wanted it went away
            connection.terminate()
            raise
        return connection

    def unavailable(self, error: BaseException) -> StoreUnavailableError:
        """Return what is told when this database failed."""
        why = str(error) or type(error).__name__
        return StoreUnavailableError(
            f"PostgreSQL failed for {self}: {why.rstrip('.')}.",
            hint="Is it running, and does this machine reach it? A server that was ready goes on by itself once it answers.",
        )


async def _keep_alive(connection: asyncpg.Connection) -> None:
    """Let both ends find out soon that the other is gone."""
    transport: Any = getattr(connection, "_transport", None)  # asyncpg has no other way to its socket
    found = transport.get_extra_info("socket") if transport is not None else None
    if found is not None and found.family != socket.AF_UNIX:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _ALIVE.items():
            if hasattr(socket, option):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    for name, text in _SERVER_ALIVE.items():
        try:
            await connection.execute("select set_config($1, $2, false)", name, text)
        except asyncpg.InvalidParameterValueError:  # not every system under a server can do it
            continue


def role(what: str) -> str:
    """Return the name under which a connection stands in the server's list."""
    return f"auraos {what} {os.getpid()}"


async def close_quietly(connection: asyncpg.Connection | None, timeout: float = 2.0) -> None:  # noqa: ASYNC109
    """Let go of a connection, whatever state it is in."""
    if connection is None or connection.is_closed():
        return
    try:
        async with asyncio.timeout(timeout):
            await connection.close()
    except FAILURES:
        connection.terminate()
