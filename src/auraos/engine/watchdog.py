"""A thread that watches the event loop: when something holds it up, it says what, and for how long."""

import logging
import sys
import threading
import traceback

from auraos.engine.pulse import Pulse

log = logging.getLogger("auraos.engine")
LONGEST = 2.0
FRAMES = 6
"""So many calls are named, from the innermost outwards."""


class Watchdog:
    """Watches one event loop. A loop that is held up serves nobody: no timer, no door, no other run."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._every = longest / 4
        self._pulse = Pulse(longest, every=self._every)
        self._loop_thread = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch the running loop, whose thread this is called on."""
        self._loop_thread = threading.get_ident()
        self._pulse.start()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()
        self._pulse.stop()

    def _watch(self) -> None:
        was_stuck = 0.0
        while not self._ended.wait(self._every):
            silence = self._pulse.silence
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
