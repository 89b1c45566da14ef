"""How long one run takes that has the engine to itself, beside as many bare syncs of the same disk.

python -m bench.alone 150      one measurement, as a JSON line
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.processes import measured
from bench.sample import STEPS, Sample, chain_of

PAGE = os.urandom(4096)
LENGTH = 100 * STEPS * len(PAGE)
WAYS = {"growing": "a file that grows", "same": "a file written in place"}
WARM = 50
TIMES = 150


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row for each way to sync: a file that grows, and one that is written again in its place."""
    found = measured("-m", "bench.alone", str(TIMES))
    return [_row(found["run_ms"], found[f"{way}_ms"], words) for way, words in WAYS.items()]


async def measure(folder: Path, times: int) -> dict[str, float]:
    """Return the middle time of a run, and of ten syncs of each kind between the runs, in milliseconds."""
    sample = Sample(folder)
    version = await sample.open(chain_of("effect"))
    await sample.run_many(version, WARM, at_once=1)
    took: dict[str, list[float]] = {"run": [], **{way: [] for way in WAYS}}
    with _file(folder / "growing", 0) as growing, _file(folder / "same", LENGTH) as same:
        for _ in range(times):
            begun = time.perf_counter()
            ended = await sample.engine.run(version, input={"n": 1})
            took["run"].append(time.perf_counter() - begun)
            assert ended.state == "succeeded"
            took["growing"].append(_ten_syncs(growing))
            took["same"].append(_ten_syncs(same))
            os.lseek(same, os.lseek(same, 0, os.SEEK_CUR) % LENGTH, os.SEEK_SET)
    await sample.close()
    return {f"{name}_ms": statistics.median(seconds) * 1000 for name, seconds in took.items()}


def _row(run: float, syncs: float, words: str) -> dict[str, Any]:
    name = f"one run alone, ten effect steps, p50 ms, against ten fsyncs of {words}"
    ratio = run / syncs
    return {"name": name, "ours": round(run, 2), "yardstick": round(syncs, 2), "ratio": round(ratio, 3),
            "must": 2.0, "aim": 1.2, "met": ratio <= 2.0}  # fmt: skip


@contextmanager
def _file(path: Path, length: int) -> Iterator[int]:
    """Open a file of this length, all of it on the disk."""
    path.write_bytes(PAGE * (length // len(PAGE)))
    file = os.open(path, os.O_WRONLY)
    os.fsync(file)
    yield file
    os.close(file)


def _ten_syncs(file: int) -> float:
    """Write ten pages, each durable before the next; return the seconds that it took."""
    begun = time.perf_counter()
    for _ in range(STEPS):
        os.write(file, PAGE)
        (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(file)
    return time.perf_counter() - begun


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data:
        print(json.dumps(asyncio.run(measure(Path(data) / "data", int(sys.argv[1])))))
