"""Definitions over a store of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auraos.documents.definitions.service import Definitions
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from kept_definitions import definitions_over


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Return an empty store."""
    folder = DataFolder.claim(tmp_path / "data")
    opened = SqliteStore.open(folder)
    yield opened
    await opened.close()
    folder.release()


@pytest.fixture
def definitions(store: SqliteStore) -> Definitions:
    """Return the definitions of this store."""
    return definitions_over(store)
