"""One engine a test, on a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engine_house import House
from postgres_house import PostgresHouse


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Return an open house; it is closed when the test is over, unless the test did so."""
    opened = House(tmp_path / "data")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def on_postgres(tmp_path: Path, postgres_url: str) -> AsyncIterator[PostgresHouse]:
    """Return an open house on PostgreSQL; it is closed when the test is over."""
    opened = PostgresHouse(tmp_path / "shared", postgres_url)
    await opened.open()
    yield opened
    await opened.close()
