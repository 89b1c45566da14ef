"""What is certain about the steps of one scope before anything runs: which can fire, and what has run when one does.

Sets of steps are bits of whole numbers, so that two thousand steps cost milliseconds. What the sets cannot answer (branches
that meet again) is answered by trying the ways a run can take, up to a bound; beyond it the benefit of the doubt is given.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from auraos.core.workflow import Scope, Step

MOST_VISITS = 200_000
MOST_WAYS = 600
MOST_NECKS = 20


class Arrow(NamedTuple):
    """A link between steps that both exist, by their numbers; `number` is its place among the scope's links."""

    source: int
    port: str
    target: int
    number: int


class Choice(NamedTuple):
    """One way a step can end: the ports that are live, and whether it has an output."""

    ports: frozenset[str]
    succeeds: bool = True


class Flow:
    """The steps and links of a scope, by number, with what is known of them."""

    def __init__(self, scope: Scope, ways_to_end: Callable[[Step, frozenset[str]], list[Choice]]) -> None:
        self.scope = scope
        order, self.stuck_ids = _sort(scope)
        self.steps = [scope.steps[name] for name in order]
        self.number = {name: number for number, name in enumerate(order)}
        """Steps are numbered so that links lead to higher numbers, the steps of cycles and those behind them last."""
        self.arrows = [
            Arrow(self.number[link.source], link.port, self.number[link.target], index)
            for index, link in enumerate(scope.links)
            if link.source in self.number and link.target in self.number
        ]
        self.into: list[list[Arrow]] = [[] for _ in self.steps]
        self.out_of: list[list[Arrow]] = [[] for _ in self.steps]
        for arrow in self.arrows:
            self.into[arrow.target].append(arrow)
            self.out_of[arrow.source].append(arrow)
        self.choices = [
            ways_to_end(step, frozenset(arrow.port for arrow in self.out_of[number]))
            for number, step in enumerate(self.steps)
        ]
        self.stuck = self._knots()
        self.order = range(len(self.steps) - len(self.stuck_ids))
        count = len(self.steps)
        self.before = [0] * count
        self.succeeded = [0] * count
        self.decided = [0] * count
        self._decided_anyway = [0] * count
        self.can_fire = [False] * count
        self._visits_left = MOST_VISITS
        for number in self.order:
            self._learn(number)
        self.always = self._find_always()

    def needed(self, number: int) -> int:
        """Return how many live links a step needs to fire; one that collects fires once all are decided, with none too."""
        join = self.steps[number].join
        return join if isinstance(join, int) else 0 if join == "collect" else 1

    def cycles(self) -> Iterator[list[Arrow]]:
        """Yield the links of one cycle for each knot of steps that wait for one another."""
        seen: set[int] = set()
        for start in sorted(self.stuck):
            if start in seen:
                continue
            trail: dict[int, Arrow] = {}
            at = start
            while at not in trail and at not in seen:
                arrow = next(arrow for arrow in self.into[at] if arrow.source in self.stuck)
                trail[at] = arrow
                at = arrow.source
            seen |= trail.keys()
            if at in trail:
                cycle = [trail[at]]
                while cycle[-1].source != at:
                    cycle.append(trail[cycle[-1].source])
                yield list(reversed(cycle))

    def is_before(self, earlier: int, later: int) -> bool:
        """Return whether a chain of links leads from one step to the other."""
        return bool(self.before[later] >> earlier & 1)

    def find_ways(self, read: int, reader: int) -> "tuple[bool, dict[int, Choice] | None]":
        """Return whether the step can have an output when the reader fires, and a way in which it has none then."""
        if self.succeeded[reader] >> read & 1 or self.always >> read & 1:
            return True, None
        with_output, without = False, None
        sure = self.succeeded[reader] & (self.succeeded[read] | 1 << read)
        for way in self._ways(1 << read | self.before[read] | 1 << reader | self.before[reader], sure):
            if reader not in way:
                continue
            if read in way and way[read].succeeds:
                with_output = True
            elif without is None:
                without = way
            if with_output and without is not None:
                break
        return with_output or self._is_exhausted or without is None, without

    def ever_together(self, read: int, reader: int) -> bool:
        """Return whether some way of a run has both steps fire, as far as could be tried."""
        wanted = 1 << read | self.before[read] | 1 << reader | self.before[reader]
        tried = 0
        for way in self._ways(wanted):
            tried += 1
            if reader in way and read in way:
                return True
        return tried == 0 or self._is_exhausted

    def can_ever_fire(self, number: int) -> bool:
        """Return whether some way of a run lets a step fire, as far as could be tried."""
        if self.needed(number) == 1 or not self.into[number]:
            return self.can_fire[number]
        if any(number in way for way in self._ways(1 << number | self.before[number])):
            return True
        return self._is_exhausted

    def _knots(self) -> set[int]:
        """Return the steps of cycles, without those that merely follow one."""
        knots = {self.number[name] for name in self.stuck_ids}
        changed = True
        while changed:
            ends = {
                number for number in knots if not any(arrow.target in knots for arrow in self.out_of[number])
            }
            knots -= ends
            changed = bool(ends)
        return knots

    def _learn(self, number: int) -> None:
        """Work out a step from those before it, all of which are known already."""
        arrows = self.into[number]
        if not arrows:
            self.can_fire[number] = True
            return
        self.before[number] = _union(self.before[arrow.source] | 1 << arrow.source for arrow in arrows)
        needed = self.needed(number)
        live = [arrow for arrow in arrows if self.may_be_live(arrow)]
        self.can_fire[number] = len(live) >= needed
        self.succeeded[number] = _in_all_but(
            [self.succeeded[arrow.source] | (arrow.port != "error") << arrow.source for arrow in live], needed
        )
        anyway = [self._decided_anyway[arrow.source] | 1 << arrow.source for arrow in arrows]
        if self.steps[number].join in ("all", "collect"):
            self.decided[number] = self._decided_anyway[number] = _union(anyway)
            return
        fired = _in_all_but([self.decided[arrow.source] | 1 << arrow.source for arrow in live], needed)
        skipped = _in_all_but(anyway, max(1, len(arrows) - needed + 1))
        self.decided[number] = fired
        self._decided_anyway[number] = fired & skipped

    def may_be_live(self, arrow: Arrow) -> bool:
        """Return whether a link can carry a live token at all."""
        return self.can_fire[arrow.source] and any(
            arrow.port in choice.ports for choice in self.choices[arrow.source]
        )

    def _find_always(self) -> int:
        """Return the steps that succeed in every run of the scope that does not fail."""
        fires = [False] * len(self.steps)
        always = 0
        for number in self.order:
            sure = sum(1 for arrow in self.into[number] if fires[arrow.source] and self._is_sure(arrow))
            fires[number] = not self.into[number] or sure >= self.needed(number)
            choices = self.choices[number]
            if fires[number] and choices and all(choice.succeeds for choice in choices):
                always |= 1 << number
        return always

    def _is_sure(self, arrow: Arrow) -> bool:
        choices = self.choices[arrow.source]
        return bool(choices) and all(arrow.port in choice.ports for choice in choices)

    def _ways(self, wanted: int, sure: int = 0) -> "Iterator[dict[int, Choice]]":
        """Yield the ways that a run can take through these steps: for each step that fired, how it ended.

        The way of all first choices comes first, then those that differ from it in one choice, then in two, and so on.
        Where all ways lead through one of the steps that are `sure`, what comes before it makes no difference and is left out.
        """
        self._is_exhausted = False
        start = self._find_neck(wanted, sure)
        if start >= 0:
            wanted &= ~(self.before[start] | 1 << start)
        chain = [number for number in self.order if wanted >> number & 1]
        if start >= 0:
            chain.insert(0, start)
        planned: deque[dict[int, int]] = deque([{}])
        count = 1
        while planned:
            changes = planned.popleft()
            way = self._take(chain, changes, start)
            if self._visits_left < 0:
                self._is_exhausted = True
                return
            if way is None:
                continue
            fired, is_whole = way
            latest = max((place for place, number in enumerate(chain) if number in changes), default=-1)
            for number in chain[latest + 1 :]:
                for choice in range(1, len(self.choices[number]) if number in fired else 0):
                    if count < MOST_WAYS:
                        planned.append({**changes, number: choice})
                        count += 1
                    else:
                        self._is_exhausted = True
            if is_whole:
                yield fired

    def _find_neck(self, wanted: int, sure: int) -> int:
        """Return the latest sure step that is the only way from what comes before it to what comes after; -1 for none."""
        for _ in range(MOST_NECKS):
            neck = sure.bit_length() - 1
            if neck < 0:
                return -1
            before = self.before[neck]
            after = wanted & ~(before | 1 << neck)
            if not any(
                before >> arrow.source & 1 for number in _members(after) for arrow in self.into[number]
            ):
                return neck
            sure &= ~(1 << neck)
        return -1

    def _take(
        self, chain: list[int], changes: Mapping[int, int], start: int
    ) -> tuple[dict[int, Choice], bool] | None:
        """Return how the steps of one way ended, and whether it goes to the end; None where a change has no place in it."""
        way: dict[int, Choice] = {}
        for number in chain:
            self._visits_left -= 1 + len(self.into[number])
            if number != start and not self._fires(number, way):
                if number in changes:
                    return None
                continue
            choices = self.choices[number]
            if not choices:
                return way, False
            way[number] = choices[changes.get(number, 0)]
        return way, True

    _is_exhausted = False

    def _fires(self, number: int, way: Mapping[int, Choice]) -> bool:
        arrows = self.into[number]
        if not arrows:
            return True
        live = sum(1 for arrow in arrows if arrow.source in way and arrow.port in way[arrow.source].ports)
        return live >= self.needed(number)


