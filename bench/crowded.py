"""Throughput in a store with many finished runs, beside that in an empty one: what was done must cost what is to do nothing.

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

FINISHED = 1_000_000 if FULL else 100_000


def rows() -> list[dict[str, Any]]:
    """Measure, and return the row of the promise."""
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "data"
        fill(full, FINISHED, chain_of("effect"))
        os.sync()  # what the filling left in memory must not be written while we measure
        rates = best_in_turn(lambda: rate("effect", str(full)), lambda: rate("effect"))
    more = "" if FULL else " (FULL=1: 1,000,000)"
    name = f"ten effect steps, runs/s, with {FINISHED:,} finished runs{more}, against an empty store"
    return [rate_row(name, rates, must=0.90)]
