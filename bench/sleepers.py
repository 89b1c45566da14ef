"""Runs that sleep: how fast many are put to bed and woken, and what memory they cost. Absolute figures of this machine.

python -m bench.sleepers naps 10000      one measurement, as a JSON line
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.filling import fill
from bench.processes import bounded_row, measured, memory_mb
from bench.sample import Sample

from auraos.engine.ports import RunQuery
from auraos.engine.process import settle

NAP = "kind: workflow\nname: nap\nspec:\n  steps:\n    s: {{type: wait.for, with: {{duration: {length}}}}}\n"
STUCK = "kind: workflow\nname: stuck\nspec:\n  steps:\n    s: {type: bench.hang}\n"
MEASURED = (
    # mode, how many, key of the figure, name of the row, unit's must, aim
    ("naps", 10_000, "seconds", "10,000 runs that sleep 5 s: seconds until all are done", 8.0, 6.0),
    ("naps", 10_000, "rss_mb", "10,000 runs that sleep 5 s: MB of memory", 150.0, 80.0),
    ("asleep", 200_000, "rss_mb", "200,000 sleeping runs: MB of memory", 250.0, 120.0),
    ("asleep", 200_000, "tick_ratio", "a look at the timers among 200,000 against among 200", 2.0, 1.5),
    ("due", 10_000, "seconds", "10,000 timers due at once: seconds until all have fired", 5.0, 5.0),
    (
        "due",
        10_000,
        "slowest_answer_ms",
        "10,000 timers due at once: slowest answer meanwhile, ms",
        100.0,
        100.0,
    ),
    (
        "unfinished",
        100_000,
        "seconds",
        "100,000 unfinished runs: seconds until the first one moves",
        3.0,
        1.0,
    ),
)


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for mode, count, *_ in MEASURED:
        if (mode, count) not in found:
            found[mode, count] = measured("-m", "bench.sleepers", mode, str(count))
    return [
        bounded_row(name, found[mode, count][key], must=must, aim=aim)
        for mode, count, key, name, must, aim in MEASURED
    ]


async def naps(folder: Path, count: int) -> dict[str, float]:
    """Start so many runs that sleep for five seconds, and wait for the end of all."""
    sample = Sample(folder)
    version = await sample.open(NAP.format(length="5s"))
    begun, cpu = time.perf_counter(), time.process_time()
    await _in_parallel(count, lambda _: sample.engine.start(version))
    started = time.perf_counter() - begun
    while await sample.store.runs(RunQuery(states=("queued", "running", "waiting"), limit=1)):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    took = time.perf_counter() - begun
    cpu = time.process_time() - cpu
    states = {row.state for row in await sample.store.runs(RunQuery(limit=1000))}
    await sample.close()
    if states != {"succeeded"}:
        message = f"not every run succeeded: {states}"
        raise RuntimeError(message)
    return {"seconds": took, "started_after": started, "rss_mb": memory_mb(field="VmHWM"), "cpu": cpu}


async def asleep(folder: Path, count: int) -> dict[str, float]:
    """Open a store in which so many runs sleep for an hour, and look at the timers."""
    fill(folder, 200, NAP.format(length="1h"), "waiting")
    few = await _looks(folder)
    fill(folder, count - 200, "", "waiting")
    many = await _looks(folder)
    return {"rss_mb": memory_mb(field="VmHWM"), "tick_ratio": many / few, "tick_ms": many * 1000}


async def due(folder: Path, count: int) -> dict[str, float]:
    """Open a store in which so many timers come due in the same instant, and ask it things until all have fired."""
    fill(folder, count - 1, NAP.format(length="6s"), "waiting")
    sample = Sample(folder)
    await sample.begin()
    settle()
    (timer, *_) = await sample.store.timers(2**62, range(256), limit=1) or [None]
    begun = max(time.time(), timer.due / 1e6) if timer is not None else time.time()
    slowest = 0.0
    while True:
        asked = time.perf_counter()
        left = await sample.store.runs(RunQuery(states=("waiting", "running"), limit=1))
        slowest = max(slowest, time.perf_counter() - asked)
        if not left:
            break
        await asyncio.sleep(0.005)
    took = time.time() - begun
    facts = sum(
        [len(await sample.engine.facts(row.run)) for row in await sample.store.runs(RunQuery(limit=200))]
    )
    await sample.close()
    return {
        "seconds": took,
        "slowest_answer_ms": slowest * 1000,
        "facts_of_200": facts,
        "rss_mb": memory_mb(field="VmHWM"),
    }


async def unfinished(folder: Path, count: int) -> dict[str, float]:
    """Open a store with so many runs in the middle of a step, and wait until one of them moves."""
    fill(folder, count - 1, STUCK, "running")
    begun = time.perf_counter()
    sample = Sample(folder)
    before = sample.store.writes
    opening = asyncio.create_task(sample.begin())
    while sample.store.writes == before:  # noqa: ASYNC110 (the writer counts)
        await asyncio.sleep(0.005)
    moved = time.perf_counter() - begun
    await opening
    opened = time.perf_counter() - begun
    await asyncio.sleep(2)
    result = {"seconds": moved, "opened_after": opened, "rss_mb": memory_mb(field="VmHWM")}
    await sample.close(0.0)
    return result


async def _looks(folder: Path) -> float:
    """Return the CPU seconds of one look at the timers, the median of many."""
    sample = Sample(folder)
    await sample.begin()
    took = []
    for _ in range(51):
        begun = time.process_time()
        await sample.engine._timers.look()  # noqa: SLF001 (the tick itself)
        took.append(time.process_time() - begun)
    await sample.close()
    return sorted(took)[25]


async def _in_parallel(count: int, start: Callable[[int], Awaitable[Any]], at_once: int = 200) -> None:
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await start(number)

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))


if __name__ == "__main__":
    measurement = {"naps": naps, "asleep": asleep, "due": due, "unfinished": unfinished}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as data:
        figures = asyncio.run(measurement(Path(data) / "data", int(sys.argv[2])))
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
