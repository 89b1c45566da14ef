"""`Client`: what a server can do, as methods; one attribute for each noun of its API."""

import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from auraos.client.calls import Calls
from auraos.client.connection import LONGEST_ANSWER, PATIENCE, Call, Connection, headers_of

FILE = "application/octet-stream"


class Client(Calls):
    """A server, as one key or session may use it.

    `workspace` is the one that calls are about; without it, the one of the key, or `default`. `patience` says for how many
    seconds a call is repeated while the server is away. `tls` may trust a certificate authority of your own.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        workspace: str = "",
        patience: float = PATIENCE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(Connection(url, key, patience=patience, tls=tls), workspace)

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return self._connection.url

    @property
    def workspace(self) -> str:
        """Return the workspace that calls are about; nothing where the server decides."""
        return self._workspace

    def in_workspace(self, workspace: str) -> Calls:
        """Return the same server, asked about another workspace over the same connections."""
        return Calls(self._connection, workspace)

    async def pieces(self, path: str, **query: object) -> AsyncIterator[bytes]:
        """Yield a file of the server, as that of `/api/v1/audit/export`, piece by piece: it may be larger than the memory."""
        headers = headers_of(X_AuraOS_Workspace=self._workspace)
        call = Call(method="GET", path=path, query=query, headers=headers)
        async with self._connection.stream(call, silence=LONGEST_ANSWER, kind=FILE) as stream:
            async for piece in stream.iter_any():
                yield piece

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
