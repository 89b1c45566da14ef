"""Asking the server that is chosen. What it refuses, and what goes wrong on the way, is told like every other error."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from auraos.cli.failures import SaidByServerError, ServerLostError, WrongInputError
from auraos.cli.target import Target, required

if TYPE_CHECKING:
    from auraos.client import Client, ProblemError

T = TypeVar("T")
PATIENCE = 5.0
"""For so many seconds a server is waited for that is not there."""
_MOST_TOLD = 20


def ask_server(ask: "Callable[[Client], Awaitable[T]]") -> T:
    """Return what the chosen server answers to this; raise `NoServerChosenError` where none is chosen."""

    async def go() -> T:
        async with opened(required()) as client:
            return await ask(client)

    return asyncio.run(go())


@asynccontextmanager
async def opened(target: Target) -> "AsyncIterator[Client]":
    """Open a client to a server."""
    from auraos.client import Client  # noqa: PLC0415 (most commands ask no server)

    with told_as_errors(target):
        tls = _tls(target.at.authority)
        async with Client(
            target.at.url, target.at.key, workspace=target.at.workspace, patience=PATIENCE, tls=tls
        ) as client:
            yield client


@contextmanager
def told_as_errors(target: Target) -> Iterator[None]:
    """Let what goes wrong with a call be an error as the command line tells it."""
    from auraos.client import ClientError, NoServerThereError, ProblemError  # noqa: PLC0415

    try:
        yield
    except ProblemError as problem:
        raise _said(problem, target) from problem
    except NoServerThereError as error:
        raise WrongInputError(error.what, hint=error.fix) from error
    except ClientError as error:
        raise ServerLostError(error.code, error.what, error.fix) from error


def _said(problem: "ProblemError", target: Target) -> Exception:
    what, hint = problem.what, problem.fix
    for one in problem.where[:_MOST_TOLD]:
        place = ":".join(str(part) for part in (one.file, one.line or "", one.column or "") if part)
        where = " ".join(part for part in (place, one.path) if part)
        what += f"\n  {where or '-'}: {one.message}"
    if len(problem.where) > _MOST_TOLD:
        what += f"\n  … and {len(problem.where) - _MOST_TOLD} more; --json has them all"
    if problem.status == 401 and problem.code == "not-signed-in":
        what = f"{target.at.url} does not know you: {problem.what}"
        again = f" --profile {target.profile}" if target.profile else ""
        hint = f"The key or session may be over or revoked. `auraos login {target.at.url}{again}`"
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
        raise WrongInputError(
            f"{authority} is no file of a certificate authority: {error.strerror or error}."
        ) from error
