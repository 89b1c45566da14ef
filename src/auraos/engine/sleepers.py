"""Which of the runs that sleep stay in memory: the latest ones, up to a bound of bytes and of number."""

from collections import OrderedDict
from collections.abc import Callable

MOST = 2_000
MOST_BYTES = 32 * 1024 * 1024
BYTES_OF_A_RUN = 6_000
BYTES_OF_A_FACT = 300
"""What a run and each of its facts cost in memory, about."""


class Sleepers:
    """Runs that sleep, the one that fell asleep first foremost. `drop` lets go of one, unless it is awake by then."""

    def __init__(
        self, drop: Callable[[str], None], *, most: int = MOST, most_bytes: int = MOST_BYTES
    ) -> None:
        self._drop = drop
        self._most = most
        self._most_bytes = most_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._sizes)

    def put(self, run: str, facts: int, large: int = 0) -> None:
        """Keep a run that fell asleep: it has so many facts, and so many bytes of large values."""
        self.forget(run)
        size = BYTES_OF_A_RUN + facts * BYTES_OF_A_FACT + large
        self._sizes[run] = size
        self.bytes += size
        while self._sizes and (len(self._sizes) > self._most or self.bytes > self._most_bytes):
            first, size = self._sizes.popitem(last=False)
            self.bytes -= size
            self._drop(first)

    def forget(self, run: str) -> None:
        """Count a run no more: it moves, or is over."""
        self.bytes -= self._sizes.pop(run, 0)
