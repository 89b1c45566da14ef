"""How runs end, and who waits for it."""

import asyncio
from collections.abc import Collection

import msgspec

from auraos.core.run.facts import StepError
from auraos.core.values import Value
from auraos.engine.ports import RunRow
from auraos.engine.shards import ElsewhereError


class Ended(msgspec.Struct, frozen=True):
    """How a run ended."""

    run: str
    state: str
    output: Value = None
    error: StepError | None = None
    row: RunRow | None = None
    """The run as it is kept, where this process led it and what it is about is no secret."""


class Begun(msgspec.Struct, frozen=True):
    """A run whose start is durable."""

    run: str
    is_new: bool = True
    """Whether it was not there before, where its id was given."""
    end: "asyncio.Future[Ended] | None" = None
    """Its end, for whoever follows it and where it is led here."""
    row: RunRow | None = None
    """The run as it is kept, where it goes on here and what it is about is no secret."""


class Endings:
    """Who waits for the ends of runs that are led here."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[Ended]]] = {}

    def expect(self, run: str) -> "asyncio.Future[Ended]":
        """Return the end of a run, once it comes; it raises `ElsewhereError` when another process leads the run by then."""
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run, []).append(future)
        return future

    def forget(self, run: str, end: "asyncio.Future[Ended] | None") -> None:
        """Expect this end of a run no more: it does not begin here."""
        waiting = self._waiting.get(run, [])
        if end in waiting:
            waiting.remove(end)
        if not waiting:
            self._waiting.pop(run, None)

    def tell(self, ended: Ended) -> None:
        """Tell everybody who waits for a run how it ended."""
        for waiting in self._waiting.pop(ended.run, ()):
            if not waiting.done():
                waiting.set_result(ended)

    def gone(self, runs: Collection[str]) -> None:
        """Tell everybody who waits for these runs that another process leads them."""
        for run in runs:
            for waiting in self._waiting.pop(run, ()):
                if not waiting.done():
                    waiting.set_exception(ElsewhereError(f"Another process leads run {run}."))
