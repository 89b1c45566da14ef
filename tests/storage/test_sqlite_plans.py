"""Which way SQLite goes to the rows that a statement names."""

import sqlite3
from pathlib import Path

import pytest

from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from auraos.storage.sqlite.schema import PRUNE


@pytest.mark.parametrize("statement", PRUNE)
async def test_what_belongs_to_a_run_that_is_pruned_is_found_without_reading_a_whole_table(
    tmp_path: Path, statement: str
) -> None:
    folder = DataFolder.claim(tmp_path / "data")
    await SqliteStore.open(folder).close()
    folder.release()
    (file,) = folder.path.glob("*.db")
    connection = sqlite3.connect(file)
    plan = [told for *_, told in connection.execute(f"explain query plan {statement}", ("r1", "r1"))]
    connection.close()
    assert [told for told in plan if "SEARCH" in told]
    assert [told for told in plan if told.startswith("SCAN ") and told != "SCAN CONSTANT ROW"] == []
