"""Reveal: the one place that opens secrets. A secret is bound to the hosts it may be sent to, and to no other.

AURAOS_SECRET_STOCK_API=…                              the value of the secret `stock-api`
AURAOS_HOSTS_STOCK_API=stock.example,*.stock.example   where it may go; `@local` for use in a step, sent nowhere
"""

import re
from collections.abc import Mapping

from auraos.sdk import StepFailed
from auraos.security.addresses import normal_host
from auraos.security.redaction import SHORTEST, Redactor

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_LITERAL = re.compile(r"\[?[0-9a-f.:]+\]?")
HERE = "@local"


class Reveal:
    """Opens the secrets of an environment, each only for the hosts it is bound to, and has their values masked."""

    def __init__(self, environment: Mapping[str, str], redactor: Redactor | None = None) -> None:
        self._environment = {name: value for name, value in environment.items() if name.startswith("AURAOS_")}
        self.redactor = redactor or Redactor()
        for name, value in self._environment.items():
            if name.startswith("AURAOS_SECRET_"):
                self.redactor.add(value)

    async def reveal(self, name: str, *, host: str) -> str:
        """Return the value of a secret for a host it is bound to; else fail as class `credential`."""
        if not _NAME.fullmatch(name):
            raise _refused(
                "secret-missing", f"{name!r} is no name of a secret.", "Names look like `stock-api`."
            )
        variable = variable_of(name)
        value = self._environment.get(f"AURAOS_SECRET_{variable}", "")
        if not value:
            raise _refused(
                "secret-missing",
                f"The secret {name!r} is not set.",
                f"Set AURAOS_SECRET_{variable} to its value and AURAOS_HOSTS_{variable} to the hosts it may go to.",
            )
        if len(value) < SHORTEST:
            fault = f"The secret {name!r} has fewer than {SHORTEST} characters and could not be masked."
            raise _refused("secret-too-short", fault, "Use a longer one.")
        if not _is_bound(self.hosts(name), host):
            raise _refused(
                "host-not-allowed",
                f"Host not allowed: the secret {name!r} may not be sent to {host!r}.",
                f"AURAOS_HOSTS_{variable} names where it may go: {', '.join(self.hosts(name))}.",
            )
        return value

    def hosts(self, name: str) -> list[str]:
        """Return the hosts that a secret is bound to; a secret without any is of no use and fails."""
        variable = variable_of(name)
        text = self._environment.get(f"AURAOS_HOSTS_{variable}", "")
        hosts = [entry.strip().lower() for entry in text.split(",") if entry.strip()]
        if not hosts:
            raise _refused(
                "secret-unbound",
                f"The secret {name!r} is bound to no host.",
                f"Set AURAOS_HOSTS_{variable} to the hosts it may go to, as in stock.example,*.stock.example.",
            )
        for host in hosts:
            if host != HERE and not _HOST.fullmatch(host) and not _LITERAL.fullmatch(host):
                raise _refused(
                    "secret-unbound",
                    f"AURAOS_HOSTS_{variable} holds {host!r}, which is no host.",
                    "Write hosts only, without a scheme, port or path: stock.example,*.stock.example.",
                )
        return hosts


def variable_of(name: str) -> str:
    """Return how a secret's name is spelt in the names of variables: `stock-api` is `STOCK_API`."""
    return name.upper().replace("-", "_")


def _is_bound(allowed: list[str], host: str) -> bool:
    wanted = normal_host(host).removeprefix("[").removesuffix("]")
    for entry in allowed:
        if entry.startswith("*."):
            if wanted.endswith(entry[1:]) and len(wanted) > len(entry) - 1:
                return True
        elif normal_host(entry).removeprefix("[").removesuffix("]") == wanted:
            return True
    return False


def _refused(code: str, message: str, hint: str) -> StepFailed:
    return StepFailed(message, error_class="credential", code=code, hint=hint)
