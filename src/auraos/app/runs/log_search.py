"""`search_lines`: what the steps of all runs of a workspace logged, found by words, step, level and time.

Runs are looked at one after the other, the newest or the oldest first, and so are the lines of each: no index says where a word
stands. One question looks at so many runs and lines and no more; where it ends before all were looked at, the answer says how far
it came and where to go on.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from auraos.app.runs.runs import Asking, Runs
from auraos.core.errors import UserError
from auraos.core.run import static_path
from auraos.core.values import to_plain
from auraos.engine.counting import FOREVER
from auraos.engine.log_lines import KeptLine, LinePlace, RunsMet, RunStretch
from auraos.engine.ports import RunRow
from auraos.engine.stream import UNDER_SEAL

LEVELS: Final = ("debug", "info", "warning", "error")
MOST_RUNS: Final = 5_000
MOST_LINES: Final = 10_000
"""So many runs and lines are looked at for one answer."""
_RUNS_AT_ONCE: Final = 500
_AT_ONCE: Final = 100
_LINES_AT_ONCE: Final = 1_000


class CursorRefusedError(UserError):
    """What says where a search goes on is nothing that an answer gave."""

    code = "cursor-refused"


class LineStore(Protocol):
    """What is read of a store, or of the process that has it."""

    async def runs_of(self, stretch: RunStretch) -> RunsMet: ...

    async def lines_of(
        self,
        runs: Sequence[str],
        *,
        after: LinePlace | None = None,
        oldest_first: bool = False,
        limit: int = 1000,
    ) -> list[KeptLine]: ...


class LineWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines are meant."""

    workspace: str = "default"
    text: str = ""
    """Stands in the message or in the fields, in capital letters or small ones."""
    workflow: str = ""
    step: str = ""
    """Its path; without the numbers of loops it means all of their rounds."""
    level: str = ""
    """It, or a more serious one."""
    since: int = 0
    until: int = FOREVER
    oldest_first: bool = False
    limit: int = 100
    after: str = ""
    """`next` of the answer before."""


class FoundLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line, and the run that it is of."""

    run: str
    number: int
    workflow: str
    path: str
    attempt: int
    at: int
    level: str
    message: str
    fields: Any


class LinesFound(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that were found, by run, and how far was looked. Where `next` is not empty there may be more after it."""

    items: tuple[FoundLine, ...]
    next: str
    runs: int
    """So many runs were looked at."""
    lines: int
    """So many lines of them were read."""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a search goes on: among the runs between two numbers, after a line of them."""

    above: int = 0
    below: int = FOREVER
    after: LinePlace | None = None

    @classmethod
    def of(cls, text: str) -> "_Place":
        above, _, rest = text.partition(":")
        below, _, rest = rest.partition(":")
        line, _, run = rest.partition(":")
        numbers = (above, below, line or "0")
        are_numbers = all(each.isascii() and each.isdigit() and len(each) < 19 for each in numbers)
        if not are_numbers or bool(line) != bool(run):
            raise CursorRefusedError(
                f"{text[:100]!r} is not where a search goes on.", hint="Give `next` of an answer."
            )
        place = LinePlace(run=run, line=int(line)) if run else None
        return cls(above=int(above), below=int(below) or FOREVER, after=place)

    def __str__(self) -> str:
        ends = f"{self.above}:{self.below if self.below < FOREVER else 0}"
        return ends if self.after is None else f"{ends}:{self.after.line}:{self.after.run}"


async def search_lines(
    store: LineStore,
    wish: LineWish,
    *,
    only: RunRow | None = None,
    reaches: Callable[[RunRow], Awaitable[bool]] | None = None,
    reveals: Callable[[RunRow], Awaitable[bool]] | None = None,
    revealed: dict[str, RunRow] | None = None,
) -> LinesFound:
    """Return lines that are meant, of one run or of all that `reaches` says are seen. What private runs say is hidden, and
    found by no words, unless `reveals` says of a run that it is shown; the store gives it opened then, and the run is put
    into `revealed`.
    """
    search = _Search(store, wish, reveals, {} if revealed is None else revealed)
    place = _Place.of(wish.after) if wish.after else _Place()
    if only is not None:
        await search.look([only], place.after)
        return search.found("" if search.stopped is None else str(_Place(after=search.stopped)))
    while True:
        within = RunStretch(
            workspace=wish.workspace, workflow=wish.workflow, since=wish.since, until=wish.until, above=place.above,
            below=place.below, oldest_first=wish.oldest_first, limit=_RUNS_AT_ONCE,
        )  # fmt: skip
        met = await store.runs_of(within)
        search.runs += met.looked
        rows = [row for row in met.rows if reaches is None or await reaches(row)]
        at_once = (
            _AT_ONCE if place.after is None else _RUNS_AT_ONCE
        )  # amid some runs it goes on among the same ones
        for first in range(0, len(rows), at_once):
            some = rows[first : first + at_once]
            await search.look(some, place.after)
            if search.stopped is not None:
                return search.found(str(_amid(place, some, search.stopped)))
        if place.after is not None:  # these were runs amid which the answer before ended; go on beyond them
            ends = (place.below - 1, FOREVER) if wish.oldest_first else (0, place.above + 1)
            place = _Place(above=ends[0], below=ends[1])
        elif not met.looked:
            return search.found("")
        else:
            ends = (met.last, FOREVER) if wish.oldest_first else (0, met.last)
            place = _Place(above=ends[0], below=ends[1])
        if search.runs >= MOST_RUNS:
            return search.found(str(place))


def _amid(place: _Place, some: Sequence[RunRow], after: LinePlace) -> _Place:
    """Return the place amid some runs: by their numbers, so that nothing is left out when others come or go."""
    if place.after is not None:
        return msgspec.structs.replace(place, after=after)
    numbers = [row.number for row in some]
    return _Place(above=min(numbers) - 1, below=max(numbers) + 1, after=after)


class _Search:
    """What was found so far."""

    def __init__(
        self,
        store: LineStore,
        wish: LineWish,
        reveals: Callable[[RunRow], Awaitable[bool]] | None,
        revealed: dict[str, RunRow],
    ) -> None:
        self._revealed = revealed
        self._store = store
        self._wish = wish
        self._reveals = reveals
        self._text = wish.text.casefold()
        self._levels = LEVELS[LEVELS.index(wish.level) :] if wish.level else ()
        self._items: list[FoundLine] = []
        self.runs = 0
        self.lines = 0
        self.stopped: LinePlace | None = None
        """After this line nothing was looked at."""

    def found(self, after: str) -> LinesFound:
        return LinesFound(items=tuple(self._items), next=after, runs=self.runs, lines=self.lines)

    async def look(self, rows: Sequence[RunRow], after: LinePlace | None) -> None:
        """Look through the lines of some runs, beginning after one."""
        known = {row.run: row for row in rows}
        oldest_first = self._wish.oldest_first
        while True:
            lines = await self._store.lines_of(
                list(known), after=after, oldest_first=oldest_first, limit=_LINES_AT_ONCE
            )
            for one in lines:
                after = LinePlace(run=one.said.run, line=one.line)
                self.lines += 1
                await self._take(known[one.said.run], one)
                if len(self._items) >= self._wish.limit or self.lines >= MOST_LINES:
                    self.stopped = after
                    return
            if len(lines) < _LINES_AT_ONCE:
                return

    async def _take(self, row: RunRow, kept: KeptLine) -> None:
        wish, said = self._wish, kept.said
        if not wish.since <= said.at < wish.until or (self._levels and said.level not in self._levels):
            return
        if wish.step and wish.step not in (said.path, static_path(said.path)):
            return
        is_shown = not kept.is_private or (self._reveals is not None and await self._reveals(row))
        if not is_shown:
            if self._text:
                return
            said = msgspec.structs.replace(said, message=UNDER_SEAL, fields={})
        fields = to_plain(said.fields)
        if self._text and self._text not in f"{said.message}\n{_words_of(fields)}".casefold():
            return
        if kept.is_private and is_shown:
            self._revealed[row.run] = row
        self._items.append(
            FoundLine(
                run=row.run,
                number=row.number,
                workflow=row.workflow,
                path=said.path,
                attempt=said.attempt,
                at=said.at,
                level=said.level,
                message=said.message,
                fields=fields,
            )
        )


def _words_of(fields: Any) -> str:
    return msgspec.json.encode(fields, enc_hook=str).decode() if fields else ""


class LogBook:
    """The logs of all runs of an installation."""

    def __init__(self, runs: Runs, store: LineStore, shown: LineStore) -> None:
        self._runs = runs
        self._store = store
        self._shown = shown

    async def search(
        self,
        asking: Asking,
        wish: LineWish,
        *,
        only: RunRow | None = None,
        reaches: Callable[[RunRow], Awaitable[bool]] | None = None,
        reveals: Callable[[RunRow], Awaitable[bool]] | None = None,
    ) -> LinesFound:
        """Return lines that are meant; of each private run that is shown it is written down first."""
        revealed: dict[str, RunRow] = {}
        store = self._shown if reveals is None else self._store
        found = await search_lines(
            store, wish, only=only, reaches=reaches, reveals=reveals, revealed=revealed
        )
        for row in revealed.values():
            await self._runs.note_reveal(asking, row, "logs")
        return found
