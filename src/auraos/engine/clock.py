"""Time and chance, as this machine has them."""

import os
import time

CHANCE = 2048


class SystemClock:
    """The clock of this machine, and ids made of it."""

    def __init__(self) -> None:
        self._last = 0
        self._chance = b""
        self._used = 0

    def now(self) -> int:
        """Return the wall time in microseconds since 1970."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def new_id(self) -> str:
        """Return a UUID, version 7; within this process each one sorts after those before it."""
        milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
        moment = max(milliseconds << 12 | (nanoseconds << 12) // 1_000_000, self._last + 1)
        self._last = moment
        return uuid7(moment >> 12, moment & 0xFFF, self._draw())

    def _draw(self) -> int:
        """Return 64 bits of chance; asking the system for many at once is cheaper than for each."""
        if self._used >= len(self._chance):
            self._chance, self._used = os.urandom(CHANCE), 0
        self._used += 8
        return int.from_bytes(self._chance[self._used - 8 : self._used], "big")


def uuid7(milliseconds: int, fraction: int, chance: int) -> str:
    """Return the UUID, version 7, of this millisecond, its 4,096th parts, and 62 bits of chance."""
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62
    text = f"{value | chance & (1 << 62) - 1:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
