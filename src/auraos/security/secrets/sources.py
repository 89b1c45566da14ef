"""Values that are kept elsewhere, by reference: in the environment, in files, in HashiCorp Vault, by a program.

Where these are the operator says, once and for all workspaces; a reference only names something below the workspace's own
part of it. So who may write references in one workspace gets at nothing that is meant for another one, or for the house.

AURAOS_SOURCE_<WORKSPACE>__<NAME>=…            environment
AURAOS_FILES_OF_SECRETS=/run/secrets               file: /run/secrets/<workspace>/<path>
AURAOS_VAULT_ADDR, AURAOS_VAULT_TOKEN          vault: <mount>/<folder>/<workspace>/<path>, KV version 2
  (AURAOS_VAULT_TOKEN_FILE, _MOUNT, _FOLDER, _NAMESPACE)
AURAOS_COMMAND_OF_SECRETS=/usr/bin/fetch-secret    command: the program, with workspace and name added
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeAlias

import msgspec

from auraos.core.failures import StepFailed
from auraos.sdk import Answer
from auraos.security.secrets.errors import SourceFailedError
from auraos.security.secrets.programs import run_program

LARGEST: Final = 256 * 1024
WITHIN: Final = timedelta(seconds=15)
_WORD = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_WORKSPACE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

Place: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^{_WORD}(/{_WORD}){{0,9}}$")]
Word: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^{_WORD}$")]


class _Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="from"):
    """What all references are."""


class FromEnvironment(_Source, frozen=True, kw_only=True, tag="environment"):
    """A variable of the server: `stock` is AURAOS_SOURCE_<WORKSPACE>__STOCK."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]


class FromFile(_Source, frozen=True, kw_only=True, tag="file"):
    """A file below the workspace's folder among those that the operator named."""

    path: Place


class FromVault(_Source, frozen=True, kw_only=True, tag="vault"):
    """A secret of HashiCorp Vault, KV version 2: one field of it, or all."""

    path: Place
    field: str = ""


class FromCommand(_Source, frozen=True, kw_only=True, tag="command"):
    """What the operator's program prints for a name."""

    name: Word


Source: TypeAlias = FromEnvironment | FromFile | FromVault | FromCommand


class Sender(Protocol):
    """Egress, as what is sent by the house itself goes out."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        follow_redirects: bool = True,
        timeout: timedelta | None = None,
        carries_secret: bool = False,
    ) -> AbstractAsyncContextManager[Answer]: ...


class Sources:
    """Fetches values from where the operator keeps them."""

    def __init__(self, environment: Mapping[str, str], http: Sender) -> None:
        self._environment = {name: value for name, value in environment.items() if name.startswith("AURAOS_")}
        self._http = http

    def __repr__(self) -> str:
        return "Sources(…)"

    async def fetch(self, workspace: str, source: Source) -> str | dict[str, Any]:
        """Return a value, or the fields of one; raise `SourceFailedError`, which names neither."""
        if not _WORKSPACE.fullmatch(workspace):
            raise SourceFailedError(f"The workspace {workspace!r} can have no values elsewhere.")
        match source:
            case FromEnvironment(name=name):
                variable = f"AURAOS_SOURCE_{_variable(workspace)}__{_variable(name)}"
                found = self._environment.get(variable, "")
                if not found:
                    raise SourceFailedError(
                        f"{variable} is not set.", hint="Set it where the server is started."
                    )
                return found
            case FromFile(path=path):
                return await asyncio.to_thread(self._read, workspace, path)
            case FromVault():
                return await self._ask_vault(workspace, source)
            case FromCommand(name=name):
                command = self._needed("AURAOS_COMMAND_OF_SECRETS", "the program that brings values")
                return await run_program(command, (workspace, name), "AURAOS_COMMAND_OF_SECRETS")

    def _needed(self, variable: str, what: str) -> str:
        found = self._environment.get(variable, "")
        if not found:
            raise SourceFailedError(f"{variable} is not set.", hint=f"The operator names {what} in it.")
        return found

    def _read(self, workspace: str, path: str) -> str:
        named = Path(self._needed("AURAOS_FILES_OF_SECRETS", "the folder of values"))
        try:
            root = (named / workspace).resolve(strict=True)
            file = (root / path).resolve(strict=True)
            if not (root.is_relative_to(named.resolve()) and file.is_relative_to(root) and file.is_file()):
                raise FileNotFoundError
            with file.open("rb") as opened:
                content = opened.read(LARGEST + 1)
        except (OSError, RuntimeError):  # the latter for links that lead in a circle
            raise SourceFailedError(
                f"There is no file {path!r} among the values of this workspace.",
                hint=f"It is to be {named}/{workspace}/{path}, and readable for the server.",
            ) from None
        if len(content) > LARGEST:
            raise SourceFailedError(f"The file {path!r} is too large for a secret.")
        return content.decode("utf-8", "replace").rstrip("\n")

    async def _ask_vault(self, workspace: str, source: FromVault) -> str | dict[str, Any]:
        address = self._needed("AURAOS_VAULT_ADDR", "the address of Vault").rstrip("/")
        given = self._environment.get
        mount, folder = given("AURAOS_VAULT_MOUNT", "secret"), given("AURAOS_VAULT_FOLDER", "auraos")
        headers = {"X-Vault-Token": await self._vault_token(), "X-Vault-Request": "true"}
        if namespace := given("AURAOS_VAULT_NAMESPACE", ""):
            headers["X-Vault-Namespace"] = namespace
        url = f"{address}/v1/{mount}/data/{folder}/{workspace}/{source.path}"
        try:
            async with self._http.request(
                "GET", url, headers=headers, follow_redirects=False, timeout=WITHIN, carries_secret=True
            ) as answer:
                status, body = answer.status, await answer.read(LARGEST)
        except StepFailed as failure:
            raise SourceFailedError(f"Vault gives no answer: {failure.message}", hint=failure.hint) from None
        if status != 200:
            raise SourceFailedError(
                f"Vault answers {status} for {folder}/{workspace}/{source.path}.",
                hint=_VAULT_SAYS.get(status, ""),
            )
        try:
            fields = msgspec.json.decode(body, type=_VaultAnswer).data.data
        except msgspec.DecodeError:
            raise SourceFailedError("What Vault answers is no secret of KV version 2.") from None
        if fields is None:
            raise SourceFailedError(f"The newest version of {source.path!r} was deleted in Vault.")
        if not source.field:
            return fields
        if not isinstance(fields.get(source.field), str):
            raise SourceFailedError(f"The secret {source.path!r} in Vault has no text {source.field!r}.")
        return str(fields[source.field])

    async def _vault_token(self) -> str:
        file = self._environment.get("AURAOS_VAULT_TOKEN_FILE", "")
        if not file:
            return self._needed("AURAOS_VAULT_TOKEN", "the token for Vault")
        try:
            return (await asyncio.to_thread(Path(file).read_text)).strip()
        except (OSError, ValueError) as error:
            raise SourceFailedError("AURAOS_VAULT_TOKEN_FILE cannot be read.") from error


class _VaultSecret(msgspec.Struct):
    data: dict[str, Any] | None


class _VaultAnswer(msgspec.Struct):
    data: _VaultSecret


_VAULT_SAYS: Final = {
    403: "The token of the server may not read it, or expired.",
    404: "It is not there, or the mount is not KV version 2.",
    503: "It is sealed or under maintenance.",
}


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
