"""Time and chance, as this machine has them."""

import os
import struct
import time

CHANCE = 256
"""So many times 64 bits are drawn at once."""


class SystemClock:
    """The clock of this machine, and ids made of it."""

    def __init__(self) -> None:
        self._last = 0
        self._chance: list[int] = []

    def now(self) -> int:
        """Return the wall time in microseconds since 1970."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def new_id(self) -> str:
        """Return a UUID, version 7; within this process each one sorts after those before it."""
        moment = (time.time_ns() << 12) // 1_000_000
        if moment <= self._last:
            moment = self._last + 1
        self._last = moment
        if not self._chance:  # asking the system for many at once is cheaper than for each
            self._chance.extend(struct.unpack(f"{CHANCE}Q", os.urandom(8 * CHANCE)))
        return uuid7(moment >> 12, moment & 0xFFF, self._chance.pop())


def uuid7(milliseconds: int, fraction: int, chance: int) -> str:
    """Return the UUID, version 7, of this millisecond, its 4,096th parts, and 62 bits of chance."""
    text = f"{milliseconds & 0xFFFFFFFFFFFF:012x}"
    rest = f"{chance & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000:x}"
    return f"{text[:8]}-{text[8:]}-{fraction | 0x7000:x}-{rest[:4]}-{rest[4:]}"
