"""Work beside the loop: a thread or a process that hangs, dies or fills its memory harms nobody else."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apart_functions as given
import pytest
from engine_house import House, flow

from auraos.core.catalogue import Catalogue
from auraos.core.errors import UnexpectedError
from auraos.core.failures import StepFailed, StepUnknown
from auraos.engine.places import PlacesFullError, Processes, Threads


@pytest.fixture(autouse=True)
def _modules_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    opened = Processes(at_once=2)
    yield opened
    await opened.close()


async def until(is_so: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def is_alive(number: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


async def test_a_function_in_a_thread_returns_or_raises_as_if_it_were_called() -> None:
    threads = Threads()
    assert await threads.run(lambda one, two: one + two, 1, 2) == 3
    with pytest.raises(KeyError, match="sku"):
        await threads.run(given.crash, None)
    threads.close()


async def test_threads_serve_again_and_no_more_than_allowed_run_at_once() -> None:
    threads, seen, now, most = Threads(at_once=3), set(), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            seen.add(threading.get_ident())
        time.sleep(0.02)
        with lock:
            now -= 1

    await asyncio.gather(*(threads.run(work) for _ in range(12)))
    assert most == 3
    assert len(seen) <= 4
    threads.close()


async def test_a_thread_that_hangs_is_left_behind_and_counted_until_it_returns() -> None:
    threads, release = Threads(at_once=1, most_left_behind=2), threading.Event()
    for _ in range(2):
        waiting = asyncio.create_task(threads.run(release.wait))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert threads.left_behind == 2
    with pytest.raises(PlacesFullError, match="2 threads hang"):
        await threads.run(time.sleep, 0)
    release.set()
    await until(lambda: threads.left_behind == 0)
    assert await threads.run(lambda: "again") == "again"
    threads.close()


async def test_a_thread_that_returned_just_before_its_caller_gave_up_is_not_counted() -> None:
    threads = Threads()
    returned = threads._returned

    def returned_and_given_up(*told: Any) -> None:
        returned(*told)
        calling.cancel()

    threads._returned = returned_and_given_up  # type: ignore[method-assign]  # the moment between the two
    calling = asyncio.create_task(threads.run(lambda: 1))
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert threads.left_behind == 0
    threads.close()


async def test_a_process_answers_with_values_and_is_used_again(processes: Processes) -> None:
    assert await processes.run(given.double, {"n": 21}) == 42
    first = await processes.run(given.name_of_process, None)
    assert first == await processes.run(given.name_of_process, None)
    assert first != os.getpid()


async def test_a_failure_in_a_process_keeps_its_words(processes: Processes) -> None:
    with pytest.raises(StepFailed, match="no such article") as told:
        await processes.run(given.fail, None)
    assert (told.value.error_class, told.value.error_code, told.value.hint) == (
        "data",
        "no-article",
        "Look it up.",
    )
    with pytest.raises(StepFailed, match="KeyError: 'sku'") as broke:
        await processes.run(given.crash, None)
    assert broke.value.error_class == "bug"
    with pytest.raises(StepFailed, match="SystemExit: 3"):
        await processes.run(given.leave, None)


async def test_a_process_that_fills_its_memory_or_dies_fails_alone(processes: Processes) -> None:
    with pytest.raises(StepFailed, match="out of memory"):
        await processes.run(given.fill_memory, None)
    with pytest.raises(StepUnknown, match="died"):
        await processes.run(given.die, None)
    assert await processes.run(given.double, {"n": 1}) == 2


async def test_what_a_function_prints_does_not_reach_the_answer(processes: Processes) -> None:
    assert await processes.run(given.print_much, None) == "done"


async def test_a_process_sees_no_secret(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAOS_SECRET_STOCK_API", "hush")
    assert await processes.run(given.secrets_seen, None) == []


async def test_a_process_that_hangs_dies_with_its_children_when_its_caller_gives_up(
    processes: Processes, tmp_path: Path
) -> None:
    numbers = tmp_path / "numbers"
    hanging = asyncio.create_task(processes.run(given.hang_with_a_child, str(numbers)))
    await until(lambda: numbers.exists() and len(numbers.read_text().split()) == 2)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    own, child = map(int, numbers.read_text().split())
    await until(lambda: not is_alive(own) and not is_alive(child))
    assert processes.killed == 1
    assert await processes.run(given.double, {"n": 4}) == 8


async def test_a_function_without_a_name_cannot_run_apart(processes: Processes) -> None:
    with pytest.raises(UnexpectedError, match="found by its name"):
        await processes.run(lambda value: value, None)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = House(tmp_path / "data")
    opened.catalogue = Catalogue([*opened.catalogue.all(), given.waits, given.reckons])
    opened.definitions = type(opened.definitions)(None, opened.catalogue)
    await opened.open()
    yield opened
    await opened.close()


async def test_steps_in_threads_and_processes_hold_up_nobody(house: House, tmp_path: Path) -> None:
    slow = await house.start(flow(f"wait: {{type: test.waits, with: {{file: {tmp_path / 'ended'}}}}}"))
    quick = await house.start(flow("n: {type: noop}", name="quick"))
    assert (await house.engine.wait(quick)).state == "succeeded"
    (tmp_path / "ended").touch()
    ended = await house.engine.wait(slow)
    assert (ended.state, ended.output) == ("succeeded", True), "the quick one ended while it waited"
    assert [line.message for line in await house.store.logs(slow)] == ["It waits."]


async def test_a_step_in_a_process_is_killed_when_its_time_is_up(house: House) -> None:
    run = await house.start(flow("slow: {type: test.reckons, with: {seconds: 300}, timeout: 1s}"))
    ended = await asyncio.wait_for(house.engine.wait(run), 30)
    assert ended.error is not None
    assert (ended.state, ended.error.code) == ("failed", "timeout")
    again = await house.engine.wait(await house.start(flow("quick: {type: test.reckons}", name="again")))
    assert (again.state, type(again.output)) == ("succeeded", int)
