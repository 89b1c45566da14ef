"""Servers as the commands ask them: a client by a profile, and what goes wrong told as an error of the house."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from auraos.app.remote.profiles import Profile
from auraos.core.errors import AuraError, OperationalError, UserError

if TYPE_CHECKING:
    from auraos.client import Client, ProblemError

# ruff: noqa: PLC0415 (most commands ask no server, and import nothing of it)

PATIENCE = 5.0
"""For so many seconds a server is waited for that is not there."""
_MOST_TOLD = 20


class SaidByServerError(UserError):
    """A server refuses what it was asked for; `said` is the code that it gave."""

    code = "server-refused"

    def __init__(self, said: str, message: str, hint: str = "", **data: Any) -> None:
        super().__init__(message, hint=hint, **data)
        self.said = said


class ServerLostError(OperationalError):
    """A server is not reached, or cannot do now what it was asked for; `said` is the code that tells which."""

    code = "server-lost"

    def __init__(self, said: str, message: str, hint: str = "", **data: Any) -> None:
        super().__init__(message, hint=hint, **data)
        self.said = said


class NoServerAtError(UserError):
    """What answers at an address is no server of AuraOS."""

    code = "no-server-there"


@asynccontextmanager
async def client_of(profile: Profile, *, patience: float = PATIENCE) -> "AsyncIterator[Client]":
    """Open a client to the server of a profile."""
    from auraos.client import Client

    tls = _tls(profile.authority)
    with told_as_errors(profile.url):
        client = Client(profile.url, profile.key, workspace=profile.workspace, patience=patience, tls=tls)
    async with client:
        yield client


@contextmanager
def told_as_errors(url: str) -> Iterator[None]:
    """Let what goes wrong with a call be an error of the house."""
    from auraos.client import ClientError, NoServerThereError, ProblemError

    try:
        yield
    except ProblemError as problem:
        raise _said(problem, url) from problem
    except NoServerThereError as error:
        raise NoServerAtError(error.what, hint=error.fix) from error
    except ClientError as error:
        raise ServerLostError(error.code, error.what, error.fix) from error


def _said(problem: "ProblemError", url: str) -> AuraError:
    what, hint = problem.what, problem.fix
    for one in problem.where[:_MOST_TOLD]:
        place = ":".join(str(part) for part in (one.file, one.line or "", one.column or "") if part)
        where = " ".join(part for part in (place, one.path) if part)
        what += f"\n  {where or '-'}: {one.message}"
    if len(problem.where) > _MOST_TOLD:
        what += f"\n  … and {len(problem.where) - _MOST_TOLD} more; --json has them all"
    if problem.code == "not-signed-in":
        what = f"{url} does not know you: {problem.what}"
        hint = f"The key or session may be over or revoked. `auraos login {url}` lets it know you anew."
    listed = [
        {name: value for name in one.__struct_fields__ if (value := getattr(one, name))}
        for one in problem.where
    ]
    data = {**problem.data, **({"problems": listed} if listed else {}), "status": problem.status}
    if problem.status >= 500 or problem.status == 429:
        return ServerLostError(problem.code, what, hint, **data)
    return SaidByServerError(problem.code, what, hint, **data)


def _tls(authority: str) -> ssl.SSLContext | None:
    if not authority:
        return None
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise NoServerAtError(
            f"{authority} is no file of a certificate authority: {error.strerror or error}."
        ) from error
