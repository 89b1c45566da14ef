"""A run that kills the whole process each time it is worked on (R24): it is set apart after three, and the others go on."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from checker import check, hash_input, read_folder
from served import Caller, NotReadyError, Served, until
from variants import as_variant
from workflows import version_of

from auraos.engine.ports import RunQuery

SLEEPING = {"wait": {"type": "wait.for", "with": {"duration": "300ms"}}}
POISON = version_of("poison", {"wait": {"type": "wait.for", "with": {"duration": "50ms"}}})
HEALTHY = version_of("healthy", SLEEPING)
CALLING = version_of("calling", {"child": {"type": "call", "with": {"workflow": "stillborn"}}})
STILLBORN = version_of("stillborn", {"never": {"type": "noop"}})


def restart_until_it_stays(server: Served) -> int:
    """Start the server again whenever it dies; return how often it died before it stayed for a second."""
    for deaths in range(10):
        try:
            server.start()
            assert server.process is not None
            server.process.wait(1.0)
        except NotReadyError:
            continue
        except Exception:  # noqa: BLE001 (it still runs)
            return deaths
    return 10


@pytest.fixture
def deadly(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, **as_variant("deadly"))
    yield made
    made.kill()


async def states(server: Served) -> dict[str, str]:
    async with Caller(server.data) as caller:
        rows = await caller.ask(lambda client: client.runs(RunQuery(limit=100)))
        return {row.run: row.state for row in rows}


def test_a_run_whose_timer_kills_every_process_is_quarantined_and_the_others_end(deadly: Served) -> None:
    deadly.start()

    async def start_all() -> None:
        async with Caller(deadly.data) as caller:
            for number in range(5):
                await caller.ask(lambda client, n=number: client.start(HEALTHY, run=f"healthy-{n}"))
            await caller.ask(lambda client: client.start(POISON, run="poison-1"))

    async def look() -> str:
        async with Caller(deadly.data) as caller:
            for number in range(5):
                ended = await caller.ask(lambda client, n=number: client.wait(f"healthy-{n}"))
                assert ended.state == "succeeded"
            row = await caller.ask(lambda client: client.find("poison-1"))
            assert row is not None
            assert row.state == "quarantined"
            return row.why

    asyncio.run(start_all())
    assert deadly.process is not None
    assert deadly.process.wait(20) == -9, "the fault happened"
    assert 1 <= restart_until_it_stays(deadly) <= 3
    assert "3 processes died while they worked on it" in asyncio.run(look())
    deadly.kill()
    assert restart_until_it_stays(deadly) == 0, "it stays set apart"

    async def cancel() -> None:
        async with Caller(deadly.data) as caller:
            await caller.ask(lambda client: client.cancel("poison-1", force=True))

    asyncio.run(cancel())
    until(lambda: asyncio.run(states(deadly))["poison-1"] == "cancelled")
    assert deadly.stop() == 0
    told = {f"healthy-{number}": hash_input(None) for number in range(5)}
    assert check(read_folder(deadly.data), acknowledged=told) == []


def test_a_child_whose_start_kills_every_process_is_refused_and_its_caller_hears_of_it(
    deadly: Served,
) -> None:
    deadly.start()

    async def start_caller() -> None:
        async with Caller(deadly.data) as caller:
            await caller.ask(lambda client: client.start(CALLING, run="calling-1", called=[STILLBORN]))

    async def end() -> tuple[str, str]:
        async with Caller(deadly.data) as caller:
            ended = await caller.ask(lambda client: client.wait("calling-1"))
            return ended.state, str(ended.error)

    asyncio.run(start_caller())
    assert deadly.process is not None
    assert deadly.process.wait(20) == -9
    assert 1 <= restart_until_it_stays(deadly) <= 3
    state, error = asyncio.run(end())
    assert state == "failed"
    assert "3 processes died while they began" in error
    assert deadly.stop() == 0
    assert check(read_folder(deadly.data)) == []
