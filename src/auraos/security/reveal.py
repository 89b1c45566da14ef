"""Reveal: the one place that opens secrets. A secret is bound to the hosts it may be sent to, and to no other.

A secret of the store goes before one of the environment:

AURAOS_SECRET_STOCK_API=…                              the value of the secret `stock-api`
AURAOS_HOSTS_STOCK_API=stock.example,*.stock.example   where it may go; `@local` for use in a step, sent nowhere
"""

import re
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from auraos.core.asker import Asker
from auraos.sdk import StepFailed
from auraos.security.binding import is_bound, is_host
from auraos.security.opened import Opened
from auraos.security.redaction import SHORTEST, Redactor

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
MOST_TOKENS = 4
"""So many tokens of a secret, one after the other, are masked; older ones are worth nothing."""
NOT_ALLOWED = frozenset(
    ("secret-not-named", "host-not-allowed", "secret-not-for-workflow", "secret-revoked", "secret-expired")
)
"""What somebody tries who may not, and what may no more; the rest is not set up yet."""
NOBODY = Asker(workspace="")
"""A step that no run carries out: it gets at nothing that is stored."""


class Stored(Protocol):
    """Secrets that are kept in a store."""

    async def open(self, asker: Asker, name: str, host: str) -> Opened | None:
        """Return a secret for a run and a host; None where there is none of this name, `StepFailed` where it may not go."""
        ...

    async def may_open(self, asker: Asker, name: str, host: str = "") -> bool:
        """Return whether there is a secret of this name; fail as it would be opened for a workflow, at a host if one is known."""
        ...

    def refused(self, asker: Asker, name: str, host: str, failure: StepFailed) -> None:
        """Take note that a run asked for a secret that it does not get, for the audit trail."""
        ...


class Opener(Protocol):
    """Reveal, as those see it who send a secret."""

    async def open(self, name: str, *, host: str) -> Opened:
        """Return a secret and where it goes, for a host that it is bound to; else fail as class `credential`."""
        ...


