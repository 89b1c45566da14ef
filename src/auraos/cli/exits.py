"""The exit codes: what a script can rely on. One place says them; `--help` and the reference repeat it."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    WRONG_INPUT = 2
    UNFINISHED = 3
    WORLD_FAILED = 4
    BUG = 70
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.DONE: "done: the check found no error, the tests passed, the run succeeded",
    Exit.FAILED: "a check found errors, a test failed, files differ, or a run failed or was cancelled",
    Exit.WRONG_INPUT: "wrong input: an unknown option, a missing file, bad JSON; nothing was started",
    Exit.UNFINISHED: "the run is not finished: it waits, is paused, or goes on elsewhere",
    Exit.WORLD_FAILED: "the machine said no: a lock held by another process, a full disk, a broken store",
    Exit.BUG: "a mistake of AuraOS itself; please report it",
    Exit.INTERRUPTED: "stopped with Ctrl-C; a run that had begun is kept and can go on",
}
