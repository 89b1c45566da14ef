"""Figures that a process counts: how often something happened, how long it took, how much there is of it now.

Whoever counts pays for an addition, and takes no lock: a figure belongs to one thread. It is made a text only when somebody
asks. What is told apart by labels is bounded: beyond so many rows the rest is counted together, so no name that somebody
chooses can fill the memory of this process, or that of whoever collects the figures.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

MOST_ROWS = 1000
LONGEST_LABEL = 120
OTHERS = "(others)"
"""The label of what is counted together because there is too much of it."""
QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds, in seconds, for what takes milliseconds when all is well."""

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]


class Row(msgspec.Struct, frozen=True):
    """One value of a figure: what follows its name, its labels, and the value."""

    labels: tuple[tuple[str, str], ...]
    value: float
    suffix: str = ""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as it stands, with all that is told apart."""

    name: str
    """As in `auraos_runs_started_total`."""
    kind: Kind
    words: str
    rows: tuple[Row, ...]


Source: TypeAlias = Callable[[], Iterable[Figure]]
"""Says how some figures stand."""


class Figures:
    """All figures of a process, by those who know them."""

    def __init__(self) -> None:
        self._sources: list[Source] = []

    def add(self, *sources: Source) -> None:
        """Ask these too from now on."""
        self._sources += sources

    def now(self) -> Iterator[Figure]:
        """Yield how all figures stand."""
        for source in self._sources:
            yield from source()


class Tally:
    """Counts how often something happened."""

    __slots__ = ("_labels", "_most", "_name", "_rows", "_words")

    def __init__(self, name: str, words: str, *labels: str, most: int = MOST_ROWS) -> None:
        self._name = name
        self._words = words
        self._labels = labels
        self._most = most
        self._rows: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def add(self, *values: str, by: float = 1) -> None:
        """Count it once more for these labels."""
        rows = self._rows
        if values in rows:
            rows[values] += by
            return
        values = bounded(values, len(rows) < self._most)
        rows[values] = rows.get(values, 0) + by

    def figures(self) -> Iterator[Figure]:
        """Yield how it stands."""
        rows = tuple(
            Row(tuple(zip(self._labels, values, strict=True)), value) for values, value in self._rows.items()
        )
        yield Figure(name=self._name, kind="counter", words=self._words, rows=rows)


class Timing:
    """Counts how long something took, in steps that grow."""

    __slots__ = ("_bounds", "_labels", "_most", "_name", "_rows", "_sums", "_words")

    def __init__(
        self,
        name: str,
        words: str,
        *labels: str,
        bounds: Sequence[float] = QUICK,
        most: int = MOST_ROWS // 10,
    ) -> None:
        self._name = name
        self._words = words
        self._labels = labels
        self._bounds = tuple(bounds)
        self._most = most
        self._rows: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        if not labels:
            self._begin(())

    def note(self, seconds: float, *values: str) -> None:
        """Note that it took so long this time."""
        if values not in self._rows:
            values = bounded(values, len(self._rows) < self._most)
            if values not in self._rows:
                self._begin(values)
        self._rows[values][bisect_left(self._bounds, seconds)] += 1
        self._sums[values] += seconds

    def figures(self) -> Iterator[Figure]:
        """Yield how it stands."""
        rows = tuple(row for values in self._rows for row in self._rows_of(values))
        yield Figure(name=self._name, kind="histogram", words=self._words, rows=rows)

    def _begin(self, values: tuple[str, ...]) -> None:
        self._rows[values], self._sums[values] = [0] * (len(self._bounds) + 1), 0.0

    def _rows_of(self, values: tuple[str, ...]) -> Iterator[Row]:
        labels = tuple(zip(self._labels, values, strict=True))
        so_far = 0
        for bound, count in zip((*self._bounds, float("inf")), self._rows[values], strict=True):
            so_far += count
            yield Row((*labels, ("le", _bound(bound))), so_far, "_bucket")
        yield Row(labels, self._sums[values], "_sum")
        yield Row(labels, so_far, "_count")


def gauge(name: str, words: str, value: float, **labels: str) -> Figure:
    """Return how much there is of something now."""
    return gauges(name, words, [(labels, value)])


def gauges(name: str, words: str, values: Iterable[tuple[dict[str, str], float]]) -> Figure:
    """Return how much there is of something now, told apart by labels."""
    return Figure(name=name, kind="gauge", words=words, rows=_rows(values))


def counter(name: str, words: str, value: float) -> Figure:
    """Return how often something happened that somebody else counts."""
    return counters(name, words, [({}, value)])


def counters(name: str, words: str, values: Iterable[tuple[dict[str, str], float]]) -> Figure:
    """Return how often something happened that somebody else counts, told apart by labels."""
    return Figure(name=name, kind="counter", words=words, rows=_rows(values))


def _rows(values: Iterable[tuple[dict[str, str], float]]) -> tuple[Row, ...]:
    return tuple(Row(tuple(labels.items()), value) for labels, value in values)


def bounded(values: tuple[str, ...], has_room: bool) -> tuple[str, ...]:
    """Return labels no longer than they may be, or those of all others where there is no room for more rows."""
    if not has_room:
        return (OTHERS,) * len(values)
    return tuple(value[:LONGEST_LABEL] for value in values)


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else f"{bound:g}"
