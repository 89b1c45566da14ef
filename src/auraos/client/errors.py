"""What can go wrong with a call: the server says no, nobody answers, or nobody knows whether it was done."""

from typing import Any

import msgspec

from auraos.client.shapes.shared import Finding, Trouble


class ClientError(Exception):
    """The base of all that goes wrong with a call: a stable code, what happened, and what to do."""

    code = "client-error"

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".rstrip()


class UnreachableError(ClientError):
    """Nobody answers at the address; nothing was done."""

    code = "server-unreachable"


class NoServerThereError(ClientError):
    """Something answers at the address, and it is no server of AuraOS."""

    code = "no-server-there"


class UnknownOutcomeError(ClientError):
    """The call was sent and no answer came: it may have been carried out or not."""

    code = "outcome-unknown"


class ProblemError(ClientError):
    """The server refuses a call, and says why (RFC 9457)."""

    def __init__(self, trouble: Trouble, *, retry_after: float | None = None) -> None:
        super().__init__(trouble.detail, trouble.hint)
        self.code = trouble.code
        """What is wrong, as programs know it; each code has a page in the reference."""
        self.status = trouble.status
        self.where: tuple[Finding, ...] = trouble.problems
        """Each thing that is wrong, with its place in what was sent."""
        self.data: dict[str, Any] = trouble.data
        self.request = trouble.instance
        """The id of the request, which the log of the server knows."""
        self.retry_after = retry_after

    def __str__(self) -> str:
        places = "".join(f"\n  {one.path}: {one.message}" for one in self.where)
        return f"[{self.code}] {super().__str__()}{places}"


def problem_of(status: int, body: bytes, retry_after: float | None) -> ProblemError:
    """Return the problem that a server tells of; raise `NoServerThereError` where it is none."""
    try:
        trouble = msgspec.json.decode(body, type=Trouble)
    except msgspec.DecodeError as error:
        raise NoServerThereError(f"The answer {status} is no problem that can be read: {error}.") from error
    return ProblemError(trouble, retry_after=retry_after)
