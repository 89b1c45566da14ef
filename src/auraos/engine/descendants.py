"""All that a process started, and what that started in turn, also where it has left its group: found, and ended together.

A process whose parent ends goes to the next ancestor that takes such processes in. One that has called `take_in_orphans`
therefore keeps below it whatever its work began, and nothing of it is out of sight.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_TAKE_IN = 36
"""PR_SET_CHILD_SUBREAPER of Linux."""
MOST_PASSES = 100


def take_in_orphans() -> None:
    """Become the parent of everything below this process whose own parent ends. Only Linux can do it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_TAKE_IN, 1, 0, 0, 0)


def end_tree(process: int) -> None:
    """End a process and all below it at once. They are stopped first, so that none of them starts another meanwhile."""
    _send(process, signal.SIGSTOP)
    stopped: set[int] = set()
    for _ in range(MOST_PASSES):
        fresh = set(_below(process)) - stopped
        if not fresh:
            break
        for each in fresh:
            _send(each, signal.SIGSTOP)
        stopped |= fresh
    for each in stopped:
        _send(each, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
    _send(process, signal.SIGKILL)


def end_children() -> None:
    """End all below this process, and return when they are gone."""
    for _ in range(MOST_PASSES):
        children = _children(os.getpid())  # those below them come up as they end
        if not children:
            return
        for each in children:
            _send(each, signal.SIGKILL)
        for each in children:
            with suppress(ChildProcessError):
                os.waitpid(each, 0)


def _below(process: int) -> list[int]:
    found: list[int] = []
    todo = [process]
    while todo:
        children = _children(todo.pop())
        found += children
        todo += children
    return found


def _children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it has ended, or this system does not tell
        for task in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def _send(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)
