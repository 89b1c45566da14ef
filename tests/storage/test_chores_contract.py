"""The rows of a whole workspace, on both databases: all of them go, in every table that there is, and none of another one."""

import itertools

import pytest

from auraos.storage.migrations.kept_tables import OF_WORKSPACES
from auraos.storage.tables.chores import PASSING, SEALED, STAYS, ChoreTables
from auraos.storage.tables.statement import Statement

GUARDED = ("audit", "audit_pending")
_numbers = itertools.count(1)


async def columns_of(store, table: str) -> list[tuple[str, str]]:
    """Return the columns of a table with their types."""
    sql = {
        "sqlite": "select name, lower(type) from pragma_table_info(?) order by cid",
        "postgres": (
            "select attname, format_type(atttypid, null) from pg_attribute where attrelid = ?::text::regclass"
            " and attnum > 0 and not attisdropped order by attnum"
        ),
    }[store.tables.dialect]
    return await store.tables.all(sql, (table,), lambda row: (str(row[0]), str(row[1])))


async def add_row(store, table: str, workspace: str) -> None:
    """Put a row of a workspace into a table, whatever its columns are."""
    columns = await columns_of(store, table)
    values = [workspace if name == "workspace" else value_of(kind) for name, kind in columns]
    sql = f"insert into {table}({', '.join(name for name, _ in columns)}) values({','.join('?' * len(columns))})"
    await store.tables.change([Statement(sql, tuple(values))])


def value_of(kind: str) -> object:
    number = next(_numbers)
    return {"integer": number, "bigint": number, "blob": b"x", "bytea": b"x"}.get(kind, f"t{number}")


async def count(store, table: str, workspace: str) -> int:
    sql = f"select count(*) from {table} where workspace=?"
    return await store.tables.one(sql, (workspace,), lambda row: int(row[0]))


async def test_all_rows_of_a_workspace_go_and_none_of_another_one(store):
    tables = [name for name in OF_WORKSPACES if name not in GUARDED]
    assert len(tables) > 25
    for table in tables:
        for workspace in ("sales", "other"):
            await add_row(store, table, workspace)
    rows = ChoreTables(store.tables)
    await rows.erase_keys("sales")
    assert await count(store, "data_keys", "sales") == 0
    await rows.delete_rows("sales")
    await rows.delete_rows("sales")
    assert {table: await count(store, table, "sales") for table in tables} == dict.fromkeys(tables, 0)
    assert {table: await count(store, table, "other") for table in tables} == dict.fromkeys(tables, 1)


async def test_what_an_export_copies_is_every_table_but_those_with_a_reason(store):
    """A new table of a workspace is exported without a word."""
    rows = ChoreTables(store.tables)
    assert {*rows.exported, *STAYS, *SEALED, *PASSING} >= set(OF_WORKSPACES)
    assert not {*rows.exported} & {*SEALED}
    for table in rows.exported:
        await add_row(store, table, "sales")
        await add_row(store, table, "other")
        (row,) = await rows.rows(table, "sales")
        assert row["workspace"] == "sales"


@pytest.mark.parametrize("table", SEALED)
async def test_what_holds_a_key_or_a_value_is_copied_by_no_export(store, table):
    assert table in OF_WORKSPACES
    assert table not in ChoreTables(store.tables).exported
