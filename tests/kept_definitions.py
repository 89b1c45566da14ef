"""Definitions over a real store, for tests: the service, who acts, and texts to keep."""

import itertools

import msgspec

from auraos.app.installed import load_installed
from auraos.core.audit import Actor
from auraos.core.kind import Kind, Kinds, Meaning
from auraos.documents.definitions.gate import Wants
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.service import Definitions
from auraos.documents.kinds import WORKFLOW
from auraos.security.access.quotas import Most
from auraos.settings.flags.kind import FLAG
from auraos.storage.tables.definitions import DefinitionTables
from stores import AnyStore

ANN = Actor(kind="person", id="1", name="ann")
BEN = Actor(kind="person", id="2", name="ben")
NOTE = Kind(name="note", schema=lambda _: {}, check=lambda *_: [], read=lambda *_: Meaning())
GREET = Ref("default", "workflow", "greet")


class Times:
    """A clock that goes on by one with each look."""

    def __init__(self) -> None:
        self._next = itertools.count(1)

    def __call__(self) -> int:
        return next(self._next)


def definitions_over(
    store: AnyStore, wants_review: Wants | None = None, most: Most | None = None
) -> Definitions:
    """Return the service over a store, with workflows and notes."""
    numbers = itertools.count(1)
    return Definitions(
        DefinitionTables(store.tables, most),
        Kinds([WORKFLOW, NOTE, FLAG]),
        load_installed().catalogue,
        now=Times(),
        new_number=lambda: next(numbers),
        wants_review=wants_review,
    )


def workflow(name: str = "greet", *, value: int = 1, title: str = "", calls: str = "", more: str = "") -> str:
    """Return the text of a workflow; `calls` is another that it calls."""
    step = (
        f"{{type: call, with: {{workflow: {calls}}}}}"
        if calls
        else f"{{type: noop, with: {{value: {value}}}}}"
    )
    named = f"title: {title}\n" if title else ""
    return f"kind: workflow\nname: {name}\n{named}spec:\n  steps:\n    a: {step}\n{more}"


async def published(definitions: Definitions, text: str, workspace: str = "default") -> Ref:
    """Keep a new definition and publish it."""
    made = await definitions.create(ANN, workspace, text)
    await definitions.publish(ANN, made.ref, revision=1)
    return made.ref


async def changed(definitions: Definitions, ref: Ref, text: str, *, publish: bool = True) -> None:
    """Save a draft over whatever is there, and publish it."""
    row = await definitions.find(ref)
    saved = await definitions.save(ANN, ref, text, revision=row.revision)
    if publish:
        await definitions.publish(ANN, ref, revision=saved.revision)


async def audited(store: AnyStore) -> list[tuple[str, str]]:
    """Return the actions of the audit trail with what they were done to, the oldest first."""
    return await store.tables.all(
        "select action, object from audit order by seq", (), lambda row: (row[0], row[1])
    )


def plain(value: object) -> object:
    """Return data as plain mappings and lists."""
    return msgspec.to_builtins(value)
