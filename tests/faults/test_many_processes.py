"""Several processes on one PostgreSQL: they share the runs, and whoever dies, hangs or comes, every run ends once."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engine_processes import LEASE, Processes, keep_starting, lost_attempts
from invariants import judge
from witness import Witness

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.core.errors import UserError
from auraos.engine.client import EngineClient
from auraos.engine.ports import Version
from postgres_server import PostgresServer, migrated, postgres_programs

WAITING = """kind: workflow
name: waiting
spec:
  steps: {paid: {type: wait.signal, with: {name: go}}}
  output: {amount: '{{ steps.paid.data.amount }}'}
"""


@pytest.fixture
async def processes(postgres_url: str, tmp_path: Path, witness: Witness) -> AsyncIterator[Processes]:
    async with Processes(postgres_url, tmp_path, witness) as made:
        yield made


def waiting() -> Version:
    return FolderDefinitions(None, load_installed().catalogue).add(WAITING)


async def test_processes_share_the_runs_and_a_newcomer_gets_its_share(processes: Processes) -> None:
    (first,) = processes.start()
    first.wait_for("SHARDS", lambda count: count == 256)
    (second,) = processes.start()
    first.wait_for("SHARDS", lambda count: count == 128, within=4 * LEASE)
    second.wait_for("SHARDS", lambda count: count == 128, within=4 * LEASE)
    (third,) = processes.start()
    for each in (first, second, third):
        each.wait_for("SHARDS", lambda count: count in (85, 86, 84), within=4 * LEASE)
    assert third.end() == 0
    for each in (first, second):
        each.wait_for("SHARDS", lambda count: count == 128, within=4 * LEASE)


async def test_when_a_process_is_killed_under_load_the_other_ends_its_runs_once(
    processes: Processes, witness: Witness
) -> None:
    first, second = processes.start(2)
    for each in (first, second):
        each.wait_for("SHARDS", lambda count: count == 128)
    clients = [await first.client(), await second.client()]
    acknowledged: list[str] = []
    load = [
        asyncio.create_task(keep_starting(client, acknowledged, 10)) for client in clients for _ in range(4)
    ]
    await asyncio.to_thread(witness.wait_for, 40)
    killed = first.kill()
    taken = second.wait_for("SHARDS", lambda count: count == 256, within=10 * LEASE)
    await asyncio.gather(*load)
    runs = await processes.until_over(clients[1], count=len(acknowledged))
    assert 0 < taken - killed < 3 * LEASE
    assert any(lost_attempts(found) for found in runs), "the kill hit nothing that was under way"
    assert judge(runs, witness, acknowledged) == []


async def test_a_process_that_stood_still_writes_nothing_and_what_it_did_counts(
    processes: Processes, witness: Witness
) -> None:
    (sleeper,) = processes.start()
    client = await sleeper.client()
    witness.hold.clear()
    acknowledged: list[str] = []
    await keep_starting(client, acknowledged, 5)
    await asyncio.to_thread(witness.wait_for, 5)  # its attempts were seen, and are not answered yet
    sleeper.kill(signal.SIGSTOP)
    (other,) = processes.start()
    other.wait_for("SHARDS", lambda count: count == 256, within=10 * LEASE)
    witness.hold.set()
    await asyncio.sleep(LEASE)
    before = {found.row.run: len(found.facts) for found in await processes.read()}
    sleeper.kill(signal.SIGCONT)
    sleeper.wait_for("SHARDS", lambda count: count == 0)
    sleeper.wait_for("SHARDS", lambda count: count == 128, within=10 * LEASE)
    runs = await processes.until_over(await other.client(), count=5)
    assert set(before) == set(acknowledged)
    assert "fenced" in sleeper.log.read_text()
    assert judge(runs, witness, acknowledged) == []


@pytest.mark.parametrize(
    "count", [60, pytest.param(500, marks=pytest.mark.slow)], ids=["sixty", "five hundred"]
)
async def test_four_processes_adopt_each_orphan_once(
    processes: Processes, witness: Witness, count: int
) -> None:
    (first,) = processes.start()
    client = await first.client()
    witness.hold.clear()
    acknowledged: list[str] = []
    await asyncio.gather(*(keep_starting(client, acknowledged, count // 10) for _ in range(10)))
    await asyncio.to_thread(witness.wait_for, 50)  # as many as run at once
    first.end(signal.SIGKILL)
    witness.hold.set()
    others = processes.start(4)
    runs = await processes.until_over(await others[0].client(), count=count, within=120)
    lost = Counter(
        attempt for found in runs for attempt in [(found.row.run, *each) for each in lost_attempts(found)]
    )
    assert len(acknowledged) == count
    assert lost
    assert set(lost.values()) == {1}
    assert judge(runs, witness, acknowledged) == []


async def test_what_is_asked_of_the_wrong_process_is_done_by_the_right_one(processes: Processes) -> None:
    first, second = processes.start(2)
    for each in (first, second):
        each.wait_for("SHARDS", lambda count: count == 128)
    here, there = await first.client(), await second.client()
    run, doomed = await here.start(waiting()), await here.start(waiting())
    other = await here.start(waiting())
    following = asyncio.create_task(_kinds(there, run))
    began = time.monotonic()
    await there.signal(run, "go", data={"amount": 7})
    took = time.monotonic() - began
    ended = await there.wait(run)
    await there.cancel(doomed, reason="not wanted")
    with pytest.raises(UserError, match="asks a person"):
        await there.approve(other, "yes")
    with pytest.raises(UserError, match="is over"):
        await there.signal(run, "go")
    assert (ended.state, ended.output) == ("succeeded", {"amount": 7})
    assert (await there.wait(doomed)).state == "cancelled"
    assert (await following)[-1] == "RunFinished"
    assert took < 3


async def _kinds(client: EngineClient, run: str) -> list[str]:
    return [type(change.fact).__name__ async for change in client.subscribe(run)]


async def test_when_the_database_restarts_under_load_every_run_ends_once(
    tmp_path: Path, witness: Witness
) -> None:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    server = PostgresServer(programs)
    try:
        url = server.url(await asyncio.to_thread(migrated, server))
        async with Processes(url, tmp_path, witness) as processes:
            started = processes.start(2)
            clients = [await each.client() for each in started]
            acknowledged: list[str] = []
            load = [
                asyncio.create_task(keep_starting(client, acknowledged, 15))
                for client in clients
                for _ in range(3)
            ]
            for seen in (20, 60):
                await asyncio.to_thread(witness.wait_for, seen)
                await asyncio.to_thread(server.stop, "immediate")
                await asyncio.to_thread(server.start)
            await asyncio.gather(*load)
            runs = await processes.until_over(clients[0], count=len(acknowledged))
        assert len(acknowledged) >= 6
        assert judge(runs, witness, acknowledged) == []
    finally:
        server.remove()
