"""Definitions in tables."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from auraos.core.audit import Entry
from auraos.documents.definitions.rows import (
    Definition,
    Edit,
    Listed,
    Live,
    Published,
    Query,
    Ref,
    Release,
    Revision,
    Saving,
    State,
    Use,
    UsedBy,
)
from auraos.security.access.quotas import Most, QuotaFullError
from auraos.storage.tables import definition_rows as rows
from auraos.storage.tables import search
from auraos.storage.tables.bindings import BindingTables
from auraos.storage.tables.bounds import QUOTA, bound, hold
from auraos.storage.tables.parts import label_tests, part_tests
from auraos.storage.tables.reviews import ReviewTables, use_up
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

MOST_REVISIONS = 200
"""So many drafts of a definition are kept; older ones are forgotten."""

_COLUMNS = (
    "id, workspace, kind, name, title, labels, owner, revision, text, meaning, changed_at, changed_by, created_at,"
    " version, hash, published_at, archived_at, authors"
)
_LISTED = (
    "select kind, name, title, labels, owner, revision, meaning, changed_at, changed_by, version, hash, published_at,"
    " archived_at from definitions"
)
_OF = "workspace=? and kind=? and name=?"
_PUBLISHED = (
    "select p.version, p.hash, coalesce(p.text, v.text), v.step_types, p.at, p.author, p.note, p.authors from publications p"
    " join definition_versions v on v.hash = p.hash and v.workspace = p.workspace"
    " where p.workspace=? and p.kind=? and p.name=? and p.version=?"
)
_STATES: dict[State, str] = {
    "draft": "(archived_at = 0 and version = 0)",
    "live": "(archived_at = 0 and version > 0 and meaning = hash)",
    "changed": "(archived_at = 0 and version > 0 and meaning <> hash)",
    "archived": "(archived_at > 0)",
}
_NOT_ARCHIVED = "archived_at = 0"
_NEWEST = 2**62

T = TypeVar("T")

_encode = msgspec.json.encode


class DefinitionTables:
    """Keeps definitions in the tables of a store."""

    def __init__(self, tables: Tables, most: Most | None = None) -> None:
        self._tables = tables
        self._most = most
        self.saved: Counter[str] = Counter()
        self.bindings = BindingTables(tables)
        self.reviews = ReviewTables(tables)

    async def find(self, ref: Ref) -> Definition | None:
        """Return a definition as it stands now."""
        sql = f"select {_COLUMNS} from definitions where {_OF}"
        return await self._tables.one(sql, (ref.workspace, ref.kind, ref.name), rows.definition)

    async def page(self, query: Query) -> Sequence[Listed]:
        """Return a page of definitions by kind and name."""
        page = 0 if query.words else query.limit  # a search is no matter of an index alone
        return await self._of(_LISTED, query, rows.listed, page=page)

    async def whole(self, query: Query) -> Sequence[Definition]:
        """Return a page of definitions with their texts by kind and name."""
        return await self._of(f"select {_COLUMNS} from definitions", query, rows.definition)

    async def _of(
        self, select: str, query: Query, make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]:
        tests, values = ["workspace=?"], [query.workspace]
        if query.kind:
            tests.append("kind=?")
            values.append(query.kind)
        if any(query.after):
            tests.append("(kind, name) > (?, ?)")
            values += query.after
        if query.owner:
            tests.append("owner=?")
            values.append(query.owner)
        label_tests(query.workspace, query.labels, tests, values)
        if query.within is not None:
            parts = [part_tests(query.workspace, part, values) for part in query.within]
            tests.append(f"({' or '.join(parts) or '1=0'})")
        if query.words:
            test, wanted = search.found(self._tables.dialect, query.workspace, query.words)
            tests.append(test)
            values += wanted
        tests.append(f"({' or '.join(_STATES[state] for state in query.states) or _NOT_ARCHIVED})")
        sql = f"{select} where {' and '.join(tests)} order by kind, name limit ?"
        return await self._tables.all(sql, (*values, query.limit), make, page=page)

    async def save(self, savings: Sequence[Saving], entries: Sequence[Entry]) -> bool:
        """Write changes, all or none; return whether all was still as it was."""
        statements = [statement for saving in savings for statement in self._statements(saving)]
        statements += _conditions(savings)
        statements += [use_up(saving.review) for saving in savings if saving.review is not None]
        new = next((saving.after.workspace for saving in savings if saving.before is None), "")
        most = self._most(new, "definitions") if new and self._most is not None else 0
        if most:
            statements = [hold(new), *statements, bound("definitions", new, most)]
        try:
            await self._tables.change(statements, entries)
        except NotAsExpectedError as error:
            if error.name == QUOTA:
                raise QuotaFullError.of("definitions", new, most) from error
            return False
        self.saved.update(saving.after.kind for saving in savings)
        return True

    async def live(self, ref: Ref) -> Live | None:
        """Return which version is live."""
        sql = f"select version, hash, archived_at from definitions where {_OF}"
        return await self._tables.glance(sql, (ref.workspace, ref.kind, ref.name), rows.live)

    async def versions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Release]:
        """Return the published versions, the newest first."""
        sql = (
            f"select version, hash, at, author, note from publications where {_OF} and version < ?"
            " order by version desc limit ?"
        )
        values = (ref.workspace, ref.kind, ref.name, before or _NEWEST, limit)
        return await self._tables.all(sql, values, rows.release)

    async def version(self, ref: Ref, number: int) -> Published | None:
        """Return one published version."""
        values = (ref.workspace, ref.kind, ref.name, number)
        return await self._tables.one(_PUBLISHED, values, rows.published)

    async def revisions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Edit]:
        """Return the drafts as they were saved, the newest first."""
        sql = (
            "select r.revision, r.at, r.author from definition_revisions r join definitions d on d.id = r.id"
            " where d.workspace=? and d.kind=? and d.name=? and r.revision < ? order by r.revision desc limit ?"
        )
        values = (ref.workspace, ref.kind, ref.name, before or _NEWEST, limit)
        return await self._tables.all(sql, values, rows.edit)

    async def revision(self, ref: Ref, number: int) -> Revision | None:
        """Return a draft as it was."""
        sql = (
            "select r.revision, r.text, r.at, r.author from definition_revisions r join definitions d on d.id = r.id"
            " where d.workspace=? and d.kind=? and d.name=? and r.revision=?"
        )
        return await self._tables.one(sql, (ref.workspace, ref.kind, ref.name, number), rows.revision)

    async def uses(self, ref: Ref, *, is_live: bool) -> Sequence[Use]:
        """Return which definitions this one names."""
        sql = f"select used_kind, used_name, place from uses where {_OF} and is_live=? order by used_kind, used_name, place"
        return await self._tables.all(sql, (ref.workspace, ref.kind, ref.name, int(is_live)), rows.use)

    async def used_by(self, ref: Ref) -> Sequence[UsedBy]:
        """Return who names this definition."""
        sql = (
            "select kind, name, place, is_live from uses where workspace=? and used_kind=? and used_name=?"
            " order by kind, name, place, is_live"
        )
        return await self._tables.all(sql, (ref.workspace, ref.kind, ref.name), rows.used_by)

    # --- what a change writes ---

    def _statements(self, saving: Saving) -> list[Statement]:
        before, after = saving.before, saving.after
        statements = [_insert(after) if before is None else _update(before, after)]
        if before is None or before.text != after.text or before.revision != after.revision:
            statements += _revise(after)
        if before is None or before.labels != after.labels:
            statements += _label(after)
        if before is None or before.text != after.text:
            statements.append(search.index(self._tables.dialect, after.id, after.workspace, saving.words))
        if saving.published is not None:
            statements += _publish(after, saving.published)
        for is_live, uses in ((0, saving.draft_uses), (1, saving.live_uses)):
            if uses is not None:
                statements += _use(after, uses, is_live)
        return statements


def _insert(row: Definition) -> Statement:
    return Statement(
        f"insert into definitions({_COLUMNS}) values({','.join('?' * 18)})", _values(row), name="new"
    )


def _update(before: Definition, after: Definition) -> Statement:
    names = _COLUMNS.split(", ")[4:]
    return Statement(
        f"update definitions set {', '.join(f'{name}=?' for name in names)}"
        " where id=? and revision=? and version=? and archived_at=? and owner=?",
        (*_values(after)[4:], before.id, before.revision, before.version, before.archived_at, before.owner),
        expect=1,
        name="unchanged",
    )


def _values(row: Definition) -> tuple[Any, ...]:
    return (
        row.id, row.workspace, row.kind, row.name, row.title, _encode(row.labels).decode(), row.owner, row.revision,
        row.text, row.meaning, row.changed_at, row.changed_by, row.created_at, row.version, row.hash,
        row.published_at, row.archived_at, _encode(row.authors).decode(),
    )  # fmt: skip


def _revise(row: Definition) -> list[Statement]:
    return [
        Statement(
            "insert into definition_revisions(id, revision, text, at, author, workspace) values(?,?,?,?,?,?)",
            (row.id, row.revision, row.text, row.changed_at, row.changed_by, row.workspace),
        ),
        Statement(
            "delete from definition_revisions where id=? and revision <= ?",
            (row.id, row.revision - MOST_REVISIONS),
        ),
    ]


def _label(row: Definition) -> list[Statement]:
    return [
        Statement("delete from definition_labels where id=?", (row.id,)),
        *(
            Statement(
                "insert into definition_labels(workspace, label, value, id) values(?,?,?,?)",
                (row.workspace, label, value, row.id),
            )
            for label, value in row.labels.items()
        ),
    ]


def _publish(row: Definition, published: Published) -> list[Statement]:
    return [
        Statement(
            "insert into definition_versions(workspace, hash, kind, name, text, step_types) values(?,?,?,?,?,?)"
            " on conflict do nothing",
            (
                row.workspace, published.hash, row.kind, row.name, published.text,
                _encode(published.step_types).decode(),
            ),
        ),
        Statement(
            "insert into publications(workspace, kind, name, version, hash, at, author, note, authors, text)"
            " values(?,?,?,?,?,?,?,?,?, nullif(?, (select text from definition_versions where hash=? and workspace=?)))",
            (
                row.workspace, row.kind, row.name, published.version, published.hash, published.at, published.author,
                published.note, _encode(published.authors).decode(), published.text, published.hash, row.workspace,
            ),
            name="version",
        ),
    ]  # fmt: skip


def _conditions(savings: Sequence[Saving]) -> list[Statement]:
    """Return what must hold when all is written; each touches its row, so that two changes cannot pass each other."""
    needed = {ref: None for saving in savings for ref in saving.needs}
    return [
        *(
            Statement(
                f"update definitions set archived_at=0 where {_OF} and archived_at=0 and version>0",
                (ref.workspace, ref.kind, ref.name),
                expect=1,
                name="needed",
            )
            for ref in needed
        ),
        *(
            Statement(
                "delete from uses where workspace=? and used_kind=? and used_name=? and is_live=1",
                (saving.after.workspace, saving.after.kind, saving.after.name),
                expect=0,
                name="unused",
            )
            for saving in savings
            if saving.unused
        ),
    ]


def _use(row: Definition, uses: Sequence[Use], is_live: int) -> list[Statement]:
    distinct = {(use.kind, use.name, use.place) for use in uses}
    return [
        Statement(
            f"delete from uses where {_OF} and is_live=?", (row.workspace, row.kind, row.name, is_live)
        ),
        *(
            Statement(
                "insert into uses(workspace, kind, name, used_kind, used_name, place, is_live) values(?,?,?,?,?,?,?)",
                (row.workspace, row.kind, row.name, kind, name, place, is_live),
            )
            for kind, name, place in sorted(distinct)
        ),
    ]
