"""The seal over what private runs tell, put on a store when it is opened. Its keys are read when the first private run comes."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from auraos.engine.ports import Batch, LogLine, RequestRow, StoredRun, Write
from auraos.storage.folder import DataFolder
from auraos.storage.tables.statement import Tables
from auraos.storage.veil import MARK, is_private, is_sealed

if TYPE_CHECKING:
    from auraos.core.run import Program
    from auraos.core.run.facts import RunStarted
    from auraos.security.privacy.seals import RunSeal
    from auraos.security.secrets.keys import Keys
    from auraos.storage.postgres import PostgresStore
    from auraos.storage.sealing import Sealing
    from auraos.storage.sqlite import SqliteStore

# ruff: noqa: PLC0415 (most stores hold no private run, and a list of runs needs no cipher)


class LateSealing:
    """Seals and opens what a store keeps of private runs, from the first of them on."""

    def __init__(self, tables: Tables, make: "Callable[[], Sealing]") -> None:
        self._tables = tables
        self._make = make
        self._made: Sealing | None = None

    @property
    def made(self) -> "Sealing":
        """Return what seals; its keys are there from now on."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def concerns(self, run: str, program: "Program") -> bool:
        """Return whether a run is private."""
        return program.is_private or (self._made is not None and self._made.concerns(run, program))

    async def bind(self, started: "RunStarted", program: "Program") -> Callable[[str], str]:
        """Give a run its key."""
        return await self.made.bind(started, program)

    async def follow(self, before: str, run: str) -> None:
        """Let a run that begins with what another one did be private if that one is."""
        await self.made.follow(before, run)

    def seal_of(self, run: str) -> "RunSeal | None":
        """Return the key of a run that this process leads, or read lately."""
        return None if self._made is None else self._made.seal_of(run)

    def forget(self, runs: Collection[str]) -> None:
        """Hold the keys of these runs no more."""
        if self._made is not None:
            self._made.forget(runs)

    def seal(self, writes: Sequence[Write]) -> Sequence[Write]:
        """Return what is to be written, that of private runs under seal."""
        return writes if self._made is None else self._made.seal(writes)

    async def open_journal(self, run: str, batches: list[Batch]) -> list[Batch]:
        """Return a journal as its run wrote it."""
        if not any(is_sealed(batch.facts) for batch in batches):
            return batches
        return await self.made.open_journal(run, batches)

    async def open_runs(self, found: list[StoredRun]) -> list[StoredRun]:
        """Return runs that are brought into memory."""
        if not any(is_sealed(batch.facts) for one in found for batch in one.journal):
            return found
        return await self.made.open_runs(found)

    async def open_requests(self, rows: list[RequestRow]) -> list[RequestRow]:
        """Return requests as they were sent."""
        if not any(row.body.startswith(MARK) for row in rows):
            return rows
        return await self.made.open_requests(rows)

    async def open_lines(self, run: str, lines: list[LogLine]) -> list[LogLine]:
        """Return what the steps of a run logged."""
        if not any("$sealed" in line.fields for line in lines):
            return lines
        return await self.made.open_lines(run, lines)

    async def is_private(self, run: str) -> bool:
        """Return whether what a run tells is under seal, or was until it was erased."""
        return await is_private(self._tables, run)


def seal_store(
    store: "SqliteStore | PostgresStore",
    data: Path,
    installation: str,
    environment: Mapping[str, str] = os.environ,
    *,
    keys: "Keys | None" = None,
) -> LateSealing:
    """Let what private runs tell go into a store under seal. `installation` is the key in the marker of its folder; without
    `keys`, those of the folder or the environment seal.
    """

    def make() -> "Sealing":
        from auraos.app.secrets.secrets import open_keys
        from auraos.engine.clock import SystemClock
        from auraos.security.privacy.seals import Seals
        from auraos.storage.sealing import Sealing
        from auraos.storage.tables.privacy import PrivacyTables

        clock = SystemClock()
        sealing = keys or open_keys(
            environment, data, installation, store.tables, now=clock.now, new_id=clock.new_id
        )
        return Sealing(Seals(PrivacyTables(store.tables), sealing, now=clock.now))

    late = LateSealing(store.tables, make)
    store.sealing = late
    store.opening = late
    return late


async def open_store(folder: DataFolder, stack: AsyncExitStack) -> "SqliteStore":
    """Open the store of a folder that this process holds; it is closed with the stack."""
    from auraos.storage.sqlite.store import SqliteStore

    store = SqliteStore.open(folder)
    stack.push_async_callback(store.close)
    marker = folder.marker
    assert marker is not None  # opening the store has written it
    seal_store(store, folder.path, marker.key)
    return store
