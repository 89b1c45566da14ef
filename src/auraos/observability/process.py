"""What the system says of this process: memory, time of the processors, files and threads."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from auraos.observability.figures import Figure, counter, gauge

_STATUS = Path("/proc/self/statm")
_FILES = Path("/proc/self/fd")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_BEGAN = time.time()


def memory() -> int:
    """Return how many bytes of this process lie in memory; 0 where the system does not say."""
    try:
        return int(_STATUS.read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def process_figures() -> Iterator[Figure]:
    """Yield the figures of this process, under the names that all programs give them."""
    yield counter(
        "process_cpu_seconds_total",
        "Seconds of the processors that the process used.",
        time.process_time(),
    )
    yield gauge("process_resident_memory_bytes", "Bytes of the process that lie in memory.", memory())
    yield gauge(
        "process_start_time_seconds", "When the process began, in seconds since 1970.", round(_BEGAN, 3)
    )
    try:
        files = len(os.listdir(_FILES))  # noqa: PTH208 (only their number matters)
    except OSError:
        files = 0
    yield gauge("process_open_fds", "How many files and connections the process has open.", files)
    yield gauge("process_threads", "How many threads of Python the process has.", threading.active_count())
