"""Timers that are far away, over already, or many at once (R20, R21), under a clock that is moved while the process runs."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from checker import check, read_folder
from clock_shim import MovedClock
from served import Caller, Served, until
from witness_process import WitnessProcess
from workflows import chain, put, version_of

from auraos.engine.ports import Version
from faults import needs

DAY = 86_400
WAITS = {
    "past": (datetime.now(UTC) - timedelta(days=3), 0),
    "over-31-bits-of-milliseconds": (datetime.now(UTC) + timedelta(milliseconds=2**31 + 1000), 25 * DAY),
    "in-400-days": (datetime.now(UTC) + timedelta(days=400), 401 * DAY),
}


@needs.compiler
def test_a_timer_fires_once_at_its_time_however_far_that_is(tmp_path: Path, outside: WitnessProcess) -> None:
    clock = MovedClock(tmp_path)
    server = Served(tmp_path, "--allow-net", outside.place, environment=clock.environment)
    steps = {
        "wait": {"type": "wait.until", "with": {"at": "{{ input.at }}"}},
        "a": put(outside.place, "{{ input.name }}"),
    }
    version = version_of("far", steps, chain("wait", "a"))

    async def start_all() -> None:
        async with Caller(server.data) as caller:
            for name, (at, _) in WAITS.items():
                given = {"at": at.isoformat(), "name": name}
                await caller.ask(
                    lambda client, one=given, n=name: client.start(version, input=one, run=f"r-{n}")
                )

    async def end_of(run: str) -> str:
        async with Caller(server.data) as caller:
            return (await caller.ask(lambda client: client.wait(run))).state

    try:
        server.start()
        asyncio.run(start_all())
        fired = []
        for name, (_, moved) in WAITS.items():
            assert outside.wait_for(1, name, seconds=0.3 if moved else 20) == (0 if moved else 1), (
                "not before its time"
            )
            server.kill()
            clock.move(moved)
            server.start()
            assert asyncio.run(end_of(f"r-{name}")) == "succeeded"
            fired.append(name)
        until(lambda: "retention.pruned" in server.log.read_text())
        assert server.stop() == 0
    finally:
        server.kill()
    assert list(dict.fromkeys(effect.name for effect in outside.ledger())) == fired == list(WAITS)
    kept = read_folder(server.data)
    assert list(kept.runs) == ["r-in-400-days"], (
        "the others ended more than a year ago, and their time is over"
    )
    assert check(kept, ledger=[e for e in outside.ledger() if e.name == "in-400-days"]) == []


async def start_some(caller: Caller, version: Version, runs: Sequence[str]) -> None:
    await asyncio.gather(
        *(caller.ask(lambda client, run=run: client.start(version, run=run)) for run in runs)
    )


async def start_together(caller: Caller, count: int, ahead: float) -> tuple[datetime, list[str]]:
    """Start runs whose timers come due at one instant, so many of them before it; return it and the runs.

    The instant is so many seconds ahead. Where a busy machine does not start them by then, other runs get a later one.
    """
    while True:
        at = datetime.now(UTC) + timedelta(seconds=ahead)
        steps = {"wait": {"type": "wait.until", "with": {"at": at.isoformat()}}, "done": {"type": "noop"}}
        version = version_of("together", steps, chain("wait", "done"))
        runs = [f"run-{ahead:.0f}-{number}" for number in range(count)]
        for first in range(0, count, 500):
            await start_some(caller, version, runs[first : first + 500])
        if datetime.now(UTC) < at:
            return at, runs
        ahead *= 3


def fire_together(server: Served, count: int, ahead: float) -> tuple[Counter[str], float, float]:
    """Let so many timers come due at one instant; return the facts, the greatest lateness, and the longest answer."""

    async def play() -> tuple[list[str], float, float]:
        longest = 0.0
        async with Caller(server.data) as caller:
            at, runs = await start_together(caller, count, ahead)
            while True:
                asked = time.monotonic()
                left = await caller.ask(lambda client: client.unfinished())
                longest = max(longest, time.monotonic() - asked)
                if left.awake + left.asleep == 0:
                    return runs, (datetime.now(UTC) - at).total_seconds(), longest
                await asyncio.sleep(0.1)

    server.start()
    runs, late, longest = asyncio.run(play())
    assert server.stop() == 0
    kept = read_folder(server.data)
    assert check(kept) == []
    fired = Counter(type(fact).__name__ for run in runs for fact in kept.runs[run].facts)
    return fired, late, longest


def test_a_thousand_timers_of_one_instant_all_fire_once(server: Served) -> None:
    fired, late, longest = fire_together(server, 1000, 4)
    assert fired["TimerFired"] == fired["RunFinished"] == 1000
    assert 0 < late < 20
    assert longest < 2


@pytest.mark.slow
def test_ten_thousand_timers_of_one_instant_all_fire_once(server: Served) -> None:
    fired, late, longest = fire_together(server, 10_000, 60)
    assert fired["TimerFired"] == fired["RunFinished"] == 10_000
    assert 0 < late < 60
    assert longest < 2
