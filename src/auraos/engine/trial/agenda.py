"""The agenda of a virtual clock: what happens at once, and what is due when. Its clock jumps to whatever is due next."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

from auraos.core.run import static_path

Sort: TypeAlias = Literal["result", "other"]


class Agenda:
    """What is to come. Of what is due at the same time, the results of steps come first: in the order that the case asks
    for, then, with a seed, by chance, else as they were put down."""

    def __init__(self, now: int, order: tuple[str, ...], seed: int | None) -> None:
        self.now = now
        self._chance = random.Random(seed) if seed is not None else None  # noqa: S311 (an order, no secret)
        self._ranks = {name: rank for rank, name in enumerate(order)}
        self._due: list[tuple[int, bool, int, float, int, Callable[[], None]]] = []
        self._at_once: deque[Callable[[], None]] = deque()
        self._timers: dict[tuple[str, str, str], int] = {}
        self._number = 0

    def soon(self, happen: Callable[[], None]) -> None:
        """Put down what happens next, without any time passing."""
        self._at_once.append(happen)

    def later(self, due: int, happen: Callable[[], None], *, path: str = "", sort: Sort = "other") -> None:
        """Put down what happens at this time, or now if the time has passed."""
        self._number += 1
        last = len(self._ranks)
        rank = self._ranks.get(path, self._ranks.get(static_path(path), last))
        chance = self._chance.random() if self._chance and sort == "result" else 0.0
        heapq.heappush(self._due, (max(due, self.now), sort != "result", rank, chance, self._number, happen))

    def start_timer(self, key: tuple[str, str, str], due: int, happen: Callable[[], None]) -> None:
        """Put down a timer that can be stopped; one started again under its key replaces the first."""
        number = self._timers[key] = self._number + 1

        def fire() -> None:
            if self._timers.get(key) == number:
                del self._timers[key]
                happen()

        self.later(due, fire)

    def stop_timer(self, key: tuple[str, str, str]) -> None:
        """Forget a timer."""
        self._timers.pop(key, None)

    def take_at_once(self) -> Callable[[], None] | None:
        """Take what happens before any time passes."""
        return self._at_once.popleft() if self._at_once else None

    def take_next(self) -> Callable[[], None] | None:
        """Let the clock jump to what is due next, and take it."""
        if not self._due:
            return None
        self.now, _, _, _, _, happen = heapq.heappop(self._due)
        return happen
