"""A thread that watches the event loop: when something holds it up, it says what, and for how long."""

import asyncio
import logging
import sys
import threading
import time
import traceback

log = logging.getLogger("auraos.engine")
LONGEST = 2.0
FRAMES = 6
"""So many calls are named, from the innermost outwards."""


class Watchdog:
    """Watches one event loop. A loop that is held up serves nobody: no timer, no door, no other run."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._every = longest / 4
        self._heard = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._handle: asyncio.TimerHandle | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch the running loop, whose thread this is called on."""
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()
        if self._handle is not None:
            self._handle.cancel()

    @property
    def silence(self) -> float:
        """Return for how many seconds the loop has not come round."""
        return time.monotonic() - self._heard

    def _beat(self) -> None:
        self._heard = time.monotonic()
        if self._loop is not None:
            self._handle = self._loop.call_later(self._every, self._beat)

    def _watch(self) -> None:
        was_stuck = 0.0
        while not self._ended.wait(self._every):
            silence = self.silence
            if silence > self._longest and not was_stuck:
                log.error("loop.stuck", extra={"seconds": round(silence, 1), "where": self._where()})
            elif silence <= self._longest and was_stuck:
                log.warning("loop.free", extra={"seconds": round(was_stuck, 1)})
            was_stuck = silence if silence > self._longest else 0.0

    def _where(self) -> str:
        """Return what the loop's thread is doing, the innermost call first."""
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 (the one way to see another thread's stack)
        if frame is None:
            return ""
        calls = traceback.extract_stack(frame)[-FRAMES:]
        return " < ".join(f"{call.name} ({call.filename}:{call.lineno})" for call in reversed(calls))
