"""Lanes: on which level each link runs across between two layers, so that none lie on each other."""

import msgspec


class Stretch(msgspec.Struct, frozen=True):
    """A link's way to the next layer: down at `start`, across, down at `end`. Equal ends may share."""

    source: tuple[int, int]
    target: int
    start: int
    end: int

    @property
    def left(self) -> int:
        """Return where the way across begins, seen from the left."""
        return min(self.start, self.end)

    @property
    def right(self) -> int:
        """Return where the way across ends."""
        return max(self.start, self.end)


def share_lanes(stretches: list[Stretch]) -> list[int]:
    """Return the lane of each stretch, counted from the upper one (0)."""
    crossing = [at for at, stretch in enumerate(stretches) if stretch.start != stretch.end]
    above: dict[int, set[int]] = {at: set() for at in crossing}
    for one in crossing:
        for other in crossing:
            if one < other:
                _prefer(one, other, stretches, above)
    lanes = [0] * len(stretches)
    taken: list[list[Stretch]] = []
    for at in _in_order(crossing, above):
        lowest = max((lanes[upper] + 1 for upper in above[at]), default=0)
        lane = next(
            (
                level
                for level in range(lowest, len(taken))
                if not any(_collide(stretches[at], other) for other in taken[level])
            ),
            max(lowest, len(taken)),
        )
        while lane >= len(taken):
            taken.append([])
        taken[lane].append(stretches[at])
        lanes[at] = lane
    return lanes


def _prefer(one: int, other: int, stretches: list[Stretch], above: dict[int, set[int]]) -> None:
    """Note which of two stretches had better run above the other, if it matters."""
    first, second = stretches[one], stretches[other]
    if first.source == second.source or first.target == second.target:
        return
    cost_first_above, cost_second_above = _cost(first, second), _cost(second, first)
    if cost_first_above < cost_second_above:
        above[other].add(one)
    elif cost_second_above < cost_first_above:
        above[one].add(other)


def _cost(upper: Stretch, lower: Stretch) -> int:
    """Return how much the two disturb each other with `upper` above: a crossing 1, lying on each other 10."""
    cost = 10 if upper.end == lower.start else 0
    cost += upper.left < lower.start < upper.right
    cost += lower.left < upper.end < lower.right
    return cost


def _collide(one: Stretch, other: Stretch) -> bool:
    if one.source == other.source or one.target == other.target:
        return False
    return one.left <= other.right and other.left <= one.right


def _in_order(crossing: list[int], above: dict[int, set[int]]) -> list[int]:
    """Return the stretches so that those above come first; where wishes go in a circle, one is dropped."""
    order: list[int] = []
    waiting = list(crossing)
    while waiting:
        free = next((at for at in waiting if not above[at].intersection(waiting)), None)
        if free is None:
            free = min(waiting, key=lambda at: len(above[at].intersection(waiting)))
            above[free].difference_update(waiting)
        waiting.remove(free)
        order.append(free)
    return order
