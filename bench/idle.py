"""What `auraos serve` costs while nothing is to do, and how soon after its start it is ready. Absolute figures of this machine.

The time to ready runs from the moment the process is made to the first 200 of /health/ready, the best of three starts.
"""

import contextlib
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.processes import ROUNDS, bounded_row, memory_mb

SETTLES = 2.0
WATCHED = 20.0
PATIENCE = 30.0


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise."""
    readies: list[float] = []
    for _ in range(ROUNDS):
        with _serving() as (process, ready):
            readies.append(ready)
    with _serving() as (process, _):
        time.sleep(SETTLES)
        before = _cpu_seconds(process)
        time.sleep(WATCHED)
        busy = (_cpu_seconds(process) - before) / WATCHED * 100
        memory = memory_mb(process)
    best, middle = round(min(readies), 3), statistics.median(readies)
    return [
        bounded_row("auraos serve, idle: MB of memory", memory, must=110.0),
        bounded_row("auraos serve, idle: % of a core", round(busy, 3), must=0.5),
        bounded_row(
            f"auraos serve, seconds until it is ready (middle of three: {middle:.2f})", best, must=1.5
        ),
    ]


@contextlib.contextmanager
def _serving() -> Iterator[tuple[int, float]]:
    """Serve a new data folder in a process of its own; give its number, and the seconds until it was ready."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        command = [sys.executable, "-m", "auraos", "serve", "--data", f"{folder}/data", "--port", str(port)]
        environment = {**os.environ, "XDG_STATE_HOME": f"{folder}/state"}
        with (Path(folder) / "said").open("wb") as said:
            begun = time.perf_counter()
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            while not _is_ready(port):
                if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                    raise RuntimeError((Path(folder) / "said").read_text(encoding="utf-8"))
                time.sleep(0.005)
            yield process.pid, time.perf_counter() - begun
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _cpu_seconds(process: int) -> float:
    """Return how long the threads of a process have had a processor."""
    spent = [
        file.read_text(encoding="ascii").split()[0]
        for file in Path(f"/proc/{process}/task").glob("*/schedstat")
    ]
    return sum(map(int, spent)) / 1e9
