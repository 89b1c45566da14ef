"""Every store under test, by name: the contract tests run over each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Return an empty store of this kind."""
    stores = {"sqlite": SqliteStore.open}
    folder = DataFolder.claim(tmp_path / "data")
    opened = stores[request.param](folder)
    yield opened
    await opened.close()
    folder.release()
