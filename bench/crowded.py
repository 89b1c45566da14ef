"""Throughput in a store with many runs that are over, or asleep, beside that in an empty one: what was done, and what waits,
must cost what is to do nothing.

A hundred thousand finished runs of ten steps by default, a million with `make bench FULL=1`.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from bench.engine import rate
from bench.filling import fill
from bench.processes import FULL, best_in_turn, rate_row
from bench.sample import chain_of
from bench.sleepers import NAP

FINISHED = 1_000_000 if FULL else 100_000
ASLEEP = 100_000


def rows() -> list[dict[str, Any]]:
    """Measure, and return a row for each promise."""
    more = "" if FULL else " (FULL=1: 1,000,000)"
    return [
        _row(f"{FINISHED:,} finished runs{more}", FINISHED, chain_of("effect")),
        _row(f"{ASLEEP:,} sleeping runs", ASLEEP, NAP.format(length="1000h"), until="waiting"),
    ]


def _row(words: str, count: int, workflow: str, *, until: str = "") -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "data"
        fill(full, count, workflow, until)
        os.sync()  # what the filling left in memory must not be written while we measure
        rates = best_in_turn(lambda: rate("effect", str(full)), lambda: rate("effect"))
    return rate_row(f"ten effect steps, runs/s, with {words}, against an empty store", rates, must=0.90)
