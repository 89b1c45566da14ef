"""Somebody at a terminal who types what they are asked for, and sees what a person would see there."""

import os
import pty
import subprocess
import time
from typing import Any


def typed(auraos: Any, *words: str, answers: list[tuple[str, str]]) -> tuple[int, str, str]:
    """Run a command on a terminal of its own. Each answer is typed once its question stands there. Return the exit code, what
    stands on the terminal at the end, and what was printed on standard output.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [auraos.binary, *words], cwd=auraos.folder, env={**auraos.environment, "NO_COLOR": "1"},
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown, left, last = "", list(answers), time.monotonic() + 60
    try:
        while piece := os.read(ours, 65536):
            shown += piece.decode()
            if left and left[0][0] in shown.rpartition("\n")[2]:
                os.write(ours, f"{left.pop(0)[1]}\n".encode())
            assert time.monotonic() < last, shown
    except OSError:  # the other side hung up
        pass
    os.close(ours)
    printed, _ = process.communicate(timeout=30)
    assert left == [], shown
    return process.returncode, shown, printed.decode()
