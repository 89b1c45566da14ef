"""The tables of private runs: whose keys seal them, what was asked about persons, and what is held."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry
from auraos.security.privacy.rows import LegalHold, PrivacyRequest, RunKey, Subject, SubjectIndex
from auraos.storage.tables.audit import AuditTables
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import Statement, Tables

_REQUESTS: Final = Shape(PrivacyRequest, "privacy_requests", ("id",))
_SHAPES: Final[dict[type[msgspec.Struct], Shape[Any]]] = {
    shape.kind: shape
    for shape in (
        Shape(SubjectIndex, "subject_indexes", ("workspace",)),
        Shape(Subject, "subjects", ("workspace", "token")),
        Shape(RunKey, "run_keys", ("run", "subject")),
        _REQUESTS,
        Shape(LegalHold, "legal_holds", ("id",)),
    )
}
AUTHORS: Final = (
    ("bindings", "author"), ("definition_revisions", "author"), ("definitions", "changed_by"),
    ("git_links", "changed_by"), ("git_links", "synced_by"), ("grants", "author"), ("invitations", "created_by"),
    ("keys", "created_by"), ("publications", "author"), ("reviews", "asked_by"), ("reviews", "ended_by"),
    ("runs", "started_by"), ("secret_versions", "author"), ("secrets", "changed_by"), ("secrets", "created_by"),
    ("services", "created_by"), ("setting_changes", "author"), ("settings", "author"),
)  # fmt: skip
"""Where the name of whoever did something stands, so that lists can show it."""
LISTED: Final = (("bulks", "actor"), ("publications", "authors"), ("reviews", "approvals"))
"""Where names stand among other things, as JSON."""
_OF_FAMILIES = "family in (select family from run_keys where workspace=? and subject=?)"


class PrivacyTables(RowTables):
    """Keeps keys of private runs in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables, _SHAPES)

    async def runs_of(self, workspace: str, tokens: Sequence[str]) -> list[str]:
        """Return all runs that got data of these persons, those that others handed it on to among them, in order."""
        found: set[str] = set()
        for token in tokens:
            sql = f"select distinct run from run_keys where {_OF_FAMILIES}"
            found.update(await self._tables.all(sql, (workspace, token), lambda row: str(row[0])))
        return sorted(found)

    async def note(self, request: PrivacyRequest, entries: Sequence[Entry]) -> None:
        """Keep that something was asked about a person."""
        await self._tables.change([self._insert(request)], entries)

    async def erase(self, request: PrivacyRequest, entries: Sequence[Entry]) -> None:
        """Throw away the key of a person and those of all runs that got data of theirs, and keep the proof: all or nothing."""
        here = (request.workspace, request.token)
        is_file = self._tables.dialect == "sqlite"
        statements = [
            *([Statement("pragma secure_delete=on")] if is_file else []),
            Statement(
                f"update run_keys set wrapped=?, erased_at=? where {_OF_FAMILIES}", (b"", request.at, *here)
            ),
            Statement("delete from subjects where workspace=? and token=?", here),
            self._insert(request),
            *([Statement("pragma secure_delete=off")] if is_file else []),
        ]
        await self._tables.change(statements, entries)

    async def rename(
        self, before: str, after: str, request: PrivacyRequest, entries: Sequence[Entry]
    ) -> None:
        """Put another name in the place of an account's own wherever lists tell who did something."""
        statements = [
            *(
                Statement(f"update {table} set {column}=? where {column}=?", (after, before))
                for table, column in AUTHORS
            ),
            *(
                Statement(
                    f"update {table} set {column}=replace({column}, ?, ?) where {column} like ? escape '!'",
                    (f'"{before}"', f'"{after}"', f'%"{_escaped(before)}"%'),
                )
                for table, column in LISTED
            ),
            self._insert(request),
        ]
        await self._tables.change(statements, entries)

    @property
    def audit(self) -> AuditTables:
        """Return the audit trail of the same store."""
        return AuditTables(self._tables)

    async def scrub(self) -> None:
        """Take what was deleted out of the files of the database, as far as the database lets us."""
        await self._tables.scrub(("subjects", "run_keys", "people", "identities", "audit"))

    async def texts_with(self, workspace: str, name: str) -> list[tuple[str, str]]:
        """Return kind and name of the definitions in whose text a name stands, as it is written or in small letters."""
        pattern = f"%{_escaped(name)}%"
        sql = (
            "select distinct d.kind, d.name from definitions d left join definition_revisions r on r.id = d.id"
            " where d.workspace=? and (lower(d.text) like ? escape '!' or lower(r.text) like ? escape '!')"
            " union select kind, name from publications where workspace=? and lower(text) like ? escape '!'"
            " order by 1, 2"
        )
        values = (workspace, pattern, pattern, workspace, pattern)
        return await self._tables.all(sql, values, lambda row: (str(row[0]), str(row[1])))

    async def count_entries(self, actors: Sequence[str]) -> int:
        """Return how many entries of the audit trail tell of what these accounts did, or of what was done to them."""
        total = 0
        for actor in actors:
            sql = "select count(*) from audit where actor=? or object=?"
            total += (await self._tables.all(sql, (actor, f"person/{actor}"), lambda row: int(row[0])))[0]
        return total

    async def count_names(self, name: str) -> dict[str, int]:
        """Return where a name of an account stands, and how often."""
        found: dict[str, int] = {}
        for table, column in AUTHORS:
            sql = f"select count(*) from {table} where {column}=?"
            (count,) = await self._tables.all(sql, (name,), lambda row: int(row[0]))
            if count:
                found[f"{table}.{column}"] = count
        return found

    def _insert(self, request: PrivacyRequest) -> Statement:
        columns = ", ".join(_REQUESTS.columns)
        marks = ",".join("?" * len(_REQUESTS.columns))
        values = tuple(_REQUESTS.value(request, column) for column in _REQUESTS.columns)
        return Statement(f"insert into privacy_requests({columns}) values({marks})", values, expect=1)


def _escaped(name: str) -> str:
    return name.replace("!", "!!").replace("%", "!%").replace("_", "!_")
