"""Which way SQLite goes to the rows that a statement names."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from auraos.engine.ports import RunQuery, RunRow, Write
from auraos.storage.folder import DataFolder
from auraos.storage.rows import SELECT_RUNS
from auraos.storage.sqlite import SqliteStore
from auraos.storage.sqlite.schema import PRUNE
from auraos.storage.tables.flag_runs import DURING, LAST


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


async def test_lists_of_runs_read_no_more_than_they_show(tmp_path: Path) -> None:
    """Whatever SQLite has learnt of the tables, and however few of the runs are those of the workspace."""
    folder = DataFolder.claim(tmp_path / "data")
    store = SqliteStore.open(folder)
    for number in range(1, 400):
        workspace, own = ("small", number // 100) if number % 100 == 0 else ("large", number)
        ended = None if number % 50 == 0 else number
        await store.commit(started(f"r{number:04}", workspace, own, ended=ended))
    await store.close()
    (file,) = folder.path.glob("*.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("analyze")
        connection.commit()
    store = SqliteStore.open(folder)
    small, large, running = (
        RunQuery(workspace="small", limit=2),
        RunQuery(workspace="large", limit=50),
        RunQuery(workspace="large", limit=50, states=("running",)),
    )
    assert [run.run for run in await store.runs(small)] == ["r0300", "r0200"]
    rest = RunQuery(workspace="small", limit=2, before="r0200")
    assert [run.run for run in await store.runs(rest)] == ["r0100"]
    gone = RunQuery(workspace="small", limit=2, before="r0299")
    assert [run.run for run in await store.runs(gone)] == ["r0200", "r0100"]
    assert [run.run for run in await store.runs(large)][:2] == ["r0399", "r0398"]
    assert [run.run for run in await store.runs(running)] == ["r0350", "r0250", "r0150", "r0050"]
    await store.close()
    folder.release()
    with closing(sqlite3.connect(file)) as connection:
        for tests, values in (
            (_OF_ALL, ("large",)),
            (_OF_ALL, ("small",)),
            (_OF_RUNNING, ("large", "running")),
        ):
            sql = f"explain query plan {SELECT_RUNS} where {tests} order by number desc limit 50"
            plan = [told for *_, told in connection.execute(sql, values)]
            assert [told for told in plan if "SEARCH runs USING INDEX runs_by_" in told], plan
            assert not [told for told in plan if "SCAN" in told or "SORT" in told or "B-TREE" in told], plan


@pytest.mark.parametrize(
    ("sql", "values"), [(LAST, ("v", "small", 0, 50)), (DURING, ("v", "small", 0))], ids=["last", "during"]
)
async def test_runs_of_a_version_that_ended_lately_are_counted_by_when_they_ended(
    tmp_path: Path, sql: str, values: tuple[object, ...]
) -> None:
    folder = DataFolder.claim(tmp_path / "data")
    await SqliteStore.open(folder).close()
    folder.release()
    (file,) = folder.path.glob("*.db")
    with closing(sqlite3.connect(file)) as connection:
        plan = [told for *_, told in connection.execute(f"explain query plan {sql}", values)]
    assert "SEARCH runs USING INDEX runs_ended (version=? AND finished_at>?)" in plan
    assert [told for told in plan if "SCAN" in told or "ORDER BY" in told] == []


_OF_ALL = "workspace=? and number > 0"
_OF_RUNNING = "workspace=? and state in (?) and state <> 'succeeded' and number > 0"


def started(run: str, workspace: str, number: int, *, ended: int | None) -> Write:
    """Return the write of a run that began, and perhaps ended."""
    row = RunRow(
        workspace=workspace,
        run=run,
        number=number,
        workflow="w",
        version="v",
        state="running" if ended is None else "succeeded",
        started_at=number,
        changed_at=number,
        finished_at=ended,
    )
    return Write(workspace, run, 1, count=1, facts=b"{}", created=True, row=row)
