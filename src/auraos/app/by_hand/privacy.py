"""Personal data as the commands ask for it: of a folder or a database that nobody serves, or of the server that is chosen."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from auraos.app.remote.profiles import Profile
from auraos.core.errors import UserError

if TYPE_CHECKING:
    from auraos.app.privacy.privacy import Privacy
    from auraos.client import Client
    from auraos.security.privacy.rows import PrivacyRequest

# ruff: noqa: PLC0415 (a server is asked without a store, and a store without a client)


class LedgerRefusedError(UserError):
    """A file that is no list of requests."""

    code = "ledger-refused"


class AskedPrivacy(Protocol):
    """Whoever is asked. What it answers is plain data, as the API describes it."""

    async def find(self, subject: str, reason: str) -> dict[str, Any]: ...

    async def export(self, subject: str, reason: str) -> dict[str, Any]: ...

    async def erase(self, subject: str, reason: str, *, cancel_runs: bool) -> dict[str, Any]: ...

    async def requests(self) -> Sequence[dict[str, Any]]: ...

    async def holds(self) -> Sequence[dict[str, Any]]: ...

    async def hold(self, kind: Any, thing: str, reason: str) -> dict[str, Any]: ...

    async def lift(self, id_: str) -> None: ...


class LocalPrivacy:
    """A store that this process has opened."""

    def __init__(self, privacy: "Privacy") -> None:
        from auraos.app.audit.console import console

        self._privacy = privacy
        self._actor = console()
        self._workspace = "default"

    async def find(self, subject: str, reason: str) -> dict[str, Any]:
        return _plain(await self._privacy.find(self._actor, self._workspace, subject, reason))

    async def export(self, subject: str, reason: str) -> dict[str, Any]:
        return _plain(await self._privacy.export(self._actor, self._workspace, subject, reason))

    async def erase(self, subject: str, reason: str, *, cancel_runs: bool) -> dict[str, Any]:
        return _plain(
            await self._privacy.erase(self._actor, self._workspace, subject, reason, cancel=cancel_runs)
        )

    async def requests(self) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := await self._privacy.requests(self._workspace, found[-1]["id"] if found else "", 500):
            found += map(_plain, page)
        return found

    async def reapply(self, requests: Sequence["PrivacyRequest"]) -> int:
        """Erase again what these requests had erased since the backup that this store was restored from."""
        return await self._privacy.reapply(self._actor, self._workspace, requests)

    async def holds(self) -> Sequence[dict[str, Any]]:
        return [_plain(one) for one in await self._privacy.holds.list(self._workspace)]

    async def hold(self, kind: Any, thing: str, reason: str) -> dict[str, Any]:
        return _plain(await self._privacy.holds.hold(self._actor, self._workspace, kind, thing, reason))

    async def lift(self, id_: str) -> None:
        await self._privacy.holds.lift(self._actor, self._workspace, id_, "")


class RemotePrivacy:
    """A server."""

    def __init__(self, client: "Client") -> None:
        self._calls = client.privacy

    async def find(self, subject: str, reason: str) -> dict[str, Any]:
        return _plain(await self._calls.find_person(subject=subject, reason=reason))

    async def export(self, subject: str, reason: str) -> dict[str, Any]:
        return _plain(await self._calls.export_person(subject=subject, reason=reason))

    async def erase(self, subject: str, reason: str, *, cancel_runs: bool) -> dict[str, Any]:
        return _plain(await self._calls.erase_person(subject=subject, reason=reason, cancel_runs=cancel_runs))

    async def requests(self) -> Sequence[dict[str, Any]]:
        return [_plain(one) async for one in self._calls.all_requests()]

    async def holds(self) -> Sequence[dict[str, Any]]:
        return [_plain(one) for one in await self._calls.list_holds()]

    async def hold(self, kind: Any, thing: str, reason: str) -> dict[str, Any]:
        return _plain(await self._calls.add_hold(kind=kind, thing=thing, reason=reason))

    async def lift(self, id_: str) -> None:
        await self._calls.lift_hold(id=id_)


@asynccontextmanager
async def open_privacy(data: Path, database: str, server: Profile | None) -> AsyncIterator[AskedPrivacy]:
    """Open whoever is asked about personal data."""
    async with AsyncExitStack() as stack:
        if server is not None:
            from auraos.app.remote.servers import client_of, told_as_errors

            client = await stack.enter_async_context(client_of(server))
            stack.enter_context(told_as_errors(server.url))
            yield RemotePrivacy(client)
            return
        from auraos.app.keeping import open_keeping
        from auraos.app.privacy.privacy import privacy_on

        yield LocalPrivacy(privacy_on(await open_keeping(data, database, stack)))


async def reapply(data: Path, database: str, ledger: Path) -> int:
    """Erase again, in a store that was restored, what a list of requests tells of."""
    from auraos.app.keeping import open_keeping
    from auraos.app.privacy.privacy import privacy_on

    requests = _read_ledger(ledger)
    async with AsyncExitStack() as stack:
        return await LocalPrivacy(privacy_on(await open_keeping(data, database, stack))).reapply(requests)


def _read_ledger(file: Path) -> "tuple[PrivacyRequest, ...]":
    from auraos.security.privacy.rows import PrivacyRequest

    class Ledger(msgspec.Struct, frozen=True):
        requests: tuple[PrivacyRequest, ...]

    try:
        return msgspec.json.decode(file.read_bytes(), type=Ledger).requests
    except (msgspec.MsgspecError, OSError) as error:
        raise LedgerRefusedError(
            f"{str(file)!r} cannot be read as a list of requests: {error}.",
            hint="It is what `auraos privacy requests --json` prints.",
        ) from error


def _plain(told: msgspec.Struct) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(told), type=dict[str, Any])
