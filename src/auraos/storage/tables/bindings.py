"""Bindings in tables."""

from collections.abc import Sequence

from auraos.core.audit import Entry
from auraos.documents.definitions.rows import Binding
from auraos.storage.tables.rows import Shape
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

_SHAPE = Shape(Binding, "bindings", ("workspace", "kind", "name", "what", "given"))
_PUT = (
    f"insert into bindings({', '.join(_SHAPE.columns)}) values({','.join('?' * len(_SHAPE.columns))})"
    " on conflict(workspace, kind, name, what, given)"
    " do update set value=excluded.value, at=excluded.at, author=excluded.author"
)
_REMOVE = f"delete from bindings where {' and '.join(f'{column}=?' for column in _SHAPE.key)}"


class BindingTables:
    """Keeps bindings in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def bindings(self, workspace: str) -> Sequence[Binding]:
        """Return all bindings of a workspace by definition and name."""
        sql = f"{_SHAPE.select} where workspace=? order by kind, name, what, given"
        return await self._tables.all(sql, (workspace,), _SHAPE.make)

    async def bind(self, binding: Binding, entry: Entry) -> None:
        """Keep a binding, in place of the one of before."""
        values = tuple(_SHAPE.value(binding, column) for column in _SHAPE.columns)
        await self._tables.change([Statement(_PUT, values)], [entry])

    async def unbind(self, binding: Binding, entry: Entry) -> bool:
        """Forget a binding; return whether it was there."""
        values = tuple(_SHAPE.value(binding, column) for column in _SHAPE.key)
        try:
            await self._tables.change([Statement(_REMOVE, values, expect=1)], [entry])
        except NotAsExpectedError:
            return False
        return True
