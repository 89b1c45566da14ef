"""A folder that was set up, witnesses outside, a server to injure, and the tools on the path."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))

from served import Served
from witness import Witness
from witness_process import WitnessProcess

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


@pytest.fixture
def outside() -> Iterator[WitnessProcess]:
    """Return a witness that is a process of its own."""
    with WitnessProcess() as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path, outside: WitnessProcess) -> Iterator[Served]:
    """Return a server that may reach the witness; the test starts it."""
    made = Served(tmp_path, "--allow-net", outside.place)
    yield made
    made.kill()


def _missing(what: str) -> Callable[[], None]:
    @pytest.fixture
    def fail() -> None:
        pytest.fail(f"This machine cannot: {what}. A build server must.")

    return fail


missing_strace = _missing("strace")
missing_compiler = _missing("compiler")
missing_prlimit = _missing("prlimit")
missing_namespaces = _missing("namespaces")
missing_boot_clock = _missing("boot_clock")
