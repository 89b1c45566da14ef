"""Where the system gives a process no more threads: what needs one waits or fails in words, and nothing stands still."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from engine_house import House, flow

from auraos.engine import work
from auraos.engine.process import NoThreadsError, begun_threads
from auraos.engine.sandbox import Sandbox
from auraos.sdk import StepFailed

MUCH = 'rows: {type: transform, with: {set: {sum: "{{ sum(x for x in range(100000)) }}"}}}'


@pytest.fixture
def refuse_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what lets the system give so many more threads to the process, and then none."""
    start = threading.Thread.start

    def refuse(count: int) -> None:
        left = iter(range(count))

        def refusing(thread: threading.Thread) -> None:
            if next(left, None) is None:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refusing)

    return refuse


def test_threads_that_are_not_all_given_end_and_it_is_said(refuse_after: Callable[[int], None]) -> None:
    refuse_after(2)
    with pytest.raises(NoThreadsError, match="no more threads: can't start new thread"):
        begun_threads(3, "given-up")
    for thread in [each for each in threading.enumerate() if each.name.startswith("given-up")]:
        thread.join(10)
        assert not thread.is_alive()


async def test_a_large_evaluation_waits_for_a_thread_and_goes_on_when_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(work, "UNTIL_THREADS", 0.02)
    house = House(tmp_path / "data")
    await house.open()
    with monkeypatch.context() as only_here:
        asked = asyncio.Event()

        def refuse(count: int, name: str) -> None:
            asked.set()
            raise NoThreadsError(f"The system does not give {count} threads to {name}.")

        only_here.setattr(work, "begun_threads", refuse)
        run = await house.start(flow(MUCH))
        await asyncio.wait_for(asked.wait(), 20)
        assert "work.waits_for_thread" in caplog.text
        quick = await house.start(flow("n: {type: noop}", name="quick"))
        assert (await house.engine.wait(quick)).state == "succeeded"
    ended = await asyncio.wait_for(house.engine.wait(run), 20)
    assert (ended.state, ended.output) == ("succeeded", {"sum": 4999950000})
    await house.close()


async def test_code_without_a_thread_fails_so_that_it_is_tried_again(
    refuse_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox() as sandbox:
        refuse_after(1)
        with pytest.raises(StepFailed) as refused:
            await sandbox.run("1 + 1", {}, timeout=timedelta(seconds=5), memory=64_000_000)
        assert (refused.value.error_class, refused.value.error_code) == ("transient", "places-full")
        monkeypatch.undo()
        done = await sandbox.run("1 + 1", {}, timeout=timedelta(seconds=5), memory=64_000_000)
        assert done.output == 2