def _sort(scope: Scope) -> tuple[list[str], list[str]]:
    """Return the steps in an order in which links lead forward, and those (at its end) for which there is no such order."""
    follows: dict[str, list[str]] = {name: [] for name in scope.steps}
    waiting = dict.fromkeys(scope.steps, 0)
    for link in scope.links:
        if link.source in follows and link.target in follows:
            follows[link.source].append(link.target)
            waiting[link.target] += 1
    order = [name for name, count in waiting.items() if not count]
    for name in order:
        for target in follows[name]:
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)
    known = set(order)
    stuck = [name for name in scope.steps if name not in known]
    return [*order, *stuck], stuck


def _members(numbers: int) -> Iterator[int]:
    while numbers:
        lowest = numbers & -numbers
        yield lowest.bit_length() - 1
        numbers ^= lowest


def subsets(names: tuple[str, ...]) -> Iterator[frozenset[str]]:
    """Yield every choice of at least one name, for up to four; else each alone and all together."""
    if len(names) > 4:
        yield from (frozenset({name}) for name in names)
        yield frozenset(names)
        return
    for size in range(1, len(names) + 1):
        yield from (frozenset(chosen) for chosen in combinations(names, size))


def _union(sets: Iterator[int] | list[int]) -> int:
    united = 0
    for one in sets:
        united |= one
    return united


def _in_all_but(sets: list[int], live: int) -> int:
    """Return what is certain when `live` of these links are live, whichever they are: what at most live - 1 of them lack."""
    if not live:
        return 0
    most = len(sets) - live + 1
    if most < 1:
        return _union(sets)
    at_least = [0] * (most + 1)  # at_least[n]: in at least n of the sets so far
    at_least[0] = -1
    for one in sets:
        for count in range(most, 0, -1):
            at_least[count] |= at_least[count - 1] & one
    return at_least[most]
