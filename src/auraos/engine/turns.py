"""Whose turn is next among those who want the same: by priority, then workspace by workspace, then by age.

Who waits long rises in priority, so nobody waits for ever; and no workspace takes all turns by asking for many. A turn
costs the same however many wait.
"""

from collections import deque

from auraos.engine.line import Line

HIGHEST = 9
PATIENCE = 60.0
"""After so many seconds whoever waits rises by one step of priority."""
RAISED_AT_ONCE = 64
"""So many rise in one turn, so that no turn is long."""


class Waiting:
    """An activation that waits for its slot."""

    __slots__ = ("has_left", "level", "line", "order", "path", "run", "workspace")

    def __init__(self, order: int, run: str, path: str, line: str, workspace: str, level: int) -> None:
        self.order = order
        """Counts all who ever waited: whose is smaller has waited longer."""
        self.run = run
        self.path = path
        self.line = line
        self.workspace = workspace
        self.level = level
        """Its priority, and what it has risen since."""
        self.has_left = False


class Level:
    """Those of one priority: a line for each workspace, and whose workspace is next."""

    __slots__ = ("count", "entered", "lines", "turns")

    def __init__(self) -> None:
        self.count = 0
        self.lines: dict[str, Line[int]] = {}
        self.turns: deque[str] = deque()
        self.entered: deque[tuple[float, Waiting]] = deque()
        """In the order in which they came to this priority, for those who rise from it."""

    def add(self, waiting: Waiting, now: float) -> None:
        """Let somebody wait here."""
        line = self.lines.get(waiting.workspace)
        if line is None:
            line = self.lines[waiting.workspace] = Line()
            self.turns.append(waiting.workspace)
        line.add(waiting.order)
        self.count += 1
        self.entered.append((now, waiting))

    @property
    def first(self) -> int:
        """Return who is next, by the order in which it came."""
        return self.lines[self.turns[0]].first

    def pop(self) -> int:
        """Take out who is next; then it is the next workspace's turn."""
        workspace = self.turns.popleft()
        line = self.lines[workspace]
        order = line.pop()
        self.count -= 1
        if line:
            self.turns.append(workspace)
        else:
            del self.lines[workspace]
        return order

    def remove(self, waiting: Waiting) -> None:
        """Take somebody out of the middle."""
        line = self.lines.get(waiting.workspace)
        if line is None or not line.remove(waiting.order):
            return
        self.count -= 1
        if not line:
            del self.lines[waiting.workspace]
            self.turns.remove(waiting.workspace)

    def ahead(self, waiting: Waiting) -> int:
        """Return how many of this priority have their turn before this one, if nobody else comes."""
        rounds = self.lines[waiting.workspace].place(waiting.order)
        own_turn = self.turns.index(waiting.workspace)
        return rounds + sum(
            min(len(self.lines[workspace]), rounds + (place < own_turn))
            for place, workspace in enumerate(self.turns)
            if place != own_turn
        )


class Queue:
    """All who want the same."""

    __slots__ = ("levels", "waiting")

    def __init__(self) -> None:
        self.levels = [Level() for _ in range(HIGHEST + 1)]
        self.waiting: dict[int, Waiting] = {}

    def __len__(self) -> int:
        return len(self.waiting)

    def add(self, waiting: Waiting, now: float) -> None:
        """Let somebody wait."""
        self.waiting[waiting.order] = waiting
        self.levels[waiting.level].add(waiting, now)

    @property
    def first(self) -> Waiting:
        """Return whose turn is next."""
        return self.waiting[self._top.first]

    def pop(self) -> Waiting:
        """Take out whose turn it is."""
        waiting = self.waiting.pop(self._top.pop())
        waiting.has_left = True
        return waiting

    def remove(self, waiting: Waiting) -> None:
        """Take somebody out who wants nothing any more."""
        if self.waiting.pop(waiting.order, None) is not None:
            waiting.has_left = True
            self.levels[waiting.level].remove(waiting)

    def ahead(self, waiting: Waiting) -> int:
        """Return how many have their turn before this one, if nobody else comes."""
        above = sum(level.count for level in self.levels[waiting.level + 1 :])
        return above + self.levels[waiting.level].ahead(waiting)

    def rise(self, now: float) -> None:
        """Let those rise who have waited long at their priority."""
        for place in range(HIGHEST - 1, -1, -1):
            level = self.levels[place]
            for _ in range(RAISED_AT_ONCE):
                if not level.entered or level.entered[0][0] + PATIENCE > now:
                    break
                _, waiting = level.entered.popleft()
                if waiting.has_left:
                    continue
                level.remove(waiting)
                waiting.level = place + 1
                self.levels[place + 1].add(waiting, now)

    @property
    def _top(self) -> Level:
        return next(level for level in reversed(self.levels) if level.count)
