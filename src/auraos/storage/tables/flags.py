"""The tables of what is kept of flags beside their definitions."""

from collections.abc import Collection, Sequence
from typing import Final

from auraos.core.audit import Entry
from auraos.security.access.walls import everywhere
from auraos.settings.flags.rows import FlagSwitch, FlagUse
from auraos.storage.tables.rows import Shape
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

_SWITCH: Final = Shape(FlagSwitch, "flag_switches", ("workspace", "name"))
_USE: Final = Shape(FlagUse, "flag_uses", ("workspace", "name", "variant"))
_PUT: Final = (
    f"insert into flag_switches({', '.join(_SWITCH.columns)}) values({','.join('?' * len(_SWITCH.columns))})"
    " on conflict(workspace, name) do update set is_off=excluded.is_off, at=excluded.at, author=excluded.author,"
    " why=excluded.why"
)
_FIRST: Final = (
    f"insert into flag_switches({', '.join(_SWITCH.columns)}) values({','.join('?' * len(_SWITCH.columns))})"
    " on conflict(workspace, name) do nothing"
)
_NEXT: Final = "update flag_switches set is_off=?, at=?, author=?, why=? where workspace=? and name=? and is_off=? and at=?"
_PUBLISHED: Final = (
    "select workspace, name from definitions where kind='flag' and name >= ? and name < ? and version > 0"
    " and archived_at = 0 order by workspace, name"
)
_NOTE: Final = (
    f"insert into flag_uses({', '.join(_USE.columns)}) values({','.join('?' * len(_USE.columns))})"
    " on conflict(workspace, name, variant) do update set count=flag_uses.count + excluded.count, at=excluded.at"
)


class FlagTables:
    """Keeps switches and uses in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def switches(self, workspace: str) -> Sequence[FlagSwitch]:
        """Return the switches of a workspace."""
        return await self._tables.all(f"{_SWITCH.select} where workspace=?", (workspace,), _SWITCH.make)

    async def switch(self, switch: FlagSwitch, entry: Entry) -> None:
        """Keep a switch in place of the one of before."""
        values = tuple(_SWITCH.value(switch, column) for column in _SWITCH.columns)
        await self._tables.change([Statement(_PUT, values)], [entry])

    async def switch_over(self, before: FlagSwitch | None, switch: FlagSwitch, entry: Entry) -> bool:
        """Keep a switch in place of this one, None where there was none; return whether it was still there."""
        if before is None:
            values = tuple(_SWITCH.value(switch, column) for column in _SWITCH.columns)
            statement = Statement(_FIRST, values, expect=1, name="switch")
        else:
            new = (switch.is_off, switch.at, switch.author, switch.why)
            old = (before.workspace, before.name, before.is_off, before.at)
            statement = Statement(_NEXT, (*new, *old), expect=1, name="switch")
        try:
            await self._tables.change([statement], [entry])
        except NotAsExpectedError:
            return False
        return True

    async def published(self, beginning: str) -> Sequence[tuple[str, str]]:
        """Return workspace and name of all flags that are live and whose names begin so."""
        with everywhere():
            return await self._tables.all(
                _PUBLISHED, (beginning, f"{beginning}~"), lambda row: (str(row[0]), str(row[1]))
            )

    async def uses(self, workspace: str) -> Sequence[FlagUse]:
        """Return what the flags of a workspace gave."""
        order = "order by name, variant"
        return await self._tables.all(f"{_USE.select} where workspace=? {order}", (workspace,), _USE.make)

    async def note_uses(self, uses: Collection[FlagUse]) -> None:
        """Add to what is known of uses."""
        ordered = sorted(uses, key=lambda use: (use.workspace, use.name, use.variant))
        with everywhere():  # of all workspaces together
            await self._tables.change(
                [Statement(_NOTE, tuple(_USE.value(use, each) for each in _USE.columns)) for use in ordered]
            )
