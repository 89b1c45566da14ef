"""What SQLite once learnt of small tables must not lead it through all of what is there now."""

import sqlite3
from contextlib import closing
from pathlib import Path

from auraos.engine.ports import RunRow, Write
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore

MANY = 3000


def asleep(number: int) -> Write:
    """Return the write of a run that began and sleeps."""
    run = f"r{number:06}"
    row = RunRow(
        workspace="default", run=run, number=number, workflow="nap", version="v", state="waiting", started_at=number,
        changed_at=number, asleep=True,
    )  # fmt: skip
    return Write(workspace="default", run=run, seq=1, count=1, facts=b"{}\n", created=True, row=row)


def ended(number: int) -> Write:
    """Return the write with which such a run ends."""
    write = asleep(number)
    assert write.row is not None
    row = RunRow(
        workspace="default", run=write.run, number=number, workflow="nap", version="v", state="succeeded",
        started_at=number, changed_at=number + 1, finished_at=number + 1,
    )  # fmt: skip
    return Write(workspace="default", run=write.run, seq=2, count=1, facts=b"{}\n", row=row)


async def steps_of_an_end(store: SqliteStore, number: int) -> int:
    """Return how many hundreds of steps SQLite takes to write the end of a run."""
    connection = store._writer._connection
    assert connection is not None
    taken: list[None] = []
    connection.set_progress_handler(lambda: taken.append(None), 100)
    await store.commit(ended(number))
    connection.set_progress_handler(None, 0)
    return len(taken)


async def test_the_end_of_a_run_costs_the_same_however_many_sleep_since_the_store_was_small(
    tmp_path: Path,
) -> None:
    folder = DataFolder.claim(tmp_path / "data")
    small = SqliteStore.open(folder)
    await small.commit(asleep(1))
    await small.close()
    (file,) = folder.path.glob("*.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("analyze")
    store = SqliteStore.open(folder)
    await store.commit(asleep(2))
    few = await steps_of_an_end(store, 1)
    for number in range(3, MANY):
        store.submit([asleep(number)], lambda errors: None)
    await store.commit(asleep(MANY))
    many = await steps_of_an_end(store, 2)
    await store.close()
    folder.release()
    assert many <= few + 10, (few, many)


async def test_closing_a_store_leaves_no_statistics_in_it(tmp_path: Path) -> None:
    folder = DataFolder.claim(tmp_path / "data")
    store = SqliteStore.open(folder)
    for number in range(1, 300):
        store.submit([asleep(number)], lambda errors: None)
    await store.commit(asleep(300))
    await store.close()
    folder.release()
    (file,) = folder.path.glob("*.db")
    with closing(sqlite3.connect(file)) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master")]
    assert not [name for name in tables if name.startswith("sqlite_stat")]
