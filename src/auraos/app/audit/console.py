"""Who acts by having the machine in hand, and what the audit trail tells of what they ask of a serving process by its socket."""

import getpass
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from auraos.app.audit.witness import Witness
from auraos.core.audit import Actor, Entry, Object
from auraos.engine import asks
from auraos.engine.notes import Noting
from auraos.engine.ports import Store

ACTIONS: Final[dict[type[asks.Ask], str]] = {
    asks.Start: "runs.start", asks.Signal: "runs.signal", asks.Approve: "runs.approve", asks.Resolve: "runs.resolve",
    asks.Pause: "runs.pause", asks.Resume: "runs.resume", asks.Release: "runs.resume", asks.Cancel: "runs.cancel",
    asks.Prioritize: "runs.prioritize", asks.Publish: "events.send", asks.Retry: "runs.retry", asks.Prune: "runs.prune",
    asks.Drain: "engine.drain", asks.CopyStore: "engine.back-up", asks.ReleaseHold: "engine.release",
    asks.Move: "runs.move",
}  # fmt: skip
"""What changes something, or takes something along; all else only looks."""


def console(user: str = "") -> Actor:
    """Return whoever has the machine in hand, by the user of the system that they are."""
    return Actor(kind="house", id="console", name="the console", behalf=user or _user())


def console_notes(
    witness: Witness, store: Store
) -> Callable[[asks.AnyAsk], AbstractAsyncContextManager[Noting | None]]:
    """Return what tells the audit trail of what is asked by the socket of the engine, with what came of it."""

    @asynccontextmanager
    async def noted(ask: asks.AnyAsk) -> AsyncIterator[Noting | None]:
        action = ACTIONS.get(type(ask))
        if action is None or (isinstance(ask, asks.Prune) and ask.is_dry):
            yield None
            return
        if isinstance(ask, asks.Retry):
            action = f"runs.{ask.kind}"
        workspace, about, told = await _about(ask, store)
        entry = Entry(
            at=witness.now, workspace=workspace, actor=console(getattr(ask, "by", "")), action=action, object=about,
            why=getattr(ask, "reason", "") or getattr(ask, "comment", ""), after=told or None,
        )  # fmt: skip
        if isinstance(ask, asks.Start):
            async with witness.noting(entry) as noting:
                yield noting
            return
        async with witness.of(entry):
            yield None

    return noted


async def _about(ask: asks.AnyAsk, store: Store) -> tuple[str, Object, dict[str, Any]]:
    """Return the workspace of what an ask is about, what that is, and what else is told of it."""
    match ask:
        case asks.Start():
            name = ask.version.name if ask.version is not None else ask.workflow
            return ask.workspace, Object(kind="workflow", name=name), {}
        case asks.Publish():
            return "default", Object(kind="event", name=ask.type), {}
        case asks.Prune():
            return "", Object(kind="engine"), {"older_than_seconds": ask.older_than}
        case asks.Drain() | asks.CopyStore() | asks.ReleaseHold():
            return "", Object(kind="engine"), {}
        case _:
            run = str(getattr(ask, "run", ""))
            row = await store.find(run)
            fields = ("decision", "path", "outcome", "priority", "made")
            told = {name: value for name in fields if (value := getattr(ask, name, "")) != ""}
            return row.workspace if row is not None else "default", Object(kind="run", name=run), told


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
