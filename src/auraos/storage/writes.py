"""What both stores do alike with writes: hand them to the writer, and say how many it made durable."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from auraos.engine.ports import RequestRow, Told, Write
from auraos.storage.batching import commit_one


class Writer(Protocol):
    """Makes writes durable, those together that come together."""

    commits: int
    writes: int

    def submit(self, writes: Sequence[Write], told: Told) -> None: ...


class Sealer(Protocol):
    """What is done with what private runs write, and with what they ask of each other."""

    def seal(self, writes: Sequence[Write]) -> Sequence[Write]: ...

    async def open_requests(self, rows: list[RequestRow]) -> list[RequestRow]: ...


class Writes:
    """The writing half of a store. Whoever inherits it sets `_writer`."""

    _writer: Writer
    sealing: Sealer | None = None
    """Seals what private runs write, where somebody has set it."""

    @property
    def commits(self) -> int:
        """Return how many transactions were made durable."""
        return self._writer.commits

    @property
    def writes(self) -> int:
        """Return how many writes were made durable."""
        return self._writer.writes

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        """Make writes durable, together with all that wait."""
        self._writer.submit(writes if self.sealing is None else self.sealing.seal(writes), told)

    def commit(self, write: Write) -> "asyncio.Future[None]":
        """Make one write durable."""
        return commit_one(self.submit, write)
