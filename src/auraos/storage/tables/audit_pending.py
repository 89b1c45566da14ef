"""Entries of the audit trail before their time: what is about to be done, and nobody knows yet what comes of it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from auraos.core.audit import Entry
from auraos.security.audit.parts import Parts, entry_of
from auraos.storage.tables.statement import Statement, Tables

_LEFT = "select id, body, known from audit_pending where at <= ? or (known = 1 and at <= ?) order by at, id limit ?"


class Pending(msgspec.Struct, frozen=True):
    """An entry that is to come, under a number; `is_known` says that its outcome is the one that it tells."""

    id: str
    parts: Parts
    is_known: bool = False

    @property
    def body(self) -> str:
        """Return it as it is written down."""
        return msgspec.json.encode(self.parts).decode()

    @property
    def entry(self) -> Entry:
        """Return it as an entry, without names of people."""
        return entry_of(self.parts.facts, self.parts.told, self.parts.origin, {})


class PendingEntries:
    """Keeps what is about to be done, until an entry takes its place."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def write(self, begun: Sequence[Pending], over: Sequence[Pending]) -> None:
        """Write down what is about to be done, and let entries take the place of what is over, all or nothing; raise
        `NotAsExpectedError` where something that is over was not written down, or is not any more.
        """
        statements: list[Statement] = []
        if begun:
            marks = ",".join(["(?,?,?,?,?)"] * len(begun))
            values = [
                value
                for each in begun
                for value in (each.id, each.parts.at, each.parts.workspace, each.body, int(each.is_known))
            ]
            sql = f"insert into audit_pending(id, at, workspace, body, known) values {marks}"
            statements.append(Statement(sql, tuple(values), expect=len(begun)))
        gone = [each.id for each in over if each.id]
        if gone:
            sql = f"delete from audit_pending where id in ({','.join('?' * len(gone))})"
            statements.append(Statement(sql, tuple(gone), expect=len(gone)))
        await self._tables.change(statements, [each.parts for each in over])

    async def left(self, until: int, known_until: int, limit: int) -> list[Pending]:
        """Return what was begun by then and is not over, the oldest first; of what is known, up to another time."""
        return await self._tables.all(_LEFT, (until, known_until, limit), _pending)


def _pending(row: Sequence[Any]) -> Pending:
    return Pending(str(row[0]), msgspec.json.decode(row[1], type=Parts), bool(row[2]))
