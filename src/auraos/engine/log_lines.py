"""Lines that steps of many runs logged: which runs are looked at, and where somebody who reads on goes on."""

import msgspec

from auraos.engine.counting import FOREVER
from auraos.engine.ports import LogLine, RunRow


class RunStretch(msgspec.Struct, frozen=True, kw_only=True):
    """The numbered runs of a workspace between two numbers, neither of which is meant, in their order or against it."""

    workspace: str = "default"
    workflow: str = ""
    since: int = 0
    """Without those that ended before."""
    until: int = FOREVER
    """Without those that began then or later."""
    above: int = 0
    below: int = FOREVER
    oldest_first: bool = False
    limit: int = 500
    """So many are looked at, whether they are meant or not."""


class RunsMet(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a stretch that are meant, and how far it was looked at."""

    rows: list[RunRow]
    looked: int
    last: int
    """The number of the last one that was looked at; 0 where there was none."""


class LinePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a line stands among those of some runs."""

    run: str
    line: int


class KeptLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a log, as it is kept."""

    line: int
    said: LogLine
    is_private: bool = False
    """Whether it lies under seal."""
