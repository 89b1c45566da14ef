"""The log of a serving process: whoever logs is never held up, not even by itself."""

import subprocess
import sys

INTERRUPTED = """
import logging, signal
from auraos.cli.serving_logs import Logs

logs, log, heard = Logs("text", lambda value: value), logging.getLogger("auraos.test"), []
logs.open()

def hear(*_):
    heard.append(1)
    log.info("heard")

signal.signal(signal.SIGALRM, hear)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
while len(heard) < 1000:
    log.info("said")
signal.setitimer(signal.ITIMER_REAL, 0)
logs.close()
"""


def test_a_line_that_comes_amid_another_of_the_same_thread_holds_nothing_up() -> None:
    """So do lines of signals, and of what is told when an object is thrown away, whatever the thread was just doing."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert "auraos" not in done.stdout
    assert done.stderr.count("heard") > 100
