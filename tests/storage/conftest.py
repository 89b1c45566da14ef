"""Every store under test, by name: the contract tests run over each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auraos.storage.folder import DataFolder
from auraos.storage.postgres import PostgresStore
from auraos.storage.sqlite import SqliteStore
from stores import AnyStore, own_all


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of store that a test runs on."""
    return str(request.param)


@pytest.fixture
def place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a new store of this kind is: its folder or its address."""
    return str(tmp_path / "data") if kind == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(kind: str, place: str) -> AsyncIterator[AnyStore]:
    """Return an empty store, which owns all shards."""
    if kind == "sqlite":
        folder = DataFolder.claim(Path(place))
        yield (opened := SqliteStore.open(folder))
        await opened.close()
        folder.release()
    else:
        shared = await PostgresStore.open(place)
        await own_all(shared)
        yield shared
        await shared.close()