class Reveal:
    """Opens secrets, each only for the hosts it is bound to, and has their values masked from then on."""

    def __init__(
        self,
        environment: Mapping[str, str],
        redactor: Redactor | None = None,
        stored: Stored | None = None,
    ) -> None:
        self._environment = {name: value for name, value in environment.items() if name.startswith("AURAOS_")}
        self._stored = stored
        self._passing: dict[tuple[str, str], deque[tuple[str, ...]]] = {}
        self.redactor = redactor or Redactor()
        for name, value in self._environment.items():
            if name.startswith(_NEVER_SHOWN):
                self.redactor.add(value)

    def use(self, stored: Stored) -> None:
        """Open what a store keeps, too, from now on."""
        self._stored = stored

    def seen_by(self, asker: Asker) -> "Revealing":
        """Return how a run sees it."""
        return Revealing(self, asker)

    async def open(self, name: str, *, host: str, asker: Asker = NOBODY) -> Opened:
        """Return a secret and where it goes, for a host that it is bound to; else fail as class `credential`."""
        if not _NAME.fullmatch(name):
            raise refused(
                "secret-missing", f"{name!r} is no name of a secret.", "Names look like `stock-api`."
            )
        try:
            return await self._open(name, host, asker)
        except StepFailed as failure:
            if self._stored is not None and failure.error_code in NOT_ALLOWED:
                self._stored.refused(asker, name, host, failure)
            raise

    async def _open(self, name: str, host: str, asker: Asker) -> Opened:
        if asker.names is not None and name not in asker.names:
            raise refused(
                "secret-not-named",
                f"The step asks for the secret {name!r}, which it does not name in the text of the workflow.",
                "Write the name of the secret in the setting that is for it; data cannot choose one.",
            )
        opened = None
        if self._stored is not None and asker.workspace:
            opened = await self._stored.open(asker, name, host)
        if opened is None:
            return Opened(value=self._from_environment(name, host))
        self._mask(asker.workspace, name, opened)
        return opened

    async def look(self, name: str, *, asker: Asker, host: str = "") -> None:
        """Open nothing; fail as it would fail to open a secret for a workflow, at a host if one is known."""
        if self._stored is not None and await self._stored.may_open(asker, name, host):
            return
        self._kept(name)
        if host:
            self._refuse_elsewhere(name, host)
        else:
            self.hosts(name)

    async def reveal(self, name: str, *, host: str, asker: Asker = NOBODY) -> str:
        """Return the value of a secret for a host it is bound to; else fail as class `credential`."""
        return (await self.open(name, host=host, asker=asker)).value

    def hosts(self, name: str) -> list[str]:
        """Return the hosts that a secret of the environment is bound to; one without any is of no use and fails."""
        variable = variable_of(name)
        text = self._environment.get(f"AURAOS_HOSTS_{variable}", "")
        hosts = [entry.strip().lower() for entry in text.split(",") if entry.strip()]
        if not hosts:
            raise refused(
                "secret-unbound",
                f"The secret {name!r} is bound to no host.",
                f"Set AURAOS_HOSTS_{variable} to the hosts it may go to, as in stock.example,*.stock.example.",
            )
        for host in hosts:
            if not is_host(host):
                raise refused(
                    "secret-unbound",
                    f"AURAOS_HOSTS_{variable} holds {host!r}, which is no host.",
                    "Write hosts only, without a scheme, port or path: stock.example,*.stock.example.",
                )
        return hosts

    def _mask(self, workspace: str, name: str, opened: Opened) -> None:
        for value in opened.hidden:
            self.redactor.add(value)
        if opened.passing:
            former = self._passing.setdefault((workspace, name), deque())
            if not former or former[-1] != opened.passing:
                for value in opened.passing:
                    self.redactor.add(value)
                former.append(opened.passing)
            if len(former) > MOST_TOKENS:
                for value in set(former.popleft()).difference(*former):
                    self.redactor.remove(value)

    def _from_environment(self, name: str, host: str) -> str:
        value = self._kept(name)
        self._refuse_elsewhere(name, host)
        return value

    def _kept(self, name: str) -> str:
        variable = variable_of(name)
        value = self._environment.get(f"AURAOS_SECRET_{variable}", "")
        if not value:
            raise refused(
                "secret-missing",
                f"The secret {name!r} is not set.",
                f"Set AURAOS_SECRET_{variable} to its value and AURAOS_HOSTS_{variable} to the hosts it may go to.",
            )
        if len(value) < SHORTEST:
            fault = f"The secret {name!r} has fewer than {SHORTEST} characters and could not be masked."
            raise refused("secret-too-short", fault, "Use a longer one.")
        return value

    def _refuse_elsewhere(self, name: str, host: str) -> None:
        if not is_bound(self.hosts(name), host):
            raise refused(
                "host-not-allowed",
                f"Host not allowed: the secret {name!r} may not be sent to {host!r}.",
                f"AURAOS_HOSTS_{variable_of(name)} names where it may go: {', '.join(self.hosts(name))}.",
            )


class Revealing:
    """Reveal, as one run sees it (the sdk's `Secrets`)."""

    __slots__ = ("_asker", "_reveal")

    def __init__(self, reveal: Reveal, asker: Asker) -> None:
        self._reveal = reveal
        self._asker = asker

    async def open(self, name: str, *, host: str) -> Opened:
        """Return a secret and where it goes, for a host that it is bound to."""
        return await self._reveal.open(name, host=host, asker=self._asker)

    async def reveal(self, name: str, *, host: str) -> str:
        """Return the value of a secret for a host it is bound to."""
        return (await self._reveal.open(name, host=host, asker=self._asker)).value


_NEVER_SHOWN = ("AURAOS_SECRET_", "AURAOS_SOURCE_", "AURAOS_MASTER_KEY", "AURAOS_VAULT_TOKEN")


def variable_of(name: str) -> str:
    """Return how a secret's name is spelt in the names of variables: `stock-api` is `STOCK_API`."""
    return name.upper().replace("-", "_")


def refused(code: str, message: str, hint: str) -> StepFailed:
    """Return the failure of a step that does not get a secret."""
    return StepFailed(message, error_class="credential", code=code, hint=hint)
