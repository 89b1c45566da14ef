"""The tables of private runs: whose keys seal them, what was erased, and what is held."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry
from auraos.security.privacy.rows import Erasure, LegalHold, RunKey, Subject, SubjectIndex
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import Statement, Tables

_SHAPES: Final[dict[type[msgspec.Struct], Shape[Any]]] = {
    shape.kind: shape
    for shape in (
        Shape(SubjectIndex, "subject_indexes", ("workspace",)),
        Shape(Subject, "subjects", ("workspace", "token")),
        Shape(RunKey, "run_keys", ("run", "subject")),
        Shape(Erasure, "erasures", ("id",)),
        Shape(LegalHold, "legal_holds", ("id",)),
    )
}
_OF_FAMILIES = "family in (select family from run_keys where workspace=? and subject=?)"


class PrivacyTables(RowTables):
    """Keeps keys of private runs in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables, _SHAPES)

    async def runs_of(self, workspace: str, token: str) -> list[str]:
        """Return all runs that got data of a person, those that others handed it on to among them, in order."""
        sql = f"select distinct run from run_keys where {_OF_FAMILIES} order by run"
        return await self._tables.all(sql, (workspace, token), lambda row: str(row[0]))

    async def erase(self, erasure: Erasure, entries: Sequence[Entry]) -> None:
        """Throw away the key of a person and those of all runs that got data of theirs, and keep the proof."""
        here = (erasure.workspace, erasure.token)
        shape = _SHAPES[Erasure]
        marks = ",".join("?" * len(shape.columns))
        blank = "update subjects set wrapped=? where workspace=? and token=?"
        statements = [
            *([Statement("pragma secure_delete=on")] if self._tables.dialect == "sqlite" else []),
            Statement(
                f"update run_keys set wrapped=?, erased_at=? where {_OF_FAMILIES}", (b"", erasure.at, *here)
            ),
            Statement(blank, (b"\0" * 96, *here)),
            Statement("delete from subjects where workspace=? and token=?", here),
            Statement(
                f"insert into erasures({', '.join(shape.columns)}) values({marks})",
                tuple(shape.value(erasure, column) for column in shape.columns),
            ),
            *([Statement("pragma secure_delete=off")] if self._tables.dialect == "sqlite" else []),
        ]
        await self._tables.change(statements, entries)

    async def scrub(self) -> None:
        """Take what was deleted out of the files of the database, as far as the database lets us."""
        await self._tables.scrub(("subjects", "run_keys"))
