"""Chores in tables, and the rows of a whole workspace."""

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from auraos.storage.migrations.kept_tables import OF_WORKSPACES
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import Statement, Tables

ChoreKind: TypeAlias = Literal["export", "delete"]
ChoreState: TypeAlias = Literal["working", "done", "failed"]
STAYS: Final = ("audit", "audit_pending")
"""What is left of a workspace that is deleted: what was done in it."""
SEALED: Final = (
    "data_keys",
    "secrets",
    "secret_versions",
    "consents",
    "keys",
    "run_keys",
    "subjects",
    "subject_indexes",
)
"""What no export copies row by row."""
PASSING: Final = (
    "uses",
    "definition_labels",
    "run_days",
    "workspace_sizes",
    "bulks",
    "trials",
    "secret_uses",
)
"""What follows from the rest, or is soon over."""


class Chore(msgspec.Struct, frozen=True, kw_only=True):
    """A long work for a workspace."""

    id: str
    about: str
    """The name of the workspace, which may be gone when the chore is looked at."""
    kind: ChoreKind
    state: ChoreState = "working"
    what: str = ""
    """What is being done now, or why it failed."""
    done: int = 0
    total: int = 0
    """So many things there are to do now; 0 where nobody knows."""
    cancels: int = 0
    """1 where runs that are under way are cancelled; else they are waited for."""
    author: str
    created_at: int
    changed_at: int
    ended_at: int = 0


_CHORE = Shape(Chore, "chores", ("id",))


class ChoreTables(RowTables):
    """Keeps chores, and reaches all rows of a workspace."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables, {Chore: _CHORE})
        self._of = tables

    async def note(self, chore: Chore) -> None:
        """Keep how far a chore is."""
        values = tuple(_CHORE.value(chore, column) for column in _CHORE.columns[1:])
        names = ", ".join(f"{column}=?" for column in _CHORE.columns[1:])
        await self._of.change([Statement(f"update chores set {names} where id=?", (*values, chore.id))])

    @property
    def exported(self) -> tuple[str, ...]:
        """Return the tables whose rows an export copies."""
        return tuple(name for name in OF_WORKSPACES if name not in (*STAYS, *SEALED, *PASSING))

    async def rows(self, table: str, workspace: str) -> list[dict[str, Any]]:
        """Return all rows of a workspace in a table, by the names of their columns."""
        columns = await self._columns(table)
        sql = f"select {', '.join(columns)} from {table} where workspace=?"
        return await self._of.all(sql, (workspace,), lambda row: dict(zip(columns, row, strict=True)))

    async def held(self, workspace: str) -> bool:
        """Return whether the law wants something of a workspace to be kept."""
        sql = "select 1 from legal_holds where workspace=? limit 1"
        return await self._of.one(sql, (workspace,), tuple) is not None

    async def runs(self, workspace: str, limit: int) -> list[str]:
        """Return some runs of a workspace that are over."""
        sql = "select id from runs where workspace=? and finished_at is not null limit ?"
        return await self._of.all(sql, (workspace, limit), lambda row: str(row[0]))

    async def under_way(self, workspace: str, limit: int = 1000) -> list[str]:
        """Return runs of a workspace that are not over."""
        sql = "select id from runs where workspace=? and finished_at is null order by id limit ?"
        return await self._of.all(sql, (workspace, limit), lambda row: str(row[0]))

    async def count_runs(self, workspace: str) -> int:
        """Return how many runs a workspace has."""
        sql = "select count(*) from runs where workspace=?"
        return await self._of.one(sql, (workspace,), lambda row: int(row[0])) or 0

    async def erase_keys(self, workspace: str) -> None:
        """Delete the keys of a workspace: what they sealed opens for nobody any more, wherever a copy of it lies."""
        tables = ("data_keys", "run_keys", "subjects", "subject_indexes")
        await self._of.change(
            [Statement(f"delete from {each} where workspace=?", (workspace,)) for each in tables]
        )

    async def delete_rows(self, workspace: str) -> None:
        """Delete all rows of a workspace but for what was done in it."""
        found = "select id from definitions where workspace=?"
        id_of = "rowid" if self._of.dialect == "sqlite" else "id"
        first = [
            Statement(f"delete from definition_search where {id_of} in ({found})", (workspace,)),
            Statement(
                "delete from keys where owner in (select id from services where workspace=?)", (workspace,)
            ),
        ]
        tables = [name for name in OF_WORKSPACES if name not in STAYS]
        rest = [
            Statement(f"delete from {name} where workspace=?", (workspace,)) for name in (*tables, "cache")
        ]
        if self._of.dialect == "postgres":
            rest.append(Statement("delete from counters where workspace=?", (workspace,)))
        for statement in (*first, *rest):
            await self._of.change([statement])

    async def _columns(self, table: str) -> list[str]:
        if self._of.dialect == "sqlite":
            return await self._of.all(
                f"select name from pragma_table_info('{table}') order by cid", (), _first
            )
        sql = (
            "select attname from pg_attribute where attrelid = ?::text::regclass and attnum > 0 and not attisdropped"
            " order by attnum"
        )
        return await self._of.all(sql, (table,), _first)


def _first(row: Sequence[Any]) -> str:
    return str(row[0])
