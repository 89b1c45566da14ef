"""Changes of what people keep, on the writer's connection: all that wait share a transaction, and each holds or falls alone."""

import asyncio
import secrets
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from auraos.core.errors import AuraError
from auraos.security.audit.parts import AnyEntry
from auraos.storage.tables.chaining import HEAD, head_of, statements_for
from auraos.storage.tables.statement import NotAsExpectedError, Statement


class Change(NamedTuple):
    """A change that is wanted, and who hears what became of it."""

    statements: Sequence[Statement]
    entries: Sequence[AnyEntry]
    done: "asyncio.Future[None]"


def tell_changed(outcomes: Sequence[tuple[Change, Exception | None]]) -> None:
    """Say on the event loop what became of changes."""
    for change, error in outcomes:
        if change.done.done():
            continue
        if error is None:
            change.done.set_result(None)
        else:
            change.done.set_exception(error)


def make_change(connection: sqlite3.Connection, change: Change) -> AuraError | None:
    """Carry out one change within the transaction that is open; return why it was not made, None when it was.

    An error of the disk is raised: then nothing is known of the whole transaction.
    """
    connection.execute("savepoint one")
    refusal = _carry_out(connection, change)
    if refusal is not None:
        connection.execute("rollback to one")
    connection.execute("release one")
    return refusal


def _carry_out(connection: sqlite3.Connection, change: Change) -> AuraError | None:
    for statement in change.statements:
        refusal = _execute(connection, statement)
        if refusal is not None:
            return refusal
    if change.entries:
        head = head_of(connection.execute(HEAD).fetchone())
        for statement in statements_for(head, change.entries, lambda: secrets.token_hex(16)):
            connection.execute(statement.sql, statement.values)
    return None


def _execute(connection: sqlite3.Connection, statement: Statement) -> AuraError | None:
    try:
        touched = connection.execute(statement.sql, statement.values).rowcount
    except sqlite3.IntegrityError as error:
        return NotAsExpectedError.of(statement, str(error))
    if statement.expect is not None and touched != statement.expect:
        return NotAsExpectedError.of(statement, f"{touched} rows instead of {statement.expect}")
    return None
