"""The tables of settings and of their changes. A process believes those of all workspaces, and the changes of all are numbered
together, so they are looked at over the walls between workspaces; whoever asks is answered of one place.
"""

from collections.abc import Sequence
from typing import Final

from auraos.core.audit import Entry
from auraos.security.access.walls import everywhere
from auraos.settings.rows import Place, SettingChange, SettingRow
from auraos.storage.tables.rows import Shape
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

_ROW: Final = Shape(SettingRow, "settings", ("name", "workspace", "person"))
_CHANGE: Final = Shape(SettingChange, "setting_changes", ("number",))
_KEY: Final = " and ".join(f"{column}=?" for column in _ROW.key)
_ADD: Final = f"insert into settings({', '.join(_ROW.columns)}) values({','.join('?' * len(_ROW.columns))})"
_PUT: Final = f"update settings set revision=?, is_set=?, value=?, at=?, author=? where {_KEY} and revision=?"
_NOTE: Final = (
    f"insert into setting_changes({', '.join(_CHANGE.columns)})"
    f" select coalesce(max(number), 0) + 1, {', '.join('?' * (len(_CHANGE.columns) - 1))} from setting_changes"
)
_MARK: Final = "select coalesce(max(number), 0) from setting_changes"
FIRST: Final = 2


class SettingTables:
    """Keeps settings in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def mark(self) -> int:
        """Return the number of the last change."""
        with everywhere():
            return await self._tables.one(_MARK, (), lambda row: int(row[0])) or 0

    async def all(self) -> Sequence[SettingRow]:
        """Return all that is set, or was."""
        with everywhere():
            return await self._tables.all(f"{_ROW.select} order by name, workspace, person", (), _ROW.make)

    async def put(self, row: SettingRow, change: SettingChange, entry: Entry) -> bool:
        """Keep a row of the next revision with its change; return whether the row was as before."""
        columns = [_ROW.value(row, column) for column in ("revision", "is_set", "value", "at", "author")]
        if row.revision == FIRST:
            kept = Statement(_ADD, tuple(_ROW.value(row, each) for each in _ROW.columns), 1, "setting")
        else:
            key = (row.name, row.workspace, row.person, row.revision - 1)
            kept = Statement(_PUT, (*columns, *key), 1, "setting")
        told = tuple(_CHANGE.value(change, column) for column in _CHANGE.columns if column != "number")
        try:
            with everywhere():
                await self._tables.change([kept, Statement(_NOTE, told, 1, "number")], [entry])
        except NotAsExpectedError:
            return False
        return True

    async def changes(self, name: str, place: Place, before: int, limit: int) -> Sequence[SettingChange]:
        """Return the changes in one place with a lower number, the last one first."""
        tests, values = "name=? and workspace=? and person=?", [name, place.workspace, place.person]
        sql = f"{_CHANGE.select} where {tests}{' and number < ?' if before else ''} order by number desc limit ?"
        with everywhere():
            return await self._tables.all(sql, (*values, *([before] if before else []), limit), _CHANGE.make)
