"""Which workspace work is done in: what a database that has walls between workspaces is told, whatever a query says.

A request that came in for one workspace is served within it. What is done for the whole installation says so. A task that is
begun within a workspace is not within it: it may outlive the request, and serve others.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from auraos.security.access.principal import EVERYWHERE

_WITHIN: ContextVar[tuple[int, str]] = ContextVar("workspace", default=(0, EVERYWHERE))


@contextmanager
def within(workspace: str) -> Iterator[None]:
    """Let nothing of any other workspace be seen or changed by this task meanwhile; what belongs to the installation can be."""
    token = _WITHIN.set((_task(), workspace))
    try:
        yield
    finally:
        _WITHIN.reset(token)


@contextmanager
def everywhere() -> Iterator[None]:
    """Work for the whole installation meanwhile: what is read or changed does not belong to one workspace."""
    with within(EVERYWHERE):
        yield


def workspace_within() -> str:
    """Return the workspace that this task works within; `*` for the whole installation."""
    task, workspace = _WITHIN.get()
    return workspace if task == _task() else EVERYWHERE


def _task() -> int:
    try:
        return id(asyncio.current_task())
    except RuntimeError:  # it is asked outside of any loop
        return 0
