"""A house that a test lets crash."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engine_house import House


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[House]:
    """Return an open house that the test lets crash and opens again; it is closed when the test is over."""
    house = House(tmp_path / "data")
    await house.open()
    yield house
    await house.close()
