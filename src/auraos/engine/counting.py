"""What is counted of the runs of one workflow: which runs are meant, and what a store says of them without reading a journal."""

from collections.abc import Sequence

import msgspec

FOREVER = 2**62
"""A time after all others."""


class RunWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The numbered runs of a workflow that were asked for from `since` on and before `until`, in microseconds since 1970."""

    workspace: str = "default"
    workflow: str
    version: str = ""
    """The hash of the only version that is meant, or its beginning; all where it is empty."""
    since: int = 0
    until: int = FOREVER


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, in microseconds: half of all took `p50` or less, 95 of a hundred `p95` or less."""

    count: int
    p50: int
    p95: int
    p99: int


class RunsCounted(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one version, or of all versions together where `version` is empty."""

    version: str
    states: dict[str, int]
    """How many are in which state."""
    took: Spread | None = None
    """From the start to the end, of those that are over."""


def rank(count: int, percent: int) -> int:
    """Return the place, from 1, of what so many of a hundred are not above: the nearest rank."""
    return max(1, (count * percent + 99) // 100)


def spread_of(values: Sequence[int]) -> Spread | None:
    """Return how these values are spread; None where there are none."""
    if not values:
        return None
    placed, count = sorted(values), len(values)
    p50, p95, p99 = (placed[rank(count, percent) - 1] for percent in (50, 95, 99))
    return Spread(count=count, p50=p50, p95=p95, p99=p99)
