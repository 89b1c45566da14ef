"""The tables of the audit trail: entries, signed heads, and the end of the chain."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry
from auraos.security.audit.chain import Kept, erased
from auraos.security.audit.store import Checkpoint, Filter, Head, Part, Tally
from auraos.storage.tables.chaining import COLUMNS
from auraos.storage.tables.rows import Shape
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

_SELECT: Final = f"select {COLUMNS} from audit"
_CHECKPOINTS: Final = Shape(Checkpoint, "audit_checkpoints", ("seq",))
_HEAD: Final = "select seq, hash, floor from audit_head where one=1"
_RAISE: Final = "update audit_head set floor=? where one=1 and floor < ?"
_CLEAR: Final = (
    "delete from audit where seq <= (select floor from audit_head where one=1)"
    " and seq <= (select min(seq) from audit) + ?"
)
_FIELDS: Final = Kept.__struct_fields__
_IDS: Final = "select id from people where name=? union all select id from services where name=?"


class AuditTables:
    """Keeps the audit trail in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def head(self) -> Head:
        """Return the end of the chain."""
        found = await self._tables.one(
            _HEAD, (), lambda row: Head(seq=int(row[0]), hash=str(row[1]), floor=int(row[2]))
        )
        assert found is not None  # the migration has put it there
        return found

    async def newest(self, wanted: Filter, *, before: int | None, limit: int) -> Sequence[Kept]:
        """Return entries, the newest first, from before a number on."""
        tests, values = _tests(wanted)
        if before is not None:
            tests, values = [*tests, "seq < ?"], [*values, before]
        return await self._page(tests, values, "desc", limit)

    async def oldest(self, wanted: Filter, *, after: int, limit: int) -> Sequence[Kept]:
        """Return entries in order, from after a number on."""
        tests, values = _tests(wanted)
        return await self._page([*tests, "seq > ?"], [*values, after], "asc", limit)

    async def one(self, seq: int) -> Kept | None:
        """Return one entry."""
        return await self._tables.one(f"{_SELECT} where seq=?", (seq,), kept_of)

    async def tally(self, wanted: Filter) -> Sequence[Tally]:
        """Return how often what was done, by whom."""
        tests, values = _tests(wanted)
        sql = f"select actor, action, outcome, count(*) from audit{_where(tests)} group by actor, action, outcome"
        return await self._tables.all(
            sql,
            tuple(values),
            lambda row: Tally(actor=row[0], action=row[1], outcome=row[2], count=int(row[3])),
        )

    async def names(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of people by their ids, as they are now."""
        found: dict[str, str] = {}
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            sql = f"select id, name from people where id in ({','.join('?' * len(some))})"
            found.update(await self._tables.all(sql, tuple(some), lambda row: (str(row[0]), str(row[1]))))
        return found

    async def ids(self, name: str) -> Sequence[str]:
        """Return the ids of the person and the service accounts of this name."""
        return await self._tables.all(_IDS, (name, name), lambda row: str(row[0]))

    async def checkpoints(self, *, after: int = 0, limit: int = 1000) -> Sequence[Checkpoint]:
        """Return the signed heads in order, from after a number on."""
        sql = f"{_CHECKPOINTS.select} where seq > ? order by seq limit ?"
        return await self._tables.all(sql, (after, limit), _CHECKPOINTS.make)

    async def last_checkpoint(self, *, until: int | None = None) -> Checkpoint | None:
        """Return the last signed head, at or before a number."""
        test, values = ("", ()) if until is None else (" where seq <= ?", (until,))
        sql = f"{_CHECKPOINTS.select}{test} order by seq desc limit 1"
        return await self._tables.one(sql, values, _CHECKPOINTS.make)

    async def add_checkpoint(self, made: Checkpoint) -> bool:
        """Keep a signed head; return whether there was none of its number."""
        marks = ",".join("?" * len(_CHECKPOINTS.columns))
        sql = f"insert into audit_checkpoints({', '.join(_CHECKPOINTS.columns)}) values({marks})"
        try:
            await self._tables.change([Statement(sql, msgspec.structs.astuple(made), expect=1)])
        except NotAsExpectedError:
            return False
        return True

    async def tell(self, *entries: Entry) -> None:
        """Add entries."""
        await self._tables.change((), entries)

    async def erase(self, entries: Sequence[Kept], part: Part, entry: Entry) -> None:
        """Let digests take the place of a part of entries, and tell of it."""
        sql = f"update audit set {part}=?, {part}_salt='' where seq=? and {part}_salt=?"
        salts = [(kept, str(getattr(kept, f"{part}_salt"))) for kept in entries]
        statements = [
            Statement(sql, (erased(salt, getattr(kept, part)), kept.seq, salt), expect=1)
            for kept, salt in salts
        ]
        await self._tables.change(statements, [entry])

    async def raise_floor(self, checkpoint: Checkpoint, entry: Entry) -> None:
        """Let entries up to a checkpoint go, and tell of it."""
        await self._tables.change([Statement(_RAISE, (checkpoint.seq, checkpoint.seq), expect=1)], [entry])

    async def clear(self, *, most: int) -> int:
        """Delete some of the entries up to the floor; return of how many."""
        before = await self._under_the_floor()
        if before:
            await self._tables.change([Statement(_CLEAR, (most,))])
        return before - await self._under_the_floor()

    async def _under_the_floor(self) -> int:
        sql = "select count(*) from audit where seq <= (select floor from audit_head where one=1)"
        return await self._tables.one(sql, (), lambda row: int(row[0])) or 0

    async def _page(self, tests: list[str], values: list[Any], order: str, limit: int) -> Sequence[Kept]:
        sql = f"{_SELECT}{_where(tests)} order by seq {order} limit ?"
        return await self._tables.all(sql, (*values, limit), kept_of)


def kept_of(row: Sequence[Any]) -> Kept:
    """Return an entry from the columns of a row."""
    return Kept(**dict(zip(_FIELDS, row, strict=True)))


def _where(tests: list[str]) -> str:
    return f" where {' and '.join(tests)}" if tests else ""


def _tests(wanted: Filter) -> tuple[list[str], list[Any]]:
    """Return the conditions of a filter, and their values."""
    tests: list[str] = []
    values: list[Any] = []

    def add(test: str, *given: Any) -> None:
        tests.append(test)
        values.extend(given)

    if wanted.workspace is not None:
        add("workspace = ?", wanted.workspace)
    if wanted.actor:
        add("actor = ?", wanted.actor)
    for column, value in (("action", wanted.action), ("object", wanted.object)):
        if value.endswith("*"):
            first = value[:-1]
            add(f"{column} >= ? and {column} < ?", first, first + "\U0010ffff")
        elif value:
            add(f"{column} = ?", value)
    if wanted.outcome:
        add("outcome = ?", wanted.outcome)
    if wanted.since is not None:
        add("at >= ?", wanted.since)
    if wanted.until is not None:
        add("at < ?", wanted.until)
    if wanted.last is not None:
        add("seq <= ?", wanted.last)
    if wanted.text:
        like = "%" + wanted.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        add("(lower(facts) like ? escape '\\' or lower(told) like ? escape '\\')", like, like)
    return tests, values
