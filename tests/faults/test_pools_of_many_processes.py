"""A pool that several processes share: never more at once than there is, whoever dies or stands still, and none left idle."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from engine_processes import LEASE, EngineProcess, Processes, keep_starting
from invariants import Found
from overlap_witness import OverlapWitness, most_at_once
from served import until
from six_steps import make_catalogue

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue
from auraos.engine.ports import Version

LIMIT = 3
TIMEOUT = 2
PATIENT = f"timeout: {TIMEOUT}s, retry: {{attempts: 50, first: 10ms, on: [unknown, timeout]}}"
SMALL = "pool: erp"
LARGE = f"resources: {{erp: {LIMIT}}}"


@pytest.fixture
def room() -> Iterator[OverlapWitness]:
    with OverlapWitness() as opened:
        yield opened


@pytest.fixture
async def processes(postgres_url: str, tmp_path: Path, room: OverlapWitness) -> AsyncIterator[Processes]:
    async with Processes(postgres_url, tmp_path, room) as made:
        yield made


def work(name: str = "work", takes: str = SMALL) -> Version:
    return workflow(name, f"{name}: {{type: test.idempotent, {takes}, {PATIENT}}}")


def workflow(name: str, *steps: str) -> Version:
    own = [each for each in make_catalogue(0).all() if each.name.startswith("test.")]
    catalogue = Catalogue([*load_installed().catalogue.all(), *own])
    lines = [f"kind: workflow\nname: {name}\nspec:\n  steps:", *(f"    {step}" for step in steps)]
    return FolderDefinitions(None, catalogue).add("\n".join(lines))


def is_stopped(pid: int) -> None:
    """Return once a process stands still."""
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")


async def start(
    process: EngineProcess, count: int, workflow: Version | None = None, at_once: int = 5
) -> list[str]:
    """Start so many runs at a process, several at once; return those that were acknowledged."""
    clients = [await process.client() for _ in range(at_once)]
    acknowledged: list[str] = []
    each = count // at_once
    await asyncio.gather(*(keep_starting(one, acknowledged, each, workflow or work()) for one in clients))
    return acknowledged


async def all_over(processes: Processes, asked: EngineProcess, count: int) -> list[Found]:
    runs = await processes.until_over(await asked.client(), count=count)
    assert {found.row.state for found in runs} == {"succeeded"}
    return runs


async def sharing(processes: Processes, count: int) -> list[EngineProcess]:
    started = processes.start(count, f"erp={LIMIT}")
    for each in started:
        each.wait_for("SHARDS", lambda shards: shards in range(256 // count - 1, 256 // count + 2))
    return started


@pytest.mark.parametrize("count", [2, 3])
async def test_all_processes_together_use_what_there_is_and_no_more(
    processes: Processes, room: OverlapWitness, count: int
) -> None:
    started = await sharing(processes, count)
    began = time.monotonic()
    acknowledged = await asyncio.gather(*(start(each, 60) for each in started))
    await all_over(processes, started[0], 60 * count)
    last = max(stay.went for stay in room.stays)
    assert sum(map(len, acknowledged)) == len(room.stays) == 60 * count
    assert room.most == LIMIT
    assert room.used(began, last) > 0.5 * LIMIT


async def test_the_units_that_one_does_not_use_are_another_ones_at_once(
    processes: Processes, room: OverlapWitness
) -> None:
    first, second, _ = await sharing(processes, 3)
    room.close_gate()
    for busy in (first, second):
        await start(busy, 10)
        await asyncio.to_thread(room.wait_for, there=LIMIT, within=LEASE)
        room.open_gate()
        await all_over(processes, first, 10)
        room.close_gate()
    assert room.most == LIMIT


async def test_when_a_holder_is_killed_its_units_are_another_ones_within_a_moment(
    processes: Processes, room: OverlapWitness
) -> None:
    first, second = await sharing(processes, 2)
    room.close_gate()
    acknowledged = await start(first, 10)
    await asyncio.to_thread(room.wait_for, there=LIMIT)
    acknowledged += await start(second, 10)
    assert room.most == LIMIT
    killed = first.kill()
    await asyncio.to_thread(room.wait_for, gone=LIMIT, there=LIMIT)
    took = time.monotonic() - killed
    room.open_gate()
    await all_over(processes, second, len(acknowledged))
    assert took < LEASE
    assert room.most == LIMIT
    assert len(room.keys()) == len(acknowledged)


async def test_however_often_a_process_is_killed_under_load_there_are_never_too_many(
    processes: Processes, room: OverlapWitness
) -> None:
    started = await sharing(processes, 3)
    loads = [asyncio.create_task(start(each, 50)) for each in started]
    for number in range(2):
        await asyncio.to_thread(room.wait_for, gone=15 * (number + 1))
        started[number].kill()
    acknowledged = [run for each in await asyncio.gather(*loads) for run in each]
    runs = await all_over(processes, started[2], len(acknowledged))
    assert {found.row.run for found in runs} >= set(acknowledged)
    assert room.most == LIMIT


async def test_the_units_of_one_that_stands_still_are_kept_until_its_steps_must_be_over(
    processes: Processes, room: OverlapWitness
) -> None:
    sleeper, other = await sharing(processes, 2)
    room.close_gate()
    await start(sleeper, 10)
    await asyncio.to_thread(room.wait_for, there=LIMIT)
    stopped = sleeper.kill(signal.SIGSTOP)
    await start(other, 5)
    other.wait_for("SHARDS", lambda shards: shards == 256, within=10 * LEASE)
    room.open_gate()  # what the sleeper had begun comes to its end, and nobody but the sleeper could tell
    await all_over(processes, other, 15)
    theirs = min(stay.came for stay in room.stays[LIMIT:])
    assert theirs - stopped > TIMEOUT
    assert theirs - stopped < TIMEOUT + 4 * LEASE
    sleeper.kill(signal.SIGCONT)
    sleeper.wait_for("SHARDS", lambda shards: shards == 128, within=10 * LEASE)
    await start(sleeper, 10)
    await all_over(processes, sleeper, 25)
    assert room.most == LIMIT


async def test_what_stood_in_line_in_one_that_stood_still_never_begins_when_it_wakes_up(
    processes: Processes, room: OverlapWitness
) -> None:
    """All three steps are granted in one commit, and the first one stops its process before the next one begins."""
    sleeper, other = await sharing(processes, 2)
    room.close_gate()
    client, pid = await sleeper.client(), sleeper.process.pid
    first = f"first: {{type: test.stop, {SMALL}, {PATIENT}, with: {{process: '{{{{ input.process }}}}'}}}}"
    then = [
        f"{name}: {{type: test.write, uncertain: retry, {SMALL}, {PATIENT}}}" for name in ("second", "third")
    ]
    starting = asyncio.create_task(client.start(workflow("stop", first, *then), input={"process": pid}))
    await asyncio.to_thread(is_stopped, pid)
    await start(other, 5)
    await asyncio.to_thread(room.wait_for, there=LIMIT)
    woken = sleeper.kill(signal.SIGCONT)
    sleeper.wait_for("SHARDS", lambda shards: shards == 128, within=10 * LEASE)
    assert room.now == LIMIT
    room.open_gate()
    runs = await all_over(processes, other, 6)
    assert await starting in {found.row.run for found in runs}
    assert min(stay.went for stay in room.stays) > woken
    assert (room.most, len(room.stays)) == (LIMIT, 7)


@pytest.mark.slow
async def test_one_that_stood_still_under_load_begins_nothing_when_it_wakes_up(
    processes: Processes, room: OverlapWitness
) -> None:
    sleeper, other = await sharing(processes, 2)
    room.lasts = 0.02
    count = 0
    still: list[tuple[float, float]] = []
    for _ in range(3):
        loads = [asyncio.create_task(start(each, 60)) for each in (sleeper, other)]
        await asyncio.to_thread(room.wait_for, gone=len(room.stays) + 20)
        stopped = sleeper.kill(signal.SIGSTOP)
        await asyncio.to_thread(other.wait_for, "SHARDS", lambda shards: shards == 256, within=10 * LEASE)
        room.close_gate()
        loads.append(asyncio.create_task(start(other, 20)))
        await asyncio.to_thread(room.wait_for, there=LIMIT)
        still.append((stopped, sleeper.kill(signal.SIGCONT)))
        room.open_gate()
        await asyncio.to_thread(sleeper.wait_for, "SHARDS", lambda shards: shards == 128, within=10 * LEASE)
        count += sum(map(len, await asyncio.gather(*loads)))
        await all_over(processes, other, count)
    on_their_way = [
        stay
        for stay in room.stays
        if any(stay.began < stopped and woke < stay.came for stopped, woke in still)
    ]
    others = [stay for stay in room.stays if stay not in on_their_way]
    assert len(on_their_way) <= LIMIT * len(still)
    assert most_at_once(others) == LIMIT


async def test_who_wants_all_of_a_pool_gets_it_though_others_want_little_all_the_time(
    processes: Processes, room: OverlapWitness
) -> None:
    first, second = await sharing(processes, 2)
    load = asyncio.create_task(start(first, 300))
    await asyncio.to_thread(room.wait_for, gone=10)
    client = await second.client()
    run = await client.start(work("large", LARGE), input=None)
    async with asyncio.timeout(20):
        ended = await client.wait(run)
    seen = len(room.stays)
    assert ended.state == "succeeded"
    assert seen < 300
    await load
    await all_over(processes, first, 301)


async def test_a_pool_of_one_goes_from_process_to_process(processes: Processes, room: OverlapWitness) -> None:
    started = processes.start(3, "erp=1")
    for each in started:
        each.wait_for("SHARDS", lambda shards: shards in (84, 85, 86))
    room.lasts = 0.02
    began = time.monotonic()
    await asyncio.gather(*(start(each, 60) for each in started))
    await all_over(processes, started[0], 180)
    assert room.most == 1
    assert room.used(began, max(stay.went for stay in room.stays)) > 0.4


async def test_of_different_limits_the_smallest_holds_for_all_and_the_others_say_so(
    processes: Processes, room: OverlapWitness
) -> None:
    (strict,) = processes.start(1, "erp=2")
    strict.wait_for("SHARDS", lambda shards: shards == 256)
    (generous,) = processes.start(1, "erp=5")
    generous.wait_for("SHARDS", lambda shards: shards == 128)
    await asyncio.gather(start(strict, 20), start(generous, 20))
    await all_over(processes, strict, 40)
    assert room.most == 2
    assert "pools.differ" in generous.log.read_text()
    assert "pools.differ" not in strict.log.read_text()
