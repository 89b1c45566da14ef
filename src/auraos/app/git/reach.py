"""Which repositories the house asks for, and by which way: what a person names is checked before git is given it.

Git goes out by itself, past Egress. So a host's addresses are checked here by the rules of Egress, git is told to connect to
these and to no other, follows no redirect, and gets a secret only for a host that it is bound to.
"""

import base64
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

import msgspec

from auraos.app.git.program import GitFailedError, GitRefusedError, remote_of
from auraos.core.asker import Asker
from auraos.core.errors import UserError
from auraos.core.failures import StepFailed
from auraos.security.destinations import Destination
from auraos.security.opened import Opened

FOLDERS = "AURAOS_GIT_FOLDERS"
PORTS = {"http": 80, "https": 443}
_FROM_OPERATOR = ("GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR")

Open: TypeAlias = Callable[[Asker, str, str], Awaitable[Opened]]
"""Opens a secret for a workspace and a host."""


class WayOut(Protocol):
    """Checks where something may connect to."""

    async def destination(self, host: str, port: int) -> Destination:
        """Return the checked addresses of a host; else fail before anything is sent."""
        ...


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A repository as git is given it."""

    remote: str
    protocol: str
    settings: tuple[tuple[str, str], ...] = ()
    variables: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Reached({self.remote!r})"  # a setting may hold a secret


class Reach:
    """The repositories that may be linked: those below folders of the operator, and those of the network."""

    def __init__(
        self,
        http: WayOut,
        open_secret: Open,
        redact: Callable[[str], str],
        *,
        folders: Sequence[Path] | None = (),
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._http = http
        self._open = open_secret
        self.redact = redact
        """Masks what a repository may say again of a secret that it was given."""
        self._folders = folders
        """None allows all: whoever asks is the user of this machine."""
        self._variables = {name: environment[name] for name in _FROM_OPERATOR if name in environment}

    async def of(self, workspace: str, address: str, secret: str) -> Reached:
        """Return a repository as git is given it; raise `GitRefusedError` for one that may not be asked."""
        if address.startswith(("/", "file:")):
            return self._in_folder(address)
        remote = remote_of(address, ("https", "http"))
        try:
            parts = urlsplit(remote)
            host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        except ValueError as error:
            raise GitRefusedError(f"{address[:100]!r} is no address: {error}.") from error
        if "@" in parts.netloc:
            raise GitRefusedError(
                "A user and a password do not belong into the address of a repository.",
                hint="Keep them as a secret of the kind `basic`, bound to its host, and name that.",
            )
        try:
            found = await self._http.destination(host, port)
            if parts.scheme == "http" and not found.opened:
                raise GitRefusedError(
                    f"{host}:{port} would be asked without encryption.",
                    hint=f"Write https://…; if it is meant, the operator opens it with --allow-net {host}:{port}.",
                )
            header = await self._header(workspace, secret, host) if secret else ()
        except StepFailed as error:
            kind: type[UserError | GitFailedError] = (
                GitFailedError if error.error_class == "transient" else GitRefusedError
            )
            raise kind(error.message, hint=error.hint) from error
        pinned = ",".join(f"[{one}]" if one.version == 6 else str(one) for one in found.addresses)
        settings = (("http.curloptResolve", f"{host}:{port}:{pinned}"), *header)
        return Reached(remote=remote, protocol=parts.scheme, settings=settings, variables=self._variables)

    def _in_folder(self, address: str) -> Reached:
        """Return a repository of this machine, as it is found behind all links."""
        remote = remote_of(address, ("file",))
        path = Path(remote.removeprefix("file://")).resolve()
        if self._folders is not None and not any(
            path.is_relative_to(folder.resolve()) for folder in self._folders
        ):
            raise GitRefusedError(
                "Repositories of this machine are not open to workspaces.",
                hint=f"Give an https:// address, or let the operator name folders with {FOLDERS}.",
            )
        return Reached(remote=remote_of(str(path), ("file",)), protocol="file")

    async def _header(self, workspace: str, secret: str, host: str) -> tuple[tuple[str, str], ...]:
        opened = await self._open(Asker(workspace=workspace), secret, host)
        place, _, name = opened.place.partition(":")
        match place:
            case "bearer":
                header = f"Authorization: Bearer {opened.value}"
            case "basic":
                pair = f"{name}:{opened.value}" if name else opened.value
                header = f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"
            case "header" if name:
                header = f"{name}: {opened.value}"
            case _:
                raise GitRefusedError(
                    f"The secret {secret!r} is of a kind that opens no repository.",
                    hint="Use one of the kind basic, bearer or header.",
                )
        return (("http.extraHeader", header),)


def folders_of(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the folders below which the operator keeps repositories for workspaces."""
    return tuple(Path(entry) for entry in environment.get(FOLDERS, "").split(os.pathsep) if entry)
