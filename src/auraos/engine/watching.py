"""Who watches the runs of a workspace: each change of a run that became durable here is told, in order, and a few are remembered
for those who were cut off for a moment.
"""

import asyncio
from collections import deque
from typing import Final

from auraos.engine.ports import RunRow

REMEMBERED: Final = 4_000
"""So many changes are remembered."""
OVERLAP: Final = 2_000_000
"""So many microseconds of what came before are told again, for two runs may be told in another order than they changed."""
LONGEST_QUEUE: Final = 1_000
"""So many changes wait for one who watches; then they are forgotten together, and that is told."""


class Watch:
    """One who watches. What waits is bounded: who does not keep up is told that there is a gap, and looks anew."""

    def __init__(self) -> None:
        self._waiting: deque[RunRow] = deque()
        self._has_gap = False
        self._stirred = asyncio.Event()

    def tell(self, row: RunRow) -> None:
        """Let a change wait to be taken."""
        if len(self._waiting) >= LONGEST_QUEUE:
            self._waiting.clear()
            self._has_gap = True
        self._waiting.append(row)
        self._stirred.set()

    async def take(self, patience: float) -> tuple[list[RunRow], bool]:
        """Return the changes that wait, and whether some were forgotten before them; after so many seconds there are none."""
        try:
            async with asyncio.timeout(patience):
                await self._stirred.wait()
        except TimeoutError:
            return [], False
        self._stirred.clear()
        rows, had_gap = list(self._waiting), self._has_gap
        self._waiting.clear()
        self._has_gap = False
        return rows, had_gap


class Watching:
    """All who watch, and the last changes."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self._recent: deque[RunRow] = deque(maxlen=REMEMBERED)
        self._forgotten_until = 0
        """Changes up to then may have been forgotten."""

    def begin(self, now: int) -> None:
        """Say that nothing is remembered of what was before."""
        self._forgotten_until = now

    def tell(self, row: RunRow) -> None:
        """Tell a change that became durable; the parts of a long loop and trials are no runs to people."""
        if not row.number:
            return
        if len(self._recent) == REMEMBERED:
            self._forgotten_until = self._recent[0].changed_at
        self._recent.append(row)
        if self._watches:
            for watch in self._watches.get(row.workspace, ()):
                watch.tell(row)

    def since(self, workspace: str, moment: int) -> list[RunRow] | None:
        """Return the changes of a workspace since a time, and some before; None where some may be forgotten."""
        if moment <= self._forgotten_until:
            return None
        first = moment - OVERLAP
        return [row for row in self._recent if row.workspace == workspace and row.changed_at >= first]

    def enter(self, workspace: str) -> Watch:
        """Watch a workspace from now on."""
        watch = Watch()
        self._watches.setdefault(workspace, set()).add(watch)
        return watch

    def leave(self, workspace: str, watch: Watch) -> None:
        """Watch no more."""
        watches = self._watches.get(workspace, set())
        watches.discard(watch)
        if not watches:
            self._watches.pop(workspace, None)
