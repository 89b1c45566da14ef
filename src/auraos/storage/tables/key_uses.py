"""The table of how keys are used: a row for each key and day."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from auraos.security.identity.key_uses import KeyUse
from auraos.storage.tables.statement import Statement, Tables

_ADD: Final = (
    "insert into key_uses(key, day, requests, refused) values(?, ?, ?, ?) on conflict(key, day) do update set"
    " requests = key_uses.requests + excluded.requests, refused = key_uses.refused + excluded.refused"
)


class KeyUseTables:
    """Keeps how keys are used in a table of a store."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add_uses(self, uses: Collection[KeyUse], forget: int) -> None:
        """Add to what is known, and forget the days before this one. Rows are met in one order, so processes do not block."""
        ordered = sorted(uses, key=lambda use: (use.key, use.day))
        adds = [Statement(_ADD, (use.key, use.day, use.requests, use.refused)) for use in ordered]
        await self._tables.change([*adds, Statement("delete from key_uses where day < ?", (forget,))])

    async def uses_of(self, keys: Sequence[str], since: int) -> Sequence[KeyUse]:
        """Return what is known of keys from a day on."""
        if not keys:
            return []
        marks = ",".join("?" * len(keys))
        sql = f"select key, day, requests, refused from key_uses where key in ({marks}) and day >= ?"
        return await self._tables.all(sql, (*keys, since), _use)


def _use(row: Sequence[Any]) -> KeyUse:
    return KeyUse(key=row[0], day=row[1], requests=row[2], refused=row[3])
