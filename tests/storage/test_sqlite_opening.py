"""A database that is not whole, not ours or not there is refused in words, and left as it is."""

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from auraos.core.errors import AuraError
from auraos.engine.ports import RunRow, Write
from auraos.storage.folder import DataFolder, MarkerError
from auraos.storage.sqlite import SqliteStore
from auraos.storage.sqlite.opening import (
    DatabaseDamagedError,
    DatabaseForeignError,
    DatabaseMissingError,
    DatabaseNewerError,
)


@pytest.fixture
async def folder(tmp_path: Path) -> DataFolder:
    """Return a folder that was set up, with a store that holds fifty runs and was closed."""
    claimed = DataFolder.claim(tmp_path / "data")
    store = SqliteStore.open(claimed)
    for number in range(1, 51):
        await store.commit(filled(number))
    await store.close()
    return claimed


def filled(number: int) -> Write:
    run = f"r{number:03}"
    row = RunRow(
        workspace="default", run=run, number=number, workflow="w", version="v", state="running",
        started_at=1, changed_at=1,
    )  # fmt: skip
    return Write(workspace="default", run=run, seq=1, count=1, facts=b"x" * 900, created=True, row=row)


def overwrite(file: Path, start: int, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(start)
        opened.write(content)


def set_pragma(file: Path, pragma: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(f"pragma {pragma}")
    connection.close()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("injure", "error", "says"),
    [
        (lambda file: file.write_bytes(b""), DatabaseDamagedError, "it is empty"),
        (lambda file: overwrite(file, 0, b"not a database"), DatabaseDamagedError, "does not begin"),
        (lambda file: file.write_bytes(file.read_bytes()[:20_000]), DatabaseDamagedError, "cut off"),
        (lambda file: file.write_bytes(file.read_bytes()[:50]), DatabaseDamagedError, "is damaged"),
        (lambda file: overwrite(file, 4096 * 5, b"\xa5" * 4096), DatabaseDamagedError, "pages do not fit"),
        (lambda file: overwrite(file, 100, b"\xff" * 3996), DatabaseDamagedError, "reading it failed"),
        (lambda file: set_pragma(file, "application_id=7"), DatabaseForeignError, "another program"),
        (lambda file: set_pragma(file, "user_version=99"), DatabaseNewerError, "newer release"),
    ],
    ids=["empty", "wrong-magic", "cut-off", "stump", "random-page", "first-page", "foreign", "newer"],
)
async def test_an_injured_database_is_refused_and_left_untouched(
    folder: DataFolder, injure: Callable[[Path], None], error: type[AuraError], says: str
) -> None:
    injure(folder.database)
    before = digest(folder.database)
    with pytest.raises(error, match=says) as caught:
        SqliteStore.open(folder)
    assert "auraos.db" in str(caught.value)
    assert caught.value.hint
    assert digest(folder.database) == before


async def test_a_missing_database_is_not_replaced_by_an_empty_one(folder: DataFolder) -> None:
    folder.database.unlink()
    with pytest.raises(DatabaseMissingError, match="is missing"):
        SqliteStore.open(folder)
    assert not folder.database.exists()


async def test_the_database_of_another_folder_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder.claim(tmp_path / "other")
    await SqliteStore.open(other).close()
    other.database.replace(folder.database)
    with pytest.raises(DatabaseForeignError, match="belongs to another folder"):
        SqliteStore.open(folder)


async def test_an_unreadable_marker_is_refused(folder: DataFolder) -> None:
    (folder.path / "auraos.json").write_bytes(b"{")
    with pytest.raises(MarkerError, match=r"auraos\.json cannot be read"):
        SqliteStore.open(folder)


async def test_a_lost_marker_is_written_again_beside_a_sound_database(folder: DataFolder) -> None:
    marker = folder.marker
    (folder.path / "auraos.json").unlink()
    await SqliteStore.open(folder).close()
    assert folder.marker == marker


async def test_a_crash_while_the_database_was_made_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    folder = DataFolder.claim(tmp_path)
    (tmp_path / "auraos.db.new").write_bytes(b"half")
    store = SqliteStore.open(folder)
    await store.commit(filled(1))
    assert await store.find("r001") is not None
    await store.close()
    assert names(tmp_path) == ["auraos.db", "auraos.json", "engine.lock"]


async def test_only_its_owner_may_read_the_database(folder: DataFolder) -> None:
    assert folder.database.stat().st_mode & 0o077 == 0


async def test_an_open_store_syncs_in_full_into_a_write_ahead_log(folder: DataFolder) -> None:
    store = SqliteStore.open(folder)
    modes = store._writer._connection
    assert modes is not None
    found = [
        modes.execute(f"pragma {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "auto_vacuum")
    ]
    await store.close()
    assert found == ["wal", 2, 2]
