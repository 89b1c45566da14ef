"""The budget of an evaluation: a number of steps and a size of produced data. Loops and growing data are what it counts.

A loop pays for all its rounds before the first, by the length of what it walks over and the size of its body, so a round
itself counts nothing. Work without loops and with small results is bounded by the length of the source and pays nothing.
"""

from decimal import Decimal
from typing import Any

from auraos.core.expressions.errors import BudgetError, Site
from auraos.core.values import LONGEST_PLAIN, FileReference

DEFAULT_OPERATIONS = 200_000
DEFAULT_SIZE = 16_000_000
SMALL = 256
"""Results up to this many characters or items are not counted."""


class NeedsMeterError(Exception):
    """A result has grown and nobody counts: the evaluation begins again with a meter."""


class Meter:
    """Counts what evaluations spend; several may share one. A step is worth about a quarter of a microsecond."""

    __slots__ = ("_paid", "operations", "produced", "size", "spent")

    def __init__(self, operations: int = DEFAULT_OPERATIONS, size: int = DEFAULT_SIZE) -> None:
        self.operations = operations
        self.size = size
        self.spent = 0
        self.produced = 0
        self._paid: set[str] = set()

    def spend(self, steps: int, site: Site | None = None) -> None:
        """Take steps from the budget; raise `BudgetError` when it does not hold so many."""
        self.spent += steps
        if self.spent > self.operations:
            raise _located(
                BudgetError(
                    "too-many-steps",
                    f"This would take more than the {self.operations:,} steps an expression may take.",
                    hint="Work on fewer items at once, or do it in a step of its own.",
                ),
                site,
            )

    def spend_once(self, purpose: str, steps: int) -> None:
        """Take steps for something that is kept for the rest of the evaluation, such as a compiled pattern."""
        if purpose not in self._paid:
            self.spend(steps)
            self._paid.add(purpose)

    def grow(self, size: int, site: Site | None = None) -> None:
        """Take room for new data (a character counts 1, an item 8); raise `BudgetError` when there is not so much."""
        self.produced += size
        if self.produced > self.size:
            raise _located(
                BudgetError(
                    "too-much-data",
                    f"This would produce more than the {self.size:,} characters an expression may produce.",
                    hint="Make less at once, or keep it in a file.",
                ),
                site,
            )


def _located(error: BudgetError, site: Site | None) -> BudgetError:
    return error if site is None else error.place(site.source, site.start, site.end)


class Trial(Meter):
    """What counts where nobody gave a meter: enough for small data, and a call for a real meter beyond."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(operations=1000, size=SMALL)

    def spend(self, steps: int, site: Site | None = None) -> None:  # noqa: ARG002
        """Take steps; ask for a real meter when these are many."""
        self.spent += steps
        if self.spent > self.operations:
            raise NeedsMeterError

    def grow(self, size: int, site: Site | None = None) -> None:  # noqa: ARG002
        """Take room; ask for a real meter when this is much."""
        self.produced += size
        if self.produced > self.size:
            raise NeedsMeterError


def meter_of(scope: dict[str, Any]) -> Meter:
    """Return the meter of an evaluation, or one that calls for it when more than a little is asked."""
    return scope.get("$meter") or Trial()


def grow(scope: dict[str, Any], size: int, site: Site | None = None) -> None:
    """Take room for a large result from the meter in the scope."""
    meter_of(scope).grow(size, site)


def measure(value: Any, meter: Meter, site: Site | None = None) -> int:
    """Return how large a value is once written out, and charge for walking it; shared parts count each time."""
    total = 0
    steps = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is str:
            total += len(item) + 2
        elif kind is list:
            total += 8 * len(item) + 2
            steps += len(item)
            waiting.extend(item)
        elif kind is dict:
            total += 16 * len(item) + 2
            steps += len(item)
            waiting.extend(item.values())
        elif kind is Decimal:
            total += len(str(item)) + min(abs(item.adjusted()), LONGEST_PLAIN)
        else:
            total += 64 if kind is FileReference else 8
        if total > meter.size:
            meter.grow(total, site)
        if steps > 1000:
            meter.spend(steps // 2, site)
            steps = 0
    return total
