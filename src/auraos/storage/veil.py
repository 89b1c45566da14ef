"""A store as those see it who may see the course of runs and not what private ones are about. It needs no key."""

from typing import TYPE_CHECKING

import msgspec

from auraos.engine.ports import Batch, LogLine, StoredRun
from auraos.storage.reads import Reads
from auraos.storage.tables.statement import Tables

if TYPE_CHECKING:
    from auraos.core.run.sealed import Why

# ruff: noqa: PLC0415 (a list of runs needs no machine)

MARK = b'{"$sealed":"'
"""How a journal of a private run begins; `core.run.sealed` writes it."""
WORDS = {"redacted": "What is said here is under seal.", "erased": "What was said here was erased."}
_STATE = "select min(case when erased_at > 0 then 1 else 0 end) from run_keys where run=?"


def is_sealed(facts: bytes) -> bool:
    """Return whether facts are under seal; what somebody has made no bytes of, behind the back of the store, is not."""
    return isinstance(facts, bytes) and facts.startswith(MARK)


class Veil:
    """Hides what private runs tell."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def open_journal(self, run: str, batches: list[Batch]) -> list[Batch]:
        """Return a journal with a sign in the place of each value, if it is that of a private run."""
        if not any(is_sealed(batch.facts) for batch in batches):
            return batches
        from auraos.core.run.sealed import open_stretch

        why = await self.why(run)
        return [
            msgspec.structs.replace(batch, facts=open_stretch(batch.facts, None, why)) for batch in batches
        ]

    async def open_runs(self, found: list[StoredRun]) -> list[StoredRun]:
        """Return runs with their journals veiled."""
        return [
            msgspec.structs.replace(one, journal=await self.open_journal(one.row.run, list(one.journal)))
            for one in found
        ]

    async def open_lines(self, run: str, lines: list[LogLine]) -> list[LogLine]:
        """Return the lines that steps logged, without what they say if the run is private."""
        if not any("$sealed" in line.fields for line in lines):
            return lines
        why = await self.why(run)
        return [
            msgspec.structs.replace(line, message=WORDS[why], fields={}) if "$sealed" in line.fields else line
            for line in lines
        ]

    async def why(self, run: str) -> "Why":
        """Say why what a private run tells is not shown."""
        found = await self._tables.all(_STATE, (run,), lambda row: row[0])
        return "erased" if found and found[0] else "redacted"

    async def is_private(self, run: str) -> bool:
        """Return whether what a run tells is under seal, or was until it was erased."""
        return await is_private(self._tables, run)


async def is_private(tables: Tables, run: str) -> bool:
    """Return whether what a run tells is under seal, or was until it was erased."""
    return bool(await tables.all("select 1 from run_keys where run=? limit 1", (run,), lambda row: row[0]))


def veiled(store: Reads, tables: Tables) -> Reads:
    """Return the reading half of a store as those see it who may not see what private runs are about."""
    return store.behind(Veil(tables))
