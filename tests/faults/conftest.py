"""A folder that was set up, a witness outside, and the tools on the path."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))

from witness import Witness

from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore


@pytest.fixture
def witness() -> Iterator[Witness]:
    with Witness() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data folder with an empty store, so that a sweep injures runs and not the setting up."""

    async def set_up() -> None:
        claimed = DataFolder.claim(tmp_path / "data")
        await SqliteStore.open(claimed).close()
        claimed.release()

    asyncio.run(set_up())
    return tmp_path / "data"
