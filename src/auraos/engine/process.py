"""What a process that runs an engine sets once, before the first run."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor


def settle_memory() -> None:
    """Keep the garbage collector from walking what stays for ever, and let it walk the rest less often.

    Each run makes and drops some hundred objects; with the usual thresholds a sixth of the time goes into looking at
    objects that live as long as the process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def begun_threads(count: int, name: str) -> ThreadPoolExecutor:
    """Return an executor whose threads have all begun, so that it lacks none when the system gives no more of them."""
    executor = ThreadPoolExecutor(count, thread_name_prefix=name)
    all_begun = threading.Event()
    for _ in range(count):
        executor.submit(all_begun.wait)
    all_begun.set()
    return executor
