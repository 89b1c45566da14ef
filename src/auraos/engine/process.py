"""What a process that runs an engine sets once, before the first run."""

import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from auraos.core.errors import OperationalError


class NoThreadsError(OperationalError):
    """The system gives this process no more threads."""

    code = "no-threads"


def settle() -> None:
    """Set what the interpreter is to know of a process that serves for long.

    Each run makes and drops some hundred objects; with the usual thresholds a sixth of the time goes into looking at objects
    that live as long as the process, so what is there is not looked at again, and the rest less often. And a thread that was
    woken has the interpreter within two milliseconds in place of five: what the loop hands to the writing thread in the
    midst of a long turn is on its way to the disk before the turn is over.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.002)


def begun_threads(count: int, name: str) -> ThreadPoolExecutor:
    """Return an executor whose threads have all begun, so that it lacks none when the system gives no more of them; raise
    `NoThreadsError` when it gives none now.
    """
    executor = ThreadPoolExecutor(count, thread_name_prefix=name)
    all_begun = threading.Event()
    try:
        for _ in range(count):
            executor.submit(all_begun.wait)
    except RuntimeError as error:
        executor.shutdown(wait=False, cancel_futures=True)
        raise NoThreadsError(
            f"The system gives this process no more threads: {error}.",
            hint="Raise the limit of processes of its user, or of its container.",
        ) from error
    finally:
        all_begun.set()
    return executor
