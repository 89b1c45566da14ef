"""Fifty steps with an effect at once, and a join: durable runs a second, beside DBOS on SQLite where it was asked for.

make bench PEERS=1                   installs the peers into bench/.peers, and measures beside them
python -m bench.fan_out 300 10       one measurement of ours, ten runs at once, as a JSON line
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.processes import HERE, asked_for, best_in_turn, measured, rate_row, skipped_row
from bench.sample import Sample

PEERS = HERE / ".peers" / "bin" / "python"
AT_ONCE = 10
OURS, THEIRS = 300, 30
NAME = "fan-out of 50 effect steps and join, runs/s"
FAN_OUT = """
kind: workflow
name: fan-out
spec:
  steps:
    each:
      type: foreach
      with: {items: "{{ range(50) }}", parallel: 50}
      steps:
        one: {type: bench.effect, with: {n: "{{ item * 2 }}"}}
    join: {type: transform, with: {set: {sum: "{{ sum(one.n for one in steps.each) }}"}}}
  links: [each -> join]
  output: "{{ steps.join.sum }}"
"""


def rows() -> list[dict[str, Any]]:
    """Measure, and return the row of the promise."""
    if not asked_for("PEERS"):
        return [skipped_row(f"{NAME}, against DBOS on SQLite", "make bench PEERS=1")]
    peer = str(HERE / "dbos_fan_out.py")
    rates = best_in_turn(
        lambda: float(measured("-m", "bench.fan_out", str(OURS), str(AT_ONCE))["runs_per_s"]),
        lambda: float(measured(peer, str(THEIRS), str(AT_ONCE), python=PEERS)["runs_per_s"]),
    )
    return [rate_row(f"{NAME}, against DBOS on SQLite", rates, must=50.0)]


async def measure(runs: int, at_once: int) -> float:
    """Return durable runs a second in a new data folder."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Sample(Path(folder))
        version = await sample.open(FAN_OUT)
        first = await sample.engine.run(version)
        if first.output != sum(range(50)) * 2:
            message = f"the join gave {first.output}"
            raise RuntimeError(message)
        found = await sample.run_many(version, runs, at_once)
        await sample.close()
    return found


if __name__ == "__main__":
    print(json.dumps({"runs_per_s": asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2])))}))
