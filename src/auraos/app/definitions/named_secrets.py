"""What is wrong with the secrets that a definition names, told before it is published and not by its first run."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

from auraos.core.asker import Asker
from auraos.core.errors import UserError
from auraos.core.failures import StepFailed
from auraos.core.graph.findings import Findings
from auraos.core.kind import OF_SECRETS
from auraos.core.problems import Problem
from auraos.documents.definitions.checking import Checked, Checker, Elsewhere
from auraos.engine.ports import Version

Look: TypeAlias = Callable[[Asker, str, str], Awaitable[None]]
"""Fails as a step would that uses this secret at this host; at no certain host where that is empty."""
UNKNOWN = "secret-missing"
OVER = ("secret-expired", "secret-revoked")
MOST_VERSIONS = 10_000
"""Of so many versions it is kept which secrets they name."""


class SecretOverError(UserError):
    """The workflow uses a secret that opens no more, so it is not started: better not at all than half."""

    code = "secret-over"


class SecretsOver:
    """Refuses to start what names a secret that is expired or was revoked."""

    def __init__(self, checker: Checker, look: Look) -> None:
        self._checker = checker
        self._look = look
        self._names: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    async def refuse(self, workspace: str, version: Version) -> None:
        """Raise `SecretOverError` for a version that names one. A version never changes, so it is read once."""
        for name in self._names.get(version.hash) or await self._read(version):
            try:
                await self._look(Asker(workspace=workspace, workflow=version.name), name, "")
            except StepFailed as fault:
                if fault.error_code in OVER:
                    raise SecretOverError(
                        f"The workflow {version.name!r} is not started. {fault.message}", hint=fault.hint
                    ) from fault

    async def _read(self, version: Version) -> tuple[str, ...]:
        if version.hash not in self._names:
            read = await self._checker.read(version.text, version.kind)
            self._names[version.hash] = tuple(
                sorted({named.name for named in read.names if named.kind == OF_SECRETS})
            )
            if len(self._names) > MOST_VERSIONS:
                self._names.popitem(last=False)
        return self._names[version.hash]


def named_secrets(look: Look) -> Elsewhere:
    """Return what checks how a text names secrets: that they are there, and may be used by it where it sends them."""

    async def check(workspace: str, read: Checked) -> Sequence[Problem]:
        document = read.document
        assert document is not None
        findings = Findings(document.tree, read.text)
        asker = Asker(workspace=workspace, workflow=document.name)
        for named in read.names:
            if named.kind != OF_SECRETS:
                continue
            try:
                await look(asker, named.name, _host_of(named.goes_to))
            except StepFailed as fault:
                if fault.error_class != "credential":
                    continue  # nobody knows now, as when the master key is away
                if fault.error_code == UNKNOWN:
                    message, hint = (
                        f"There is no secret {named.name!r}.",
                        "Create it, or ask somebody who may.",
                    )
                    findings.add("unknown-secret", named.path, message, hint=hint)
                else:
                    findings.add(fault.error_code, named.path, fault.message, hint=fault.hint)
        return findings.problems

    return check


def _host_of(address: str) -> str:
    if address.startswith("@"):
        return address
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
