"""Tables without row ids: their keys stand first, in order, for older SQLite takes other tables for damaged ones."""

import sqlite3

from auraos.storage.migrations import on_sqlite


def test_the_key_of_a_table_without_row_ids_stands_first() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    on_sqlite.upgrade(connection)
    tables = connection.execute("select name, sql from sqlite_master where type='table'").fetchall()
    compact = [
        name for name, sql in tables if "without rowid" in (sql or "").lower() and "search" not in name
    ]
    assert len(compact) > 10
    for table in compact:
        columns = connection.execute(
            f"select pk, name from pragma_table_info('{table}') order by cid"
        ).fetchall()
        keys = [number for number, _ in columns if number]
        assert [number for number, _ in columns[: len(keys)]] == list(range(1, len(keys) + 1)), table
    connection.close()
