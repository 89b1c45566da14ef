"""What the benchmarks share: each measurement is a process of its own, and our turns alternate with those of the yardstick."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROUNDS = 3


def asked_for(name: str) -> bool:
    """Return whether `make bench NAME=1` was called."""
    return os.environ.get(name, "0") not in ("", "0")


FULL = asked_for("FULL")
"""Measure with as many runs as the promises speak of, however long that takes."""


def measured(*command: str | Path, python: str | Path = sys.executable) -> dict[str, Any]:
    """Let a process measure, and return the figures of its last line."""
    done = subprocess.run(
        [python, *command], cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True, timeout=1800
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def best_in_turn(ours: Callable[[], float], yardstick: Callable[[], float]) -> tuple[float, float]:
    """Return the best of three rounds of each side, taken in turn, so that neighbours on the machine disturb both alike."""
    best_of_ours, best_of_the_other = 0.0, 0.0
    for _ in range(ROUNDS):
        best_of_ours = max(best_of_ours, ours())
        best_of_the_other = max(best_of_the_other, yardstick())
    return best_of_ours, best_of_the_other


def rate_row(
    name: str, rates: tuple[float, float], *, must: float, aim: float | None = None
) -> dict[str, Any]:
    """Return the row of two rates, ours and the yardstick's; `must` and `aim` bound the ratio from below."""
    ours, yardstick = rates
    ratio = ours / yardstick
    return {"name": name, "ours": round(ours, 1), "yardstick": round(yardstick, 1), "ratio": round(ratio, 3),
            "must": must, "aim": aim, "met": ratio >= must}  # fmt: skip


def bounded_row(name: str, ours: float, *, must: float, aim: float | None = None) -> dict[str, Any]:
    """Return the row of an absolute figure; `must` and `aim` bound it from above."""
    return {"name": name, "ours": ours, "must": must, "aim": aim, "met": ours <= must}


def skipped_row(name: str, why: str) -> dict[str, Any]:
    """Return the row of what was not measured, and why."""
    return {"name": f"{name} (skipped: {why})", "ours": None}


def memory_mb(process: int | str = "self", field: str = "VmRSS") -> float:
    """Return how much memory a process has now, in MB; `VmHWM` is the most that it ever had."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) / 1024, 1)
    message = f"The system does not tell {field} of process {process}."
    raise RuntimeError(message)
