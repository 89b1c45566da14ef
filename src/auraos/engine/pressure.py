"""How much waits for the store. While it is too much, doors take nothing new and steps begin nothing; it passes by itself."""

from collections.abc import Callable

from auraos.core.errors import OperationalError

MOST_BYTES = 64 * 1024 * 1024
LONGEST_WAIT = 2.0
RETRY_AFTER = 2


class StoreBusyError(OperationalError):
    """The store is behind: nothing of this was taken, and it may be tried again soon."""

    code = "store-busy"


class Pressure:
    """The writes that were sent off and not told of yet."""

    def __init__(self, monotonic: Callable[[], float], *, took: Callable[[float], None]) -> None:
        self.bytes = 0
        self._took = took
        self._monotonic = monotonic
        self._sent: dict[int, tuple[float, int]] = {}
        self._next = 0

    def send(self, size: int) -> int:
        """Count writes that are sent off together; return the number under which `arrive` ends that."""
        self._next += 1
        self._sent[self._next] = (self._monotonic(), size)
        self.bytes += size
        return self._next

    def arrive(self, number: int) -> None:
        """Count these writes no more: whatever became of them is known."""
        since, size = self._sent.pop(number)
        self.bytes -= size
        self._took(self._monotonic() - since)

    @property
    def oldest(self) -> float:
        """Return for how many seconds the oldest of them waits."""
        first = next(iter(self._sent.values()), None)
        return 0.0 if first is None else self._monotonic() - first[0]

    @property
    def is_high(self) -> bool:
        return self.bytes > MOST_BYTES or self.oldest > LONGEST_WAIT

    def refuse(self) -> None:
        """Raise `StoreBusyError` while it is high."""
        if self.is_high:
            raise StoreBusyError(
                f"The store is behind: {self.bytes:,} bytes wait for it, the oldest for {self.oldest:.1f} s.",
                hint=f"Try again in {RETRY_AFTER} s. If it stays so, see `auraos doctor`: the disk may be slow or full.",
            )
