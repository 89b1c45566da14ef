"""Rows of simple tables: a struct is a row, and each of its fields a column of that name.

Texts, whole numbers and bytes stand as they are; anything else as JSON.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, get_type_hints

import msgspec

from auraos.core.audit import Entry
from auraos.core.errors import UnexpectedError
from auraos.security.row_store import Add, AtMost, Clear, OwnerStays, R, Remove, Replace, Write
from auraos.storage.tables.bounds import bound, hold
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

_PLAIN = (
    msgspec.inspect.StrType,
    msgspec.inspect.IntType,
    msgspec.inspect.BytesType,
    msgspec.inspect.LiteralType,
)
_encode = msgspec.json.encode
_HOLD_OWNERS = "update first_owner set one=one where one=1"
_IS_OWNED = (
    "update first_owner set one=one where one=1 and exists (select 1 from grants g join people p on p.id = g.holder"
    " where g.holder_kind='person' and g.role='owner' and g.workspace='*' and g.kind='' and g.name=''"
    " and g.labels='{}' and p.state='active')"
)


class Shape(Generic[R]):
    """How the rows of one table look: its name, the columns that are its key, and what each column holds."""

    def __init__(self, kind: type[R], table: str, key: tuple[str, ...]) -> None:
        self.kind = kind
        self.table = table
        self.key = key
        info: Any = msgspec.inspect.type_info(kind)
        hints = get_type_hints(kind)
        self.columns = tuple(field.name for field in info.fields)
        self._written = {field.name for field in info.fields if not isinstance(field.type, _PLAIN)}
        self._readers: list[Callable[[Any], Any] | None] = [
            msgspec.json.Decoder(hints[name]).decode if name in self._written else None
            for name in self.columns
        ]
        self.select = f"select {', '.join(self.columns)} from {table}"

    def make(self, values: Sequence[Any]) -> R:
        """Return a row as data."""
        read = (
            value if reader is None else reader(value)
            for value, reader in zip(values, self._readers, strict=True)
        )
        return self.kind(**dict(zip(self.columns, read, strict=True)))

    def value(self, row: msgspec.Struct, column: str) -> Any:
        """Return what stands in a column of a row."""
        value = getattr(row, column)
        return _encode(value, order="deterministic").decode() if column in self._written else value

    def has(self, column: str) -> str:
        """Return a column that this table has."""
        if column not in self.columns:
            raise UnexpectedError(f"{self.table} has no column {column!r}.")
        return column


class RowTables:
    """Keeps rows in the tables of a store, each kind in the table that its shape names."""

    def __init__(self, tables: Tables, shapes: Mapping[type[msgspec.Struct], Shape[Any]]) -> None:
        self._tables = tables
        self._shapes = shapes

    async def one(self, kind: type[R], **by: str | int) -> R | None:
        """Return the row with these values, None where there is none."""
        shape: Shape[R] = self._shapes[kind]
        tests, values = _tests(shape, by)
        return await self._tables.one(f"{shape.select}{tests}", values, shape.make)

    async def all(
        self,
        kind: type[R],
        *,
        order: str = "",
        after: str = "",
        limit: int = 0,
        **by: str | int | Collection[str],
    ) -> Sequence[R]:
        """Return the rows with these values, by their key or by another field; a page of them after one of its values."""
        shape: Shape[R] = self._shapes[kind]
        tests, values = _tests(shape, by)
        ordered = shape.has(order) if order else ", ".join(shape.key)
        if after:
            tests = f"{tests} {'and' if tests else 'where'} {ordered} > ?"
            values = (*values, after)
        bounded = " limit ?" if limit else ""
        sql = f"{shape.select}{tests} order by {ordered}{bounded}"
        return await self._tables.all(sql, (*values, *([limit] if limit else [])), shape.make)

    async def save(self, writes: Sequence[Write], entries: Sequence[Entry] = ()) -> Write | None:
        """Make a change with what the audit trail says of it, all or nothing; return what did not hold, None when it was made."""
        ordered = sorted(enumerate(writes), key=lambda each: isinstance(each[1], OwnerStays | AtMost))
        statements = [self._statement(write, str(number)) for number, write in ordered]
        if ordered and isinstance(ordered[-1][1], OwnerStays):
            statements.insert(0, Statement(_HOLD_OWNERS, expect=1, name=statements[-1].name))
        statements = [hold(each.workspace) for each in writes if isinstance(each, AtMost)] + statements
        try:
            await self._tables.change(statements, entries)
        except NotAsExpectedError as error:
            return writes[int(error.name)]
        return None

    def _statement(self, write: Write, name: str) -> Statement:
        match write:
            case Add(row):
                shape = self._shapes[type(row)]
                marks = ",".join("?" * len(shape.columns))
                sql = f"insert into {shape.table}({', '.join(shape.columns)}) values({marks})"
                values = tuple(shape.value(row, column) for column in shape.columns)
                return Statement(sql, values, expect=1, name=name)
            case Replace(before, after):
                return self._replace(before, after, name)
            case Remove(row):
                shape = self._shapes[type(row)]
                sql = f"delete from {shape.table} where {' and '.join(f'{each}=?' for each in shape.key)}"
                return Statement(
                    sql, tuple(shape.value(row, each) for each in shape.key), expect=1, name=name
                )
            case Clear(kind, by, until):
                shape = self._shapes[kind]
                tests, cleared = _tests(shape, by)
                if until is not None:
                    tests = f"{tests} {'and' if tests else 'where'} {shape.has('ends_at')} <= ?"
                    cleared = (*cleared, until)
                return Statement(f"delete from {shape.table}{tests}", cleared, name=name)
            case OwnerStays():
                return Statement(_IS_OWNED, expect=1, name=name)
            case AtMost(kind, workspace, most):
                return bound(self._shapes[kind].table, workspace, most, name)

    def _replace(self, before: msgspec.Struct, after: msgspec.Struct, name: str) -> Statement:
        shape = self._shapes[type(after)]
        old = {column: shape.value(before, column) for column in shape.columns}
        new = {column: shape.value(after, column) for column in shape.columns}
        changed = [column for column in shape.columns if old[column] != new[column]]
        if not changed or any(column in shape.key for column in changed):
            raise UnexpectedError(
                f"A row of {shape.table} is replaced by {'another' if changed else 'itself'}."
            )
        tests = [*shape.key, *changed]
        return Statement(
            f"update {shape.table} set {', '.join(f'{each}=?' for each in changed)}"
            f" where {' and '.join(f'{each}=?' for each in tests)}",
            (*(new[each] for each in changed), *(old[each] for each in tests)),
            expect=1,
            name=name,
        )


def _tests(shape: Shape[Any], by: Mapping[str, str | int | Collection[str]]) -> tuple[str, tuple[Any, ...]]:
    """Return what follows `from`, and its values."""
    tests: list[str] = []
    values: list[Any] = []
    for column, value in by.items():
        shape.has(column)
        if isinstance(value, str | int):
            tests.append(f"{column}=?")
            values.append(value)
        elif value:
            tests.append(f"{column} in ({','.join('?' * len(value))})")
            values += value
        else:
            tests.append("1=0")
    return (f" where {' and '.join(tests)}" if tests else ""), tuple(values)
