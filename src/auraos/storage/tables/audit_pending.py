"""Entries of the audit trail before their time: what is about to be done, and nobody knows yet what comes of it."""

from collections.abc import Sequence

import msgspec

from auraos.core.audit import Entry
from auraos.security.audit.parts import entry_of, parts_of
from auraos.storage.tables.statement import Statement, Tables

_LEFT = "select id, body from audit_pending where at <= ? order by at, id limit ?"


class Pending(msgspec.Struct, frozen=True):
    """An entry that is to come, under a number."""

    id: str
    entry: Entry


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
            marks = ",".join(["(?,?,?,?)"] * len(begun))
            values = [
                value
                for each in begun
                for value in (each.id, each.entry.at, each.entry.workspace, _body(each.entry))
            ]
            sql = f"insert into audit_pending(id, at, workspace, body) values {marks}"
            statements.append(Statement(sql, tuple(values), expect=len(begun)))
        gone = [each.id for each in over if each.id]
        if gone:
            sql = f"delete from audit_pending where id in ({','.join('?' * len(gone))})"
            statements.append(Statement(sql, tuple(gone), expect=len(gone)))
        await self._tables.change(statements, [each.entry for each in over])

    async def left(self, until: int, limit: int) -> list[Pending]:
        """Return what was begun by then and is not over, the oldest first."""
        return await self._tables.all(
            _LEFT, (until, limit), lambda row: Pending(str(row[0]), msgspec.json.decode(row[1], type=Entry))
        )


def _body(entry: Entry) -> str:
    """Return an entry as it is written down: without names of people, like those of the trail."""
    parts = parts_of(entry)
    return msgspec.json.encode(entry_of(parts.facts, parts.told, parts.origin, {})).decode()
