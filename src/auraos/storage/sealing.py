"""The seal of private runs: what they tell goes under it on its way into a store, and comes out from under it on its way back.

Which runs are private is known of each before its first fact is written, and of each that is read, from what is read; so no
write of a private run passes unsealed, and of other runs nobody asks anything.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from auraos.core.privacy import subjects_in
from auraos.core.run.facts import RunStarted
from auraos.core.run.program import Program
from auraos.core.run.sealed import (
    is_sealed,
    open_line,
    open_stretch,
    open_value,
    seal_line,
    seal_stretch,
    seal_value,
    sealed_by,
)
from auraos.engine.active import UNDER_SEAL
from auraos.engine.ports import Batch, LogLine, RequestRow, StoredRun, Write
from auraos.security.privacy.seals import DataErasedError, RunSeal, Seals

ERASED: Final = "What was said here was erased."
MOST_RECENT: Final = 1000


class Sealing:
    """Seals and opens what one store keeps of private runs."""

    def __init__(self, seals: Seals) -> None:
        self.seals = seals
        self._open: dict[str, RunSeal] = {}
        """Those that are not over, as far as this process begun or read them."""
        self._recent: OrderedDict[str, RunSeal] = OrderedDict()
        """Those that ended or were read lately."""
        self._awaited: dict[str, RunSeal] = {}
        """Runs that are about to begin with what a private run hands on to them → its key."""

    # --- beginning ---

    def concerns(self, run: str, program: Program) -> bool:
        """Return whether a run is private: by its schemas, or because a private run hands data on to it."""
        return program.is_private or (bool(self._awaited) and run in self._awaited)

    async def bind(self, started: RunStarted, program: Program) -> Callable[[str], str]:
        """Give a run its key, durably; return what stands for a text where the same text must give the same."""
        run = started.run
        if run not in self._open:
            names = subjects_in(program.workflow.input or {}, started.input)
            self._open[run] = await self.seals.bind(started.workspace, run, names, self._awaited.get(run))
        self._awaited.pop(run, None)
        return self._open[run].mask

    async def follow(self, before: str, run: str) -> None:
        """Let a run that begins with what another one did be private if that one is; raise `DataErasedError` if nothing of it is
        left.
        """
        found = await self.seals.load([before])
        if before not in found:
            return
        seal = found[before]
        if seal is None:
            raise DataErasedError(
                f"What run {before} told was erased, so no run can go on with it.", hint="Start a new one."
            )
        self._awaited[run] = seal

    def seal_of(self, run: str) -> RunSeal | None:
        """Return the key of a run that this process leads, or read lately."""
        return self._open.get(run) or self._recent.get(run)

    def forget(self, runs: Collection[str]) -> None:
        """Hold the keys of these runs no more: they were thrown away."""
        for run in runs:
            self._open.pop(run, None)
            self._recent.pop(run, None)
            self._awaited.pop(run, None)

    # --- writing ---

    def seal(self, writes: Sequence[Write]) -> Sequence[Write]:
        """Return what is to be written, that of private runs under seal."""
        if not (self._open or self._recent):
            return writes
        return [self._sealed(write) for write in writes]

    def _sealed(self, write: Write) -> Write:
        seal = self.seal_of(write.run)
        requests = [self._sealed_request(row, seal) for row in write.requests] if write.requests else ()
        if seal is None:
            return msgspec.structs.replace(write, requests=requests) if requests else write
        row = write.row
        if row is not None and row.finished_at is not None:
            self._keep_recent(write.run, seal)
            self._open.pop(write.run, None)
        return msgspec.structs.replace(
            write,
            facts=seal_stretch(write.facts, seal.seal),
            row=row if row is None or not row.why else msgspec.structs.replace(row, why=UNDER_SEAL),
            logs=[_sealed_line(line, seal) for line in write.logs],
            requests=requests,
            snapshot=None,
            cached=(),
        )

    def _sealed_request(self, request: RequestRow, sender: RunSeal | None) -> RequestRow:
        """Return a request under the seal of the run it is for, else of the one that sends it."""
        receiver = self.seal_of(request.run)
        seal = receiver or sender
        if seal is None or is_sealed(request.body) or not request.body.startswith(b'{"fact":'):
            return request
        if receiver is None and request.kind in ("start", "call"):
            self._awaited[request.run] = seal
        return msgspec.structs.replace(request, body=seal_line(request.body, seal.seal, seal.run))

    def _keep_recent(self, run: str, seal: RunSeal) -> None:
        self._recent[run] = seal
        if len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)

    # --- reading ---

    async def open_journal(self, run: str, batches: list[Batch]) -> list[Batch]:
        """Return a journal as its run wrote it; with `Hidden` in the place of values where the key was thrown away."""
        if not any(is_sealed(batch.facts) for batch in batches):
            return batches
        seal = await self._find(run)
        return [_opened(batch, seal) for batch in batches]

    async def open_runs(self, found: list[StoredRun]) -> list[StoredRun]:
        """Return runs that are brought into memory, and know those that are private from now on."""
        private = [one.row.run for one in found if any(is_sealed(batch.facts) for batch in one.journal)]
        if not private:
            return found
        seals = await self.seals.load(private)
        opened: list[StoredRun] = []
        for one in found:
            run = one.row.run
            seal = seals.get(run)
            if seal is not None and one.row.finished_at is None:
                self._open[run] = seal
            opened.append(
                msgspec.structs.replace(
                    one, journal=[_opened(batch, seal) for batch in one.journal], is_private=True
                )
                if run in private
                else one
            )
        return opened

    async def open_requests(self, rows: list[RequestRow]) -> list[RequestRow]:
        """Return requests as they were sent. Who is begun by one that a private run sent is private, too."""
        senders = {sealed_by(row.body) for row in rows if is_sealed(row.body)}
        if not senders:
            return rows
        seals = await self.seals.load(senders)
        opened: list[RequestRow] = []
        for row in rows:
            if not is_sealed(row.body):
                opened.append(row)
                continue
            seal = seals.get(sealed_by(row.body))
            if seal is not None and seal.run != row.run and row.kind in ("start", "call"):
                self._awaited[row.run] = seal
            body = open_line(row.body, None if seal is None else seal.unseal)
            opened.append(msgspec.structs.replace(row, body=body))
        return opened

    async def open_lines(self, run: str, lines: list[LogLine]) -> list[LogLine]:
        """Return what the steps of a run logged."""
        if not any("$sealed" in line.fields for line in lines) or not await self.seals.is_private(run):
            return lines
        seal = await self._find(run)
        return [_opened_line(line, seal) for line in lines]

    async def is_private(self, run: str) -> bool:
        """Return whether what a run tells is under seal, or was until it was erased."""
        return await self.seals.is_private(run)

    async def _find(self, run: str) -> RunSeal | None:
        seal = (await self.seals.load([run])).get(run)
        if seal is not None:
            self._keep_recent(run, seal)
        return seal


def _opened(batch: Batch, seal: RunSeal | None) -> Batch:
    facts = open_stretch(batch.facts, None if seal is None else seal.unseal)
    return msgspec.structs.replace(batch, facts=facts)


def _sealed_line(line: LogLine, seal: RunSeal) -> LogLine:
    told = seal_value({"message": line.message, "fields": line.fields}, seal.seal)
    return msgspec.structs.replace(line, message="", fields=told)


def _opened_line(line: LogLine, seal: RunSeal | None) -> LogLine:
    if "$sealed" not in line.fields:
        return line
    if seal is None:
        return msgspec.structs.replace(line, message=ERASED, fields={})
    told = open_value(line.fields, seal.unseal)
    return msgspec.structs.replace(line, message=told["message"], fields=told["fields"])
